"""The limits of a session."""
import pytest

from mmseg_panet.app.limits import SessionLimits
from mmseg_panet.errors import InputError


@pytest.mark.parametrize('wrong', [
    dict(max_images=0), dict(max_megabytes=-1), dict(max_classes=255),
    dict(preview_pixels='many')])
def test_a_limit_is_a_number_above_0(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        SessionLimits(**wrong)
