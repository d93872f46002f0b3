"""Fixtures of all tests."""
import gc
import multiprocessing
import os
from unittest import mock

import pytest
import torch
from mmengine.registry import init_default_scope
from tool_runs import stop_workers

from mmseg_panet.datasets import make_toy_dataset

# A forked process hangs if OpenMP has several threads.
torch.set_num_threads(1)
# rich would write colours into output that is compared.
os.environ.pop('FORCE_COLOR', None)


@pytest.fixture(autouse=True, scope='session')
def _separate_cache(tmp_path_factory):
    """Use a temporary cache instead of the user's."""
    os.environ['MMSEG_PANET_CACHE'] = str(tmp_path_factory.mktemp('cache'))


@pytest.fixture(autouse=True, scope='session')
def _mmseg_scope():
    """Set the scope as a Runner does with ``default_scope = 'mmseg'``."""
    init_default_scope('mmseg')


@pytest.fixture(autouse=True, scope='session')
def _quick_collections():
    """Exclude the imported objects from the garbage collection.

    Each data set of mmengine starts a collection.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope='session')
def _quick_configs():
    """Log configs without formatting them.

    mmengine formats them with yapf four times per run, which takes seconds
    if they contain long paths.
    """
    with mock.patch('yapf.yapflib.yapf_api.FormatCode',
                    lambda text, **_: (text, True)):
        yield


@pytest.fixture(autouse=True)
def _no_workers_left():
    """Stop the workers of a test, so that later tests do not wait for them."""
    yield
    if multiprocessing.active_children():
        stop_workers()


@pytest.fixture(scope='session')
def toy_root(tmp_path_factory):
    """A small toy data set."""
    return make_toy_dataset(
        tmp_path_factory.mktemp('toy'), num_images=120, size=64, seed=0)
