"""The packages of extras: what to do where they are missing."""
import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.extras import require_extra


def test_the_packages_that_are_missing_are_named_with_the_remedy():
    require_extra('serve', 'json', 'torch')
    with pytest.raises(InputError) as error:
        require_extra('serve', 'nothing_a', 'json', 'nothing_b')
    assert str(error.value) == (
        "expected the packages of the extra 'serve', got no nothing_a and no "
        'nothing_b; pip install "mmseg_panet[serve]"')
