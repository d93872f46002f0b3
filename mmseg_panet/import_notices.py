"""Notices that mmseg, mmpretrain and mmcv print when they are imported."""
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import mmengine.logging.logger

PRINTED = 'Could not import OneDL'
"""mmseg and mmpretrain print this although they log it as DEBUG. It is about
a package that only data sets on OneDL's server need."""
WARNED = 'Fail to import ``MultiScaleDeformableAttention``'
"""mmcv warns of this where it has no compiled operators, which are not used
here. Its advice, to install another mmcv, breaks an installation of OneDL's
packages."""


@contextmanager
def without_import_notices() -> Iterator[None]:
    """Leave out these two notices; everything else is printed and warned."""
    def print_other(message: object) -> None:
        if message != PRINTED:
            print(message)

    # print_log of mmengine finds it in place of the builtin.
    names = vars(mmengine.logging.logger)
    names['print'] = print_other
    # Not catch_warnings: the filters that the imports add stay.
    before = [*warnings.filters]
    warnings.filterwarnings('ignore', re.escape(WARNED))
    added = warnings.filters[0]
    try:
        yield
    finally:
        del names['print']
        if added not in before and added in warnings.filters:
            warnings.filters.remove(added)  # type: ignore[attr-defined]
