"""The ids that grey masks mean: their values, or colours of the list."""
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ..errors import InputError
from ..files import StrPath
from ..parallel import parallel_map
from ..wording import counted
from .class_list import ClassList
from .grey_mask import Meaning, meaning_of_pair
from .label_type import IGNORED, WIDE_IGNORED, ignored_label
from .mask_channels import grey_of, read_channels, values_of
from .object_mask import object_labels

_AT_ONCE = 32
"""Number of masks for which no processes are started."""


class GreyIds(NamedTuple):
    """The ids of the values of grey masks."""

    ids: Mapping[int, int]
    """Ids by value."""
    of_object: bool = False
    """Whether the only class may have edges and strays of other values."""

    def labels(self, values: np.ndarray, mask: str) -> np.ndarray:
        """Look up the ids of a mask.

        Args:
            values (np.ndarray): (H, W) of integers.
            mask (str): Path of the mask, for messages.

        Returns:
            np.ndarray: (H, W) uint8.

        Raises:
            InputError: If a value has no id.
        """
        found = values_of(values)
        strange = sorted({*found.tolist()} - {*self.ids})
        if strange and self.of_object:
            return self._of_object(values, int(found[-1]), mask)
        if strange:
            raise InputError(
                f'{mask} contains the values {strange[:10]}; expected the '
                f'greys {sorted(self.ids)[:10]} of the class list; correct '
                'it or the list')
        table = np.zeros(256, np.uint8)
        table[list(self.ids)] = list(self.ids.values())
        return cv2.LUT(values.astype(np.uint8), table)

    def _of_object(self, values: np.ndarray, largest: int,
                   mask: str) -> np.ndarray:
        grey, = (value for value, i in self.ids.items() if i == 1)
        scale = WIDE_IGNORED // IGNORED if largest > IGNORED else 1
        if 8 * largest < grey * scale:  # noise or strays, without the object
            return np.zeros(values.shape, np.uint8)
        return object_labels(values, None, mask)


class _Facts(NamedTuple):
    """What the prior reading of a mask found."""

    mask: str
    values: frozenset[int]
    is_smooth: bool = False
    """Whether a value is an edge or a stray beside 255."""
    is_rgb: bool = False
    """Whether the mask is stored in RGB, so that its values are no ids."""


def grey_ids(classes: ClassList, masks: Sequence[str],
             source: StrPath) -> tuple[GreyIds | None, list[str]]:
    """Decide what the values of grey masks mean, for all of them together.

    The values are ids if any mask has ids of classes. Otherwise, they are
    colours if the class list has these greys: v is the colour v,v,v, also
    if v is 255, the id of ignored pixels. If the list has one class, whose
    colour is a grey, masks with other values are those of one object, see
    :func:`object_labels`.

    The masks are read here only if the list has greys that are not equal to
    their ids.

    Args:
        classes (ClassList): The class list.
        masks (Sequence[str]): Paths of the masks.
        source (str | os.PathLike): Folder of the masks, for messages.

    Returns:
        tuple[GreyIds | None, list[str]]: None if the values are ids; and
        warnings of what is assumed.

    Raises:
        InputError: If a mask cannot be read, if neither ids nor colours
            explain the values of all masks, or if both do.
    """
    number = len(classes.names)
    greys = {0: 0} | {
        red: i for i, (red, green, blue) in classes.colours.items()
        if red == green == blue}
    if ignored_label(number) != IGNORED or all(
            value == i for value, i in greys.items()):
        return None, []
    facts = [*map(_facts, masks)] if len(masks) <= _AT_ONCE else parallel_map(
        _facts, masks, f'reading the values of {len(masks)} masks')
    only = number == 2 and 1 in greys.values()
    kinds: defaultdict[str, list[_Facts]] = defaultdict(list)
    for one in facts:
        kinds[_kind(one, greys, number, only)].append(one)
    with_ids, with_greys, with_both, with_white, others = (
        kinds[kind] for kind in ('ids', 'greys', 'both', 'white', 'others'))
    if not with_ids:
        others += kinds['RGB']
    if with_ids and (with_greys or others) or others and not only:
        one = (others or with_greys)[0]
        raise InputError(
            f'{one.mask} contains the values {sorted(one.values)[:10]}; '
            + (f'expected ids of 0..{number - 1} or {IGNORED}, as '
               f'{with_ids[0].mask} has' if with_ids else
               f'expected the greys {sorted(greys)[:10]} of the class list, '
               'or ids of it') + '; correct it or the class list')
    if with_ids:
        return None, [
            f'{one.mask} has the values {sorted(one.values)} only, which are '
            f'taken for ids, as {with_ids[0].mask} has ids '
            f"({counted(len(with_white), 'such mask')}); if they are colours "
            'of the class list, convert these masks separately'
            for one in with_white[:1]]
    if with_both and not with_greys:
        raise InputError(
            f'{source}: expected masks of ids or of colours of the class '
            f'list, got {sorted(with_both[0].values)[:10]} in '
            f'{with_both[0].mask}, which can be both; remove the colours '
            'from the list if they are ids, or else save the masks in RGB')
    return GreyIds(greys, bool(others)), [
        f'{one.mask} has values that the class list lacks, '
        f'{sorted(one.values)[:10]}, which are taken for the edges of '
        f'{classes.names[1]!r} and for strays: values of at least half of '
        'the largest are of the class, the others are background '
        f"({counted(len(others), 'such mask')}); if this is wrong, correct "
        'the masks or the class list' for one in others[:1]]


def _kind(one: _Facts, greys: Mapping[int, int], number: int,
          only: bool) -> str:
    """Say what explains the values of a mask: 'ids', 'greys' or 'both'.

    It is 'white' if the ids are ignored pixels only, 'same' if both are
    equal, and 'others', or 'RGB' in that mode, if nothing does.
    """
    in_greys = one.values <= {*greys}
    if one.is_rgb:
        return 'RGB' if only and not in_greys else 'same'
    if not one.values <= {*range(number), IGNORED} or only and one.is_smooth:
        return 'greys' if in_greys else 'others'
    if not in_greys:
        return 'ids'
    if all(greys[value] == value for value in one.values):
        return 'same'
    return 'both' if one.values - {0, IGNORED} else 'white'


def _facts(mask: str) -> _Facts:
    channels = read_channels(mask)
    values = grey_of(channels)
    if values is None or values.dtype == bool:
        return _Facts(mask, frozenset())
    found = values_of(values).tolist()
    smooth = len(found) == 3 and found[0] == 0 and found[2] == IGNORED and (
        meaning_of_pair(values, found[1], IGNORED) is Meaning.SMOOTH)
    return _Facts(
        mask, frozenset(found), smooth, channels.values.ndim == 3)
