"""A tiny inferencer, and images with supports for it."""
import numpy as np
import torch
from mmengine.config import Config

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.models import PANetHead
from mmseg_panet.models.bank.banked_image import (
    BankedNegative,
    BankedSupport,
)

RESIZE = dict(type='Resize', scale=(65, 65), keep_ratio=False)


def small_config(*steps, **model):
    """Build the config of a tiny network with steps of its pipeline."""
    load = dict(type='LoadImageFromFile')
    return Config(dict(
        model=dict(
            type='FewShotSegmentor',
            data_preprocessor=dict(
                type='SegDataPreProcessor', mean=[100, 110, 120],
                std=[50, 60, 70], bgr_to_rgb=True),
            backbone=dict(
                type='DilatedResNet', depth=18, base_channels=8,
                stem_channels=8),
            decode_head=dict(type='PANetHead', in_channels=32),
            test_cfg=dict(mode='whole')) | model,
        test_dataloader=dict(dataset=dict(query_pipeline=[
            load, *steps, dict(type='LoadAnnotations'),
            dict(type='PackEpisodeInputs')]))))


def small_inferencer(*steps, weights=None, seed=0, model=None,
                     classifier='config', **settings):
    """Build an inferencer with random weights that depend on the seed."""
    torch.manual_seed(seed)
    return FewShotInferencer(
        small_config(*steps, **(model or {})), weights, device='cpu',
        show_progress=False, classifier=classifier, **settings)


def image_of(colour, size=(60, 80), box=(10, 10, 30, 40), seed=0):
    """Create an image (H, W, 3) with a coloured box on noise, and its mask."""
    image = np.random.default_rng(seed).integers(
        90, 130, (*size, 3), dtype=np.uint8)
    x, y, width, height = box
    image[y:y + height, x:x + width] = colour
    mask = np.zeros(size, bool)
    mask[y:y + height, x:x + width] = True
    return image, mask


def red_and_blue(shots=2):
    """Create supports of two classes."""
    return {
        name: [image_of(colour, seed=10 * label + shot,
                        box=(5 + 9 * shot, 8, 30, 30))
               for shot in range(shots)]
        for label, (name, colour) in enumerate(
            [('red', (20, 20, 230)), ('blue', (230, 20, 20))])}


def banked(class_name, *other, shot=0, labels=None):
    """Create a support with random features of all the given classes."""
    names = (class_name, *other)
    generator = torch.Generator().manual_seed(
        sum(class_name.encode()) + 1000 * shot)
    features = torch.randn(1, 6, 4, 5, generator=generator).double()
    if labels is None:
        labels = torch.randint(
            0, 1 + len(names), (1, 16, 20), generator=generator)
    statistics = class_statistics(features, labels, len(names))
    return BankedSupport(
        class_name, names, statistics.each(lambda one: one[0]),
        f'{class_name}{shot}.jpg', f'{class_name}{shot}', 'labels')


def negative(number=0):
    """Create a negative with random features."""
    generator = torch.Generator().manual_seed(500 + number)
    statistics = class_statistics(
        torch.randn(1, 6, 4, 5, generator=generator).double(),
        torch.zeros(1, 16, 20), 0)
    return BankedNegative(
        statistics.each(lambda one: one[0]), f'none{number}.jpg',
        f'none{number}')


def class_statistics(features, labels, num_classes):
    """Compute statistics of features (N, C, h, w) and labels (N, H, W)."""
    return PANetHead(features.shape[1]).class_statistics(
        features, labels, num_classes)


def broadcast(main, other, monkeypatch):
    """Let one inferencer send its classes to that of another process."""
    sent = []
    module = 'mmseg_panet.inference.class_registry'
    monkeypatch.setattr(f'{module}.broadcast_object_list', sent.extend)
    main.broadcast()

    def receive(shared):
        shared[:] = sent

    monkeypatch.setattr(f'{module}.broadcast_object_list', receive)
    monkeypatch.setattr(f'{module}.is_main_process', lambda: False)
    other.broadcast()
