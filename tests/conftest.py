"""What all tests share."""
import os
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
MSRC = REPO.parent / 'shared/data/msrc_v2'
RESNET18 = REPO.parent / (
    'shared/data/weights/resnet18_torchvision_stages1-3_bncalib.pth')


@pytest.fixture(autouse=True, scope='session')
def _own_cache(tmp_path_factory):
    """Keep the class indices of the tests out of the user's cache."""
    os.environ['MMSEG_PANET_CACHE'] = str(tmp_path_factory.mktemp('cache'))


@pytest.fixture(scope='session')
def toy_root(tmp_path_factory):
    """A small toy data set."""
    from mmseg_panet.datasets import make_toy_dataset
    return make_toy_dataset(
        tmp_path_factory.mktemp('toy'), num_images=60, size=64, seed=0)
