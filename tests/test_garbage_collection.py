import gc

import pytest

from mmseg_panet.garbage_collection import pause_garbage_collection


def test_garbage_collection_resumes_after_imports_that_fail():
    assert gc.isenabled()
    with pytest.raises(ImportError), pause_garbage_collection():
        assert not gc.isenabled()
        raise ImportError('mmseg')
    assert gc.isenabled()


def test_garbage_collection_that_a_user_disabled_stays_disabled():
    gc.disable()
    try:
        with pause_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
