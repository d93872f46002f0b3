"""The names of a class in different data sets."""
import re
from collections.abc import Iterable, Sequence

_SYNONYMS = {
    'airplane': 'aeroplane', 'motorcycle': 'motorbike', 'couch': 'sofa',
    'tv': 'tvmonitor'}
"""COCO's names of classes that PASCAL VOC calls otherwise.

'dining table' and 'potted plant' differ by their spaces only.
"""


def common_name(name: str) -> str:
    """Write a name as in every data set: without case, spaces and hyphens.

    Example:
        >>> common_name('TV'), common_name('tvmonitor')
        ('tvmonitor', 'tvmonitor')
    """
    plain = re.sub(r'[\W_]', '', name.casefold())
    return _SYNONYMS.get(plain, plain)


def known_names(names: Sequence[str], others: Iterable[str]) -> list[str]:
    """Find the names of classes that are also in another data set.

    Args:
        names (Sequence[str]): Names of one data set.
        others (Iterable[str]): Names of the other.

    Returns:
        list[str]: Those of ``names`` whose :func:`common_name` is among those
        of the others, in order.

    Example:
        >>> known_names(['cow', 'potted plant'], ['pottedplant'])
        ['potted plant']
    """
    known = set(map(common_name, others))
    return [name for name in names if common_name(name) in known]
