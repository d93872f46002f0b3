"""Notes: sentences that say how to improve the supports."""
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import torch.nn.functional as F

from ...models.bank.prototype_bank import PrototypeBank
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
    shots = Counter(row.class_name for row in rows)
    for row in rows:
        better = '' if row.effect is None else (
            f'are segmented {-row.effect:.1f} points better without it')
        marks = set(row.marks)
        also = ''
        if {'suspect', 'hurts'} <= marks:
            marks.remove('hurts')
            also = f'; the others {better}'
        others = f"the other example{'s' * (shots[row.class_name] > 2)}"
        facts = (
            f' (it agrees with {others} to {row.agreement:.2f}, and with its '
            f'own image to {row.own_fit:.2f}; 1 is best)')
        sentences = dict(
            suspect=f'its mask may be wrong{facts}{also}; correct it or '
            'leave it out, and check again',
            hurts=f'the other examples {better}; leave it out, unless it '
            'shows a look of the class that they lack',
            tiny=f'its mask covers {row.cells:.2f} cells of the feature map, '
            'so that mostly what is around it is learnt; crop the image '
            'around the object, or mark a larger one',
            inverted=f'its mask covers {row.share:.0f}% of the image, with '
            'all four borders; if it shows the background, invert it',
            only='there is no other example to compare it with, so its IoU '
            'is that of what is learnt from itself; add examples, which are '
            'compared from three on')
        if shots[row.class_name] == 2 and 'suspect' in marks:
            sentences['suspect'] = (
                f'the two examples disagree{facts}; look at both masks, '
                'correct the wrong one, and check again')
        notes += [
            f'{row.class_name!r}, example {row.shot} ({row.image}): {sentence}'
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
        'give their examples one name, otherwise add examples that differ'
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
        f'{one.image} is an example of {one.class_name!r} and a negative, on '
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
        'no example shows background, so that every pixel becomes one of the '
        'classes; add an example with surroundings, mark some as background, '
        'or give negatives']
