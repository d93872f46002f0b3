"""The configs of the package with tiny networks, images and schedules."""
from pathlib import Path

import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_panet.config import config_file

SIZE = 65
ITERATIONS = 2
IMAGES = 300
"""The number of images of a data set, see :mod:`small_data`."""
_SETTINGS = dict(
    init_cfg=None, batch_size=1, num_workers=0, persistent_workers=False,
    num_episodes=2, num_runs=2, min_area=1, max_iters=ITERATIONS,
    val_interval=ITERATIONS)


class ShrunkConfig(Config):
    """A config whose network, images and schedule are shrunk.

    A ResNet becomes a ResNet-18 with a small part of the channels and random
    weights. The other settings stay.
    """

    @staticmethod
    def fromfile(path):
        cfg = Config.fromfile(path)
        _shrink(cfg)
        return cfg


def shrink_configs(monkeypatch):
    """Let all names and paths of configs lead to shrunk ones."""
    monkeypatch.setattr(config_file, 'Config', ShrunkConfig)


def save_weights(config, path, backbone_only=False):
    """Save weights of a config, as random as those of its next model."""
    torch.manual_seed(0)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    model = config_file.read_config(config).model
    if backbone_only:
        # As torchvision has them: with a stage 4 and classes.
        weights = dict(MODELS.build(model.backbone).state_dict(), **{
            'layer4.0.conv1.weight': torch.ones(1),
            'fc.bias': torch.ones(1)})
    else:
        weights = dict(state_dict=MODELS.build(model).state_dict())
    torch.save(weights, path)


def _shrink(cfg):
    _change(cfg._cfg_dict)
    model = cfg.get('model', {})
    backbone = model.get('backbone', {})
    if backbone.get('type') == 'DilatedResNet':
        widest = 4 if backbone.depth >= 50 else 1
        channels = {64 * widest * 2**i: 8 * 2**i for i in range(4)}
        backbone.update(depth=18, base_channels=8, stem_channels=8)
        _narrow(model.decode_head, channels)


def _change(value):
    """Shrink the images, the schedule and the loaders, in place."""
    if isinstance(value, (list, tuple)):
        for one in value:
            _change(one)
    if not isinstance(value, dict):
        return
    for key, one in value.items():
        if key in _SETTINGS and not isinstance(one, (list, tuple)):
            value[key] = _SETTINGS[key]
        elif key in ('size', 'scale', 'crop_size') and isinstance(
                one, (list, tuple)):
            # Transformers need a multiple of the cells of 14 or 16 pixels.
            value[key] = (112,) * 2 if one[0] % 112 == 0 else (SIZE,) * 2
        elif key == 'indices':
            value[key] = [i for i in one if i < IMAGES]
        elif key == 'checkpoint' and isinstance(one, dict):
            one['interval'] = ITERATIONS
        else:
            _change(one)


def _narrow(head, channels):
    for key, value in head.items():
        if isinstance(value, dict):
            _narrow(value, channels)
        elif key in ('channels', 'in_channels'):
            head[key] = channels[value] if isinstance(value, int) else tuple(
                channels[one] for one in value)
