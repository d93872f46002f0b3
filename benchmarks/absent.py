"""False alarms on photographs that do not show a class, against mIoU.

The classes are those of the calibration, which nothing was chosen on.
"""
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmseg_panet.apis import FewShotInferencer

from .calibration import SOURCES, Photographs, inferencer_of
from .row import Row

_NEGATIVES = 5
METHODS: dict[str, tuple[dict, bool]] = {
    'prototypes': (dict(type='PrototypeClassifier'), False),
    'auto without prior': (dict(type='AutoClassifier', prior=0.0), False),
    'auto': (dict(type='AutoClassifier'), False),
    'auto, presence 0.5': (dict(type='AutoClassifier', presence=0.5), False),
    'auto, presence 0.8': (dict(type='AutoClassifier', presence=0.8), False),
    'auto, presence 1': (dict(type='AutoClassifier', presence=1.0), False),
    'auto, 5 negatives': (dict(type='AutoClassifier'), True),
    'auto, presence 0.8, 5 negatives': (
        dict(type='AutoClassifier', presence=0.8), True),
}
"""The classifiers, and whether negatives are given."""


class _Counts:
    """Pixels of images with and without a class."""

    def __init__(self, classes: tuple[int, ...]) -> None:
        self.both = dict.fromkeys(classes, 0)
        self.either = dict.fromkeys(classes, 0)
        self.alarms: list[float] = []

    def miou(self) -> float:
        """Return the mIoU over the images that show the class, in percent."""
        return 100 * float(np.mean([
            self.both[i] / self.either[i] for i in self.both
            if self.either[i]]))


def measure(data: Path, device: torch.device, name: str, trials: int = 100
            ) -> list[Row]:
    """Compare settings on the same supports and images."""
    source = SOURCES[name]
    photographs = Photographs(source, data)
    features: dict[bytes, Any] = {}
    inferencers = {
        method: inferencer_of(classifier, False, data, device, features)
        for method, (classifier, _) in METHODS.items()}
    rows = []
    for shots in (1, 5):
        found = {method: _Counts(source.classes) for method in METHODS}
        random = np.random.default_rng(shots)
        for _ in range(trials):
            own = int(random.choice(source.classes))
            *shown, asked = random.choice(
                photographs.shown[own], shots + 1, replace=False).tolist()
            without = sorted({
                one for i in source.classes if i != own
                for one in photographs.shown[i]
                if not (photographs.labels[one] == own).any()})
            absent, *negatives = random.choice(
                without, 1 + _NEGATIVES, replace=False).tolist()
            supports = photographs.supports([own], [shown])
            for method, (_, has_negatives) in METHODS.items():
                inferencers[method].fit(supports, negatives=[
                    photographs.image(one) for one in negatives
                ] if has_negatives else None)
                _count(found[method], inferencers[method], photographs, own,
                       asked, absent)
        size = f'{source.name}, ResNet-18, 1-way {shots}-shot, {trials} pairs'
        usual = found['auto without prior'].alarms
        for method, one in found.items():
            alarms = 100 * float(np.mean(one.alarms))
            rows.append(Row(
                f'false alarms of {method}', size,
                'pixels of images without the class', alarms, alarms, alarms,
                1, unit='%', remark=(
                    f'{alarms / np.mean(usual):.0f}% of those of auto without '
                    f'prior; mIoU where it is present {one.miou():.1f}')))
    return rows


def _count(found: _Counts, inferencer: FewShotInferencer,
           photographs: Photographs, own: int, asked: str, absent: str
           ) -> None:
    """Add an image with the class and one without."""
    with_it, without = inferencer.predict(
        [photographs.image(asked), photographs.image(absent)])
    labels = photographs.labels[asked]
    called = (with_it.class_map == 1) & (labels != 255)
    mask = labels == own
    found.both[own] += int((called & mask).sum())
    found.either[own] += int((called | mask).sum())
    found.alarms.append(float((without.class_map == 1).mean()))
