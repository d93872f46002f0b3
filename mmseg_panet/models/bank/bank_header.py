"""The JSON header of a bank's file, and what it must hold."""
from collections.abc import Mapping, Sequence
from typing import Any

from ...annotations.class_list import check_class_name, check_name
from ...errors import check_number
from ...images.reading import ImageReading
from ..main_axes import check_rank
from ..statistics import NEEDS

FORMAT = 1
"""Version of the header; raise it when older readers would misread it."""
WITH_NEGATIVES = 2
"""Version of a header with negatives, which a reader must not ignore."""
SUPPORT_KEYS = {
    'class_name': str, 'names': list, 'image': str, 'image_sha256': str,
    'labels_sha256': str}
"""Entries of a support in the header."""
NEGATIVE_KEYS = {'image': str, 'image_sha256': str}
_MODEL_KEYS = {
    'weights_sha256': str, 'cells': str, 'needs': list, 'classifier': str,
    'matching': dict, 'reading': dict}
"""Entries of the model's description, of which old banks lack some."""
_DEEPEST = 50
"""Levels of nested lists and objects in a header."""


def check_header(header: Any) -> None:
    """Check the header of a bank.

    Args:
        header (Any): The header, as JSON holds it.

    Raises:
        Exception: An error of any type if it is not a header of
            :func:`write_bank`.
    """
    _check_depth(header)
    supports, negatives = header['supports'], header.get('negatives', [])
    wanted = WITH_NEGATIVES if negatives else FORMAT
    if header['format'] != wanted:
        raise ValueError(
            f"expected format {wanted}, got {header['format']}, which "
            f"version {header.get('version')} wrote")
    _check_model(header['model'])
    if negatives:
        _check_entries('negative', negatives, NEGATIVE_KEYS)
        _check_unique('negative', negatives, ['image_sha256'])
        check_number(
            'negative_share', header['negative_share'], least=0, most=1)
    _check_entries('support', supports, SUPPORT_KEYS)
    for one in supports:
        names = one['names']
        if names[:1] != [one['class_name']]:
            raise ValueError(
                f"a support of {one['class_name']!r} shows {names}")
        check_class_name(one['class_name'], 'the bank')
        for name in names:
            check_name(name, 'the bank')
        if len(set(names)) < len(names):
            raise ValueError(f'a support shows a class twice: {names}')
    _check_unique(
        'support', supports, ['class_name', 'image_sha256', 'labels_sha256'])
    found = [one['class_name'] for one in supports]
    classes = list(dict.fromkeys(found))
    if not classes or classes != header['classes']:
        raise ValueError(
            f"classes are {header['classes']}, supports are of {classes}")
    shots = [found.count(name) for name in classes]
    if header['shots'] != shots:
        raise ValueError(
            f"expected shots of {shots}, which are the supports of the "
            f"classes, got {header['shots']}")


def _check_depth(header: Any) -> None:
    """Refuse a header that no function can walk through by recursion."""
    level = [header]
    for _ in range(_DEEPEST):
        level = [
            inner for one in level if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return
    raise ValueError(f'expected at most {_DEEPEST} nested levels, got more')


def _check_model(model: Any) -> None:
    for key, kind in _MODEL_KEYS.items():
        if not isinstance(model.get(key, kind()), kind):
            raise ValueError(f'{key} of the model is {model[key]!r}')
    needs = model.get('needs', [])
    if [one for one in NEEDS if one in needs] != sorted(
            needs, key=NEEDS.index):
        raise ValueError(
            f'expected needs of the model among {list(NEEDS)}, got {needs}')
    check_rank(model.get('rank'))
    ImageReading.of(**model.get('reading', {}))


def _check_entries(what: str, entries: Any, kinds: Mapping[str, type]
                   ) -> None:
    for one in entries:
        for key, kind in kinds.items():
            if not isinstance(one[key], kind):
                raise ValueError(f'{key} of a {what} is {one[key]!r}')


def _check_unique(what: str, entries: Sequence[Mapping[str, Any]],
                  keys: Sequence[str]) -> None:
    """Refuse an image that a bank would not count a second time."""
    seen = set()
    for one in entries:
        key = tuple(one[name] for name in keys)
        if key in seen:
            raise ValueError(f"a {what} of {one['image']!r} occurs twice")
        seen.add(key)
