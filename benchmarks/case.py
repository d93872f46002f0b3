"""The network and the batch of episodes of a measurement."""
from typing import NamedTuple

import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_panet.config.config_file import read_config

CONFIGS = {
    'ResNet-18': 'panet_r18-d8_1xb4-600iters_msrc7i-225x225',
    'VGG-16': 'panet_vgg16-d8_1xb1-30k_pascal5i-417x417',
    'ResNet-50': 'panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473',
}


class Case(NamedTuple):
    """Sizes of a measurement; an episode has one query."""

    net: str = 'VGG-16'
    size: int = 417
    ways: int = 2
    shots: int = 5
    batch: int = 1

    def __str__(self) -> str:
        return (f'{self.net}, {self.size}x{self.size}, {self.ways}-way '
                f'{self.shots}-shot, batch {self.batch}')


def build_model(case: Case, channels_last: bool | None,
                device: torch.device) -> nn.Module:
    """Build the segmentor of a config, in training mode and random.

    Without a ``channels_last`` as the config has it.
    """
    init_default_scope('mmseg')
    cfg = read_config(CONFIGS[case.net])
    cfg.model.backbone.init_cfg = None
    if channels_last is not None:
        cfg.model.channels_last = channels_last
    cfg.model.data_preprocessor.size = (case.size, case.size)
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model.to(device).train()


def sgd(module: nn.Module) -> torch.optim.SGD:
    """Build the paper's optimizer, with steps too small to matter."""
    trained = [p for p in module.parameters() if p.requires_grad]
    return torch.optim.SGD(trained, lr=1e-8, momentum=0.9, weight_decay=5e-4)


def noise_batch(case: Case, seed: int = 0) -> dict[str, list]:
    """Make a flat batch of noise, as the data loader gives it.

    Each image shows its way in a square over a ninth of it, brighter than
    the rest, and void along its lower edge; all the rest is background.

    Args:
        case (Case): The sizes.
        seed (int): The seed of the noise and of the squares.

    Returns:
        dict[str, list]: ``inputs`` (uint8, (3, H, W) each) and
        ``data_samples``.
    """
    generator = torch.Generator().manual_seed(seed)
    images, samples = [], []
    for episode in range(case.batch):
        roles = [
            dict(role='support', way=way, shot=shot)
            for way in range(1, 1 + case.ways) for shot in range(case.shots)]
        for part in (*roles, dict(role='query', way=1)):
            image, labels = _noise_image(case.size, part['way'], generator)
            images.append(image)
            samples.append(SegDataSample(
                gt_sem_seg=PixelData(data=labels[None]),
                metainfo=dict(
                    part, run=0, episode=episode, img_path='noise',
                    class_ids=list(range(case.ways)),
                    class_names=[f'class {way}' for way in range(case.ways)],
                    ori_shape=(case.size, case.size),
                    img_shape=(case.size, case.size))))
    return dict(inputs=images, data_samples=samples)


def _noise_image(size: int, way: int, generator: torch.Generator
          ) -> tuple[torch.Tensor, torch.Tensor]:
    side = size // 3
    top, left = torch.randint(
        size - side - 1, (2,), generator=generator).tolist()
    square = (slice(top, top + side), slice(left, left + side))
    image = torch.randint(128, (3, size, size), generator=generator)
    image[:, square[0], square[1]] += 40 * way
    labels = torch.zeros(size, size, dtype=torch.long)
    labels[square] = way
    labels[-1] = 255
    return image.clamp_max(255).to(torch.uint8), labels
