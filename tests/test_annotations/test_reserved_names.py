import pytest

from mmseg_panet.annotations.reserved_names import is_background, is_reserved


@pytest.mark.parametrize(('name', 'background', 'reserved'), [
    ('background', True, True), ('Background', True, True),
    ('_background_', True, True), ('__ignore__', False, True),
    ('none', False, True), ('None', False, True), ('UNDECIDED', False, True),
    ('nonesuch', False, False), ('cat', False, False), (None, False, False),
    (0, False, False)])
def test_reserved_names_are_known_in_any_case(name, background, reserved):
    assert is_background(name) == background
    assert is_reserved(name) == reserved
