import pytest

from mmseg_panet.config.config_file import read_config
from mmseg_panet.errors import InputError


@pytest.mark.parametrize(('base', 'nearest'), [
    ('mmseg_panet::panet/panet_r18-d8_1xb4-800iters_toy3-128x128.py',
     'panet_r18-d8_1xb4-800iters_toy3i-128x128.py'),
    ('mmseg_panet::panet/panet_r18-d8_1xb4-800iters_toy3i-128x128',
     'panet_r18-d8_1xb4-800iters_toy3i-128x128.py'),
    ('mmseg_panet::pannet/panet_r18-d8_1xb4-800iters_toy3i-128x128.py',
     'panet_r18-d8_1xb4-800iters_toy3i-128x128.py'),
    ('mmseg::_base_/models/fcn_r50-d9.py', 'fcn_r50-d8.py'),
    ('./bas.py', 'base.py')])
def test_a_base_that_does_not_exist_is_answered_with_the_nearest_names(
        base, nearest, tmp_path):
    (tmp_path / 'base.py').write_text('')
    (tmp_path / 'config.py').write_text(f'_base_ = {base!r}')
    with pytest.raises(
            InputError, match=rf'\), but there is {nearest}.*; correct it$'):
        read_config(tmp_path / 'config.py')


def test_a_base_unlike_any_file_is_only_refused(tmp_path):
    (tmp_path / 'config.py').write_text("_base_ = './xyzzy.py'")
    with pytest.raises(InputError, match=r"xyzzy.py'\); correct it$"):
        read_config(tmp_path / 'config.py')
