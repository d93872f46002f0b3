"""Notices that mmseg, mmpretrain and mmcv print when they are imported."""
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import mmengine.logging.logger

PRINTED = 'Could not import OneDL'
"""Notice that mmseg and mmpretrain print, although they log it as DEBUG.

It is about a package that only data sets on OneDL's server need.
"""
WARNED = 'Fail to import ``MultiScaleDeformableAttention``'
"""Warning of mmcv without compiled operators, which are not used here.

Its advice, to install another mmcv, would break an installation of OneDL's
packages.
"""


@contextmanager
def without_import_notices() -> Iterator[None]:
    """Suppress these two notices, and no other output or warning."""
    def print_other(message: object) -> None:
        if message != PRINTED:
            print(message)

    # mmengine's print_log uses this function instead of the builtin.
    names = vars(mmengine.logging.logger)
    names['print'] = print_other
    # catch_warnings would remove the filters that the imports add.
    before = [*warnings.filters]
    warnings.filterwarnings('ignore', re.escape(WARNED))
    added = warnings.filters[0]
    try:
        yield
    finally:
        del names['print']
        if added not in before and added in warnings.filters:
            warnings.filters.remove(added)  # type: ignore[attr-defined]
