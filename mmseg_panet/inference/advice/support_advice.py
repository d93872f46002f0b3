"""Every support judged by the others of its class."""
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ...errors import InputError
from ...models import SupportStatistics
from ..bank.prototype_bank import NOTHING_TAUGHT, BankedSupport, PrototypeBank
from ..images.image_source import read_image
from ..supports import Support
from ..supports.support_encoder import encode_images
from .judgement import Judgement, judge, shot_statistics
from .notes import class_notes, support_notes
from .report import SupportAdvice, SupportRow, thumbnail

_OWN_WEIGHT = 5.0
"""Of a mask's fit to its own image against its agreement with the others.

Own fits of right masks differ little, 0.89 to 1; those of shifted masks and
of masks of other images are lower. Chosen, as the next, on MSRC with a wrong
mask planted among five.
"""
_TRUSTED = 0.35
"""The support of a class that is trusted least is suspect below this."""
_HURTS = -5.0
"""Points of IoU that the others lose by a support."""
_TINY = 1.0
"""Cells of the feature map; a smaller mask is averaged with what is around."""


class _Drawn(NamedTuple):
    labels: np.ndarray
    pixels: int
    share: float
    picture: np.ndarray


def advise(model: nn.Module, pipeline: Callable, bank: PrototypeBank,
           batch_size: int,
           advance: Callable[[], object] = lambda: None) -> SupportAdvice:
    """Judge every support of a bank by the others of its class.

    Each class is told from the rest of its own images, 1-way, and every
    image passes the network once.

    Args:
        model (nn.Module): See :func:`encode_images`.
        pipeline (Callable): See :func:`encode_images`.
        bank (PrototypeBank): Its supports with their ``source``.
        batch_size (int): See :func:`encode_images`.
        advance (Callable): Called for every support that is done.

    Returns:
        SupportAdvice: With a row a support, in the order of the bank.

    Raises:
        InputError: If nothing was taught, or a support has no ``source``.
    """
    supports = bank.supports
    sources = _sources(supports)
    classes = [
        list(group) for _, group in groupby(
            range(len(supports)), key=lambda i: supports[i].class_name)]
    label = {name: i for i, name in enumerate(bank.classes, start=1)}
    shots: dict[int, tuple[SupportStatistics, int]] = {}
    for of_class in classes:
        statistics = shot_statistics([supports[i] for i in of_class])
        shots |= {i: (statistics, shot) for shot, i in enumerate(of_class)}
    drawn: list[_Drawn] = []

    def read() -> Iterator[np.ndarray]:
        for source, support in zip(sources, supports, strict=True):
            image = read_image(source.image)
            drawn.append(_rasterize(source, image, label[support.class_name]))
            yield image

    judged: dict[int, Judgement] = {}
    for index, features, metainfo in encode_images(
            model, pipeline, read(), batch_size):
        labels = torch.from_numpy(drawn[index].labels).to(features.device)
        judged[index] = judge(
            model.decode_head, features, metainfo, labels, *shots[index])
        # As large as the image, and not needed again.
        drawn[index] = drawn[index]._replace(labels=np.empty(0))
        advance()
    rows = [row for of_class in classes for row in _rows(
        [supports[i] for i in of_class], [drawn[i] for i in of_class],
        [judged[i] for i in of_class])]
    return SupportAdvice(
        rows, support_notes(rows) + class_notes(bank),
        [one.picture for one in drawn])


def shot_effects(ious: Sequence[Sequence[float]]) -> list[float | None]:
    """What every shot adds to how well the others are segmented.

    For shot s the mean, over every other shot t, of the IoU of t by all but
    t, less that by all but t and s.

    Args:
        ious (Sequence[Sequence[float]]): S, see :class:`Judgement`.

    Returns:
        list[float | None]: S; None with fewer than three shots.
    """
    shots = len(ious)
    if shots < 3:
        return [None] * shots
    return [
        sum(of_shot[1] - of_shot[2 + s - (t < s)]
            for t, of_shot in enumerate(ious) if t != s) / (shots - 1)
        for s in range(shots)]


def trust_of(judged: Sequence[Judgement]) -> list[float]:
    """How much the mask of every shot of a class is to be trusted.

    Its agreement with the other shots, and five times by how much it fits
    its own image better than the median of them.

    Args:
        judged (Sequence[Judgement]): Of all shots of a class.

    Returns:
        list[float]: 1 for a mask that agrees, less for others.
    """
    usual = float(np.median([one.own_fit for one in judged]))
    return [one.agreement + _OWN_WEIGHT * (one.own_fit - usual)
            for one in judged]


def find_suspects(trust: Sequence[float]) -> list[int]:
    """Which shots of a class may have a wrong mask.

    The least trusted one, if it is trusted too little: a wrong mask makes
    the others look worse too, so that they are judged again when it is
    corrected. Of two shots it is both, as nothing tells which.

    Args:
        trust (Sequence[float]): Of all shots of a class.

    Returns:
        list[int]: From 0.
    """
    if len(trust) < 2 or min(trust) >= _TRUSTED:
        return []
    return [0, 1] if len(trust) == 2 else [int(np.argmin(trust))]


def _rows(shots: Sequence[BankedSupport], drawn: Sequence[_Drawn],
          judged: Sequence[Judgement]) -> list[SupportRow]:
    effects = shot_effects([one.ious for one in judged])
    trust = trust_of(judged)
    suspects = find_suspects(trust)
    # Of less than three none can be told from the others.
    weakest = int(np.argmin(trust)) if len(shots) > 2 else None
    rows = []
    for i, (shot, of_image, judgement, effect) in enumerate(
            zip(shots, drawn, judged, effects, strict=True)):
        marks = dict(
            suspect=i in suspects,
            weakest=i == weakest and i not in suspects,
            hurts=effect is not None and effect <= _HURTS,
            tiny=judgement.cells < _TINY,
            only=len(shots) == 1)
        rows.append(SupportRow(
            shot.class_name, 1 + i, shot.image, of_image.pixels,
            of_image.share, judgement.cells, judgement.ious[:2][-1], effect,
            judgement.agreement, judgement.own_fit, trust[i],
            tuple(mark for mark, holds in marks.items() if holds)))
    return rows


def _sources(supports: Sequence[BankedSupport]) -> list[Support]:
    if not supports:
        raise InputError(NOTHING_TAUGHT)
    sources = [one.source for one in supports if one.source is not None]
    if len(sources) < len(supports):
        raise InputError(
            f'expected the images of all supports, got {len(sources)} of '
            f'{len(supports)}: a bank that is loaded holds none; fit() the '
            'supports, and check them then')
    return sources


def _rasterize(source: Support, image: np.ndarray, label: int) -> _Drawn:
    """The support's own class against all else."""
    known = source.rasterize(image.shape[:2])
    own = 1 + source.names.index(source.class_name)
    labels = (known == own).astype(np.uint8)
    pixels = int(labels.sum())
    labels[known == 255] = 255
    return _Drawn(
        labels, pixels, 100 * pixels / labels.size,
        thumbnail(image, labels, label))
