"""Names that are not names of classes."""
from typing import Any

from .label_type import IGNORED

BACKGROUND = 'background'
# labelme uses the names `_background_` and `__ignore__`.
SPECIAL_IDS = {BACKGROUND: 0, '_background_': 0, '__ignore__': IGNORED}
"""Ids of names that are no classes, where ids have 8 bits."""
NOT_CLASSES = ('none', 'undecided')
"""Names that results use for pixels that belong to no class."""


def is_background(name: Any) -> bool:
    """Check whether a name, in any case, is one of the background."""
    return isinstance(name, str) and SPECIAL_IDS.get(name.casefold()) == 0


def is_reserved(name: Any) -> bool:
    """Check whether a name, in any case, is not that of a class.

    It is a name of the background or of ignored pixels, or one of
    :data:`NOT_CLASSES`.
    """
    return isinstance(name, str) and name.casefold() in (
        *SPECIAL_IDS, *NOT_CLASSES)
