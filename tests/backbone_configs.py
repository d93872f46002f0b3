"""The configs of configs/backbones, with random weights."""
import copy
from functools import cache

import pytest

from mmseg_panet.config.bundled_configs import config_files
from mmseg_panet.config.config_file import read_config
from mmseg_panet.config.settings import leave_timm_out

FILES = {name: path for name, path in config_files().items()
         if path.parent.name == 'backbones'}
_read = cache(read_config)


def config(name):
    """Read a config, without weights that tests could not download."""
    cfg = copy.deepcopy(_read(name))
    backbone = cfg.model.backbone
    if backbone.type == 'TIMMBackbone':
        pytest.importorskip('timm')
    backbone.init_cfg = None
    leave_timm_out(backbone)
    return cfg
