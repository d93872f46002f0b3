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

# A fork hangs where OpenMP has threads, which make test forbids.
torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope='session')
def _own_cache(tmp_path_factory):
    """Keep the class indices of the tests out of the user's cache."""
    os.environ['MMSEG_PANET_CACHE'] = str(tmp_path_factory.mktemp('cache'))


@pytest.fixture(autouse=True, scope='session')
def _mmseg_scope():
    """Set the scope, as a Runner with ``default_scope = 'mmseg'`` does."""
    init_default_scope('mmseg')


@pytest.fixture(autouse=True, scope='session')
def _quick_collections():
    """Keep the imported modules out of garbage collection.

    Each data set of mmengine starts one.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope='session')
def _quick_configs():
    """Log configs without laying them out.

    mmengine has yapf lay them out four times a run, which takes seconds if
    they hold long paths.
    """
    with mock.patch('yapf.yapflib.yapf_api.FormatCode',
                    lambda text, **_: (text, True)):
        yield


@pytest.fixture(autouse=True)
def _no_workers_left():
    """Let no test wait for the workers of those before it."""
    yield
    if multiprocessing.active_children():
        stop_workers()


@pytest.fixture(scope='session')
def toy_root(tmp_path_factory):
    """A small toy data set."""
    return make_toy_dataset(
        tmp_path_factory.mktemp('toy'), num_images=120, size=64, seed=0)
