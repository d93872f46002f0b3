"""The check of supports: each is judged by the others of its class."""
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.utils import slice_list

from ...annotations.class_colours import class_palette
from ...annotations.label_type import IGNORED, ignored_of
from ...errors import InputError
from ...images.decoder import PLAIN
from ...images.reading import ImageReading
from ...models.bank.banked_image import BankedSupport
from ...models.bank.prototype_bank import PrototypeBank
from ...progress import progress_bar
from ..images.image_source import read_image
from ..supports.support_encoder import encode_images
from .judgement import Judgement, judge, shot_statistics
from .notes import class_notes, support_notes
from .report import SupportAdvice, SupportRow, thumbnail

_OWN_WEIGHT = 5.0
"""The weight of a mask's fit to its own image against its agreement with the
others.

Correct masks fit their own images nearly equally well, 0.89 to 1; shifted
masks and masks of other images fit less. This value and the next were chosen
on MSRC, with one wrong mask planted among five.
"""
_TRUSTED = 0.35
"""The least trusted support of a class is suspect below this value."""
_HURTS = -5.0
"""Effect of a support that hurts the others, in points of IoU."""
_TINY = 1.0
"""Cells of the feature map; smaller masks are mixed with what is around."""

_MOST = 60.0
"""Percent of the image, of which few objects cover more. Such a mask may show
the background if it also touches all four borders."""


def advise(model: Any, pipeline: Callable, bank: PrototypeBank,
           batch_size: int, show_progress: bool,
           palette: np.ndarray | None = None,
           reading: ImageReading = PLAIN) -> SupportAdvice:
    """Judge every support of a bank by the others of its class.

    Each class is judged 1-way, against the rest of its own images, and every
    image passes the network once.

    Args:
        model (EncoderDecoder): See :func:`encode_images`.
        pipeline (Callable): See :func:`encode_images`.
        bank (PrototypeBank): A bank whose supports have a ``source``.
        batch_size (int): See :func:`encode_images`.
        show_progress (bool): Whether to show a progress bar.
        palette (np.ndarray, optional): (256, 3) RGB of the bank's classes.
            Defaults to :func:`class_palette`.
        reading (ImageReading): See :func:`read_image`.

    Returns:
        SupportAdvice: A row for each support, in the order of the bank.

    Raises:
        InputError: If no class is registered, or a support has no
            ``source``.
    """
    supports = bank.supports
    sources = [one.source for one in supports if one.source is not None]
    if len(sources) < len(supports):
        raise InputError(
            f'expected the images of all examples, got {len(sources)} of '
            f'{len(supports)}: a bank that is loaded has no images; fit() the '
            'examples, and check them then')
    statistics = map(shot_statistics, slice_list(supports, bank.shots))
    shots = [(of_class, shot) for of_class in statistics
             for shot in range(len(of_class.areas))]
    if palette is None:
        palette = class_palette(bank.classes)
    labels: dict[int, np.ndarray] = {}
    pictures: list[np.ndarray] = []

    def read() -> Iterator[np.ndarray]:
        for index, source in enumerate(sources):
            image = read_image(source.image, reading)
            all_labels = source.rasterize(image.shape[:2])
            own = all_labels == 1 + source.names.index(source.class_name)
            unknown = all_labels == ignored_of(all_labels.dtype)
            labels[index] = np.where(unknown, IGNORED, own).astype(np.uint8)
            pictures.append(thumbnail(
                image, labels[index],
                1 + bank.classes.index(supports[index].class_name),
                palette))
            yield image

    judged: dict[int, Judgement] = {}
    with progress_bar(show_progress) as bar:
        for index, features, metainfo in bar.track(
                encode_images(model, pipeline, read(), batch_size),
                len(supports), description='Checking'):
            # They are as large as the image, and not needed again.
            known = torch.from_numpy(labels.pop(index)).to(features.device)
            judged[index] = judge(
                model.decode_head, features, metainfo, known, *shots[index])
    in_order = [judged[index] for index in range(len(supports))]
    rows = [row for of_class in zip(
        slice_list(supports, bank.shots), slice_list(in_order, bank.shots),
        strict=True) for row in _rows(*of_class)]
    return SupportAdvice(
        rows, support_notes(rows) + class_notes(bank), pictures)


def shot_effects(ious: Sequence[Sequence[float]]) -> list[float | None]:
    """Compute the effect of each shot on the IoUs of the others.

    For shot s it is the mean over the other shots t of the IoU of t by all
    shots but t, minus the IoU of t by all shots but t and s.

    Args:
        ious (Sequence[Sequence[float]]): The IoUs of S shots, see
            :class:`Judgement`.

    Returns:
        list[float | None]: S effects; None with fewer than three shots.
    """
    shots = len(ious)
    if shots < 3:
        return [None] * shots
    return [
        sum(of_shot[1] - of_shot[2 + s - (t < s)]
            for t, of_shot in enumerate(ious) if t != s) / (shots - 1)
        for s in range(shots)]


def trust_of(judged: Sequence[Judgement]) -> list[float]:
    """Compute how far the mask of every shot of a class can be trusted.

    The trust is the agreement with the other shots, plus five times the
    difference of the own fit to the median own fit.

    Args:
        judged (Sequence[Judgement]): Judgements of all shots of a class.

    Returns:
        list[float]: 1 for a mask that agrees, less for others.
    """
    usual = float(np.median([one.own_fit for one in judged]))
    return [one.agreement + _OWN_WEIGHT * (one.own_fit - usual)
            for one in judged]


def find_suspects(trust: Sequence[float]) -> list[int]:
    """Find the shots of a class that may have a wrong mask.

    It is the least trusted shot if its trust is too low. Only one is named,
    as a wrong mask also lowers the trust in the others, which are judged
    again once it is corrected. Of two shots both are named, as nothing tells
    which one is wrong.

    Args:
        trust (Sequence[float]): Trust in all shots of a class.

    Returns:
        list[int]: Indices of the shots.
    """
    if len(trust) < 2 or min(trust) >= _TRUSTED:
        return []
    return [0, 1] if len(trust) == 2 else [int(np.argmin(trust))]


def _rows(shots: Sequence[BankedSupport],
          judged: Sequence[Judgement]) -> list[SupportRow]:
    """Make the rows of a class."""
    effects = shot_effects([one.ious for one in judged])
    trust = trust_of(judged)
    suspects = find_suspects(trust)
    # With fewer than three shots, nothing says which one differs.
    weakest = int(np.argmin(trust)) if len(shots) > 2 else None
    rows = []
    for i, (shot, found, effect) in enumerate(
            zip(shots, judged, effects, strict=True)):
        marks = dict(
            suspect=i in suspects,
            weakest=i == weakest and i not in suspects,
            hurts=effect is not None and effect <= _HURTS,
            tiny=found.cells < _TINY,
            inverted=found.borders == 4 and found.share > _MOST,
            only=len(shots) == 1)
        rows.append(SupportRow(
            shot.class_name, 1 + i, shot.image, found.pixels, found.share,
            found.cells, found.ious[:2][-1], effect, found.agreement,
            found.own_fit, trust[i],
            tuple(mark for mark, holds in marks.items() if holds)))
    return rows
