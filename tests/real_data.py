"""Real photographs and weights, which are not part of the project."""
from pathlib import Path

import pytest

_SHARED = Path(__file__).parents[2] / 'shared/data'
MSRC = _SHARED / 'msrc_v2'
RESNET18 = _SHARED / 'weights/resnet18_torchvision_stages1-3_bncalib.pth'

needs_msrc = pytest.mark.skipif(
    not MSRC.is_dir(), reason=f'{MSRC.name} is not in ../shared/data')
needs_resnet18 = pytest.mark.skipif(
    not RESNET18.is_file(),
    reason=f'{RESNET18.name} is not in ../shared/data/weights')
