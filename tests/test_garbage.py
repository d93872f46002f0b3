import gc

import pytest

from mmseg_panet.garbage import without_collections


def test_collections_go_on_after_the_imports_even_if_one_fails():
    assert gc.isenabled()
    with pytest.raises(ImportError), without_collections():
        assert not gc.isenabled()
        raise ImportError('mmseg')
    assert gc.isenabled()


def test_collections_that_a_user_has_switched_off_stay_off():
    gc.disable()
    try:
        with without_collections():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
