import logging
import warnings

import mmengine.logging.logger
import pytest
from mmengine.logging import print_log

from mmseg_panet.import_notices import suppress_import_notices

ADVICE = ('Fail to import ``MultiScaleDeformableAttention`` from ``mmcv.ops``,'
          ' You should install ``mmcv`` rather than ``mmcv-lite``')


def test_two_notices_and_no_others_are_suppressed(capsys):
    with pytest.warns() as found, suppress_import_notices():
        print_log('Could not import OneDL', level=logging.DEBUG)
        print_log('Could not import OneDL at all')
        print('Could not import OneDL')  # not by mmengine
        warnings.warn(ADVICE, stacklevel=1)
        warnings.warn('Fail to import something else', stacklevel=1)
    assert capsys.readouterr().out == (
        'Could not import OneDL at all\nCould not import OneDL\n')
    assert [str(one.message) for one in found] == [
        'Fail to import something else']


def test_only_the_filters_of_the_imports_remain_afterwards(capsys):
    with warnings.catch_warnings():
        before = list(warnings.filters)
        with pytest.raises(ImportError), suppress_import_notices():
            warnings.simplefilter('error', BytesWarning)
            raise ImportError('mmseg')
        assert warnings.filters[0][:3] == ('error', None, BytesWarning)
        assert warnings.filters[1:] == before
    assert 'print' not in vars(mmengine.logging.logger)
    print_log('Could not import OneDL')
    assert capsys.readouterr().out == 'Could not import OneDL\n'


def test_a_filter_of_the_user_stays():
    with warnings.catch_warnings():
        warnings.filterwarnings(
            'ignore', 'Fail to import ``MultiScaleDeformableAttention``')
        before = list(warnings.filters)
        with suppress_import_notices():
            pass
        assert warnings.filters == before
