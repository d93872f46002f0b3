import gc

import pytest

from mmseg_panet.garbage_collection import pause_garbage_collection


def test_collections_go_on_after_the_imports_even_if_one_fails():
    assert gc.isenabled()
    with pytest.raises(ImportError), pause_garbage_collection():
        assert not gc.isenabled()
        raise ImportError('mmseg')
    assert gc.isenabled()


def test_collections_that_a_user_has_switched_off_stay_off():
    gc.disable()
    try:
        with pause_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
