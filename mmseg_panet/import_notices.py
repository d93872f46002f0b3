"""Notices that mmseg, mmpretrain and mmcv print when they are imported."""
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import mmengine.logging.logger

PRINTED = 'Could not import OneDL'
"""Message that mmseg and mmpretrain print although its level is DEBUG.

It concerns a package that only data sets on OneDL's server need.
"""
WARNED = 'Fail to import ``MultiScaleDeformableAttention``'
"""Start of a warning that mmcv gives if it has no compiled operators.

mmseg_panet does not use them. The warning advises to install another mmcv,
which breaks an installation of OneDL's packages.
"""


@contextmanager
def suppress_import_notices() -> Iterator[None]:
    """Suppress these two notices, and no other message or warning."""
    def print_other(message: object) -> None:
        if message != PRINTED:
            print(message)

    # mmengine's print_log then calls this function, not the builtin.
    names = vars(mmengine.logging.logger)
    names['print'] = print_other
    # catch_warnings would also remove the filters that the imports add.
    before = [*warnings.filters]
    warnings.filterwarnings('ignore', re.escape(WARNED))
    added = warnings.filters[0]
    try:
        yield
    finally:
        del names['print']
        if added not in before and added in warnings.filters:
            warnings.filters.remove(added)  # type: ignore[attr-defined]
