"""What all tests share."""
import os

import pytest


@pytest.fixture(autouse=True, scope='session')
def _own_cache(tmp_path_factory):
    """Keep the class indices of the tests out of the user's cache."""
    os.environ['MMSEG_PANET_CACHE'] = str(tmp_path_factory.mktemp('cache'))


@pytest.fixture(autouse=True, scope='session')
def _mmseg_scope():
    """As a Runner does with ``default_scope = 'mmseg'``."""
    from mmengine.registry import init_default_scope
    init_default_scope('mmseg')


@pytest.fixture(scope='session')
def toy_root(tmp_path_factory):
    """A small toy data set."""
    from mmseg_panet.datasets import make_toy_dataset
    return make_toy_dataset(
        tmp_path_factory.mktemp('toy'), num_images=120, size=64, seed=0)
