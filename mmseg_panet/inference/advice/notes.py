"""Notes: sentences that say how to improve the supports."""
from collections.abc import Sequence
from itertools import combinations

import torch.nn.functional as F

from ..bank.prototype_bank import PrototypeBank
from .report import SupportRow

_ALIKE = 0.95
"""Cosine of prototypes that two halves of one class reach, and two classes of
MSRC only if they are as similar as cows and sheep."""


def support_notes(rows: Sequence[SupportRow]) -> list[str]:
    """Say how to improve single supports.

    Args:
        rows (Sequence[SupportRow]): Rows with their marks.
    """
    notes = []
    for row in rows:
        better = '' if row.effect is None else (
            f'are segmented {-row.effect:.1f} points better without it')
        marks = set(row.marks)
        also = ''
        if {'suspect', 'hurts'} <= marks:
            marks.remove('hurts')
            also = f'; the others {better}'
        sentences = dict(
            suspect=f'its mask may be wrong (agreement {row.agreement:.2f} '
            f'with the other shots, own fit {row.own_fit:.2f}; 1 is best)'
            f'{also}; correct it or leave it out, and check again',
            hurts=f'the other shots {better}; leave it out, unless it shows a '
            'look of the class that they lack',
            tiny=f'its mask covers {row.cells:.2f} cells of the feature map, '
            'so that its prototype is mostly of what is around; crop the '
            'image around the object, or mark a larger one',
            only='no other shot to judge it by, its IoU is that of its own '
            'prototypes; add shots, of which three or more can be compared')
        notes += [
            f'{row.class_name!r}, shot {row.shot} ({row.image}): {sentence}'
            for mark, sentence in sentences.items() if mark in marks]
    return notes


def class_notes(bank: PrototypeBank) -> list[str]:
    """Say how to improve classes and their background.

    Args:
        bank (PrototypeBank): A bank with at least one class.
    """
    directions = F.normalize(bank.prototypes()[1:], dim=1)
    cosines = directions @ directions.T
    alike = [
        f'{one!r} and {other!r} are nearly the same to the network (cosine '
        f'{cosines[i, j]:.3f}) and will be confused; if they are one class, '
        'give their shots one name, otherwise add shots that differ'
        for (i, one), (j, other) in combinations(enumerate(bank.classes), 2)
        if cosines[i, j] >= _ALIKE]
    # An image with a mask for each class, each background of the other.
    found: dict[tuple[str, str], list[str]] = {}
    for one, other in combinations(bank.supports, 2):
        if (one.image_sha256 == other.image_sha256
                and one.class_name not in other.names
                and other.class_name not in one.names):
            pair = one.class_name, other.class_name
            found.setdefault(pair, []).append(one.image)
    apart = [
        f'{one!r} and {other!r} have separate masks of {images[0]}'
        + (f' and {len(images) - 1} more' if images[1:] else '')
        + ', where each counts as background of the other; label both in one '
        'file, as COCO, labelme and CVAT do'
        for (one, other), images in found.items()]
    return [*alike, *apart, *background_notes(bank), *negative_notes(bank)]


def negative_notes(bank: PrototypeBank) -> list[str]:
    """Name the supports that are also negatives.

    Args:
        bank (PrototypeBank): A bank with any number of classes.
    """
    negatives = {one.image_sha256 for one in bank.negatives}
    return [
        f'{one.image} is a support of {one.class_name!r} and a negative, on '
        'which no class is; leave it out of the negatives'
        for one in bank.supports if one.image_sha256 in negatives]


def background_notes(bank: PrototypeBank) -> list[str]:
    """Say what to do if no support shows any background.

    Args:
        bank (PrototypeBank): A bank with at least one class.
    """
    if bank.prototypes()[0].any():
        return []
    return [
        'no support shows background, so that every pixel becomes one of the '
        'classes; add a support with surroundings, mark some as background, '
        'or give negatives']
