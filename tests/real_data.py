"""Real photographs and weights, which are not part of the project."""
from pathlib import Path

import pytest

_SHARED = Path(__file__).parents[2] / 'shared/data'
MSRC = _SHARED / 'msrc_v2'
RESNET18 = _SHARED / 'weights/resnet18_torchvision_stages1-3_bncalib.pth'
RESNET50_CAFFE = _SHARED / 'weights/resnet50_caffe_stages1-3.pth'


def _needs(path: Path) -> pytest.MarkDecorator:
    folder = path.parent.relative_to(_SHARED.parents[1])
    return pytest.mark.skipif(
        not path.exists(), reason=f'{path.name} is not in ../{folder}')


needs_msrc = _needs(MSRC)
needs_resnet18 = _needs(RESNET18)
needs_resnet50_caffe = _needs(RESNET50_CAFFE)
