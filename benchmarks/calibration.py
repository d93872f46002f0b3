"""Confidence against correctness, on photographs of held-out classes.

All that was chosen about probabilities was chosen on the other classes.
"""
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from PIL import Image

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.config.config_file import read_config
from mmseg_panet.errors import InputError

from .reliability import Reliability
from .row import Row
from .runners import WEIGHTS

METHODS: dict[str, tuple[dict, str]] = {
    'prototypes': (dict(type='PrototypeClassifier', scale=20.0), 'scale 20'),
    'auto': (dict(type='AutoClassifier', scale=1.0), 'scale 1'),
}
"""The classifiers, and their temperatures without calibration."""
LEAST_SHARE = 0.02
"""The share of an image that a class covers at least."""
ASKED = 0.6
"""The ``min_confidence`` that the documentation shows."""


class Source(NamedTuple):
    """A data set, the folder of its masks, and the held-out ids."""

    name: str
    folder: str
    masks: str
    classes: tuple[int, ...]
    most_ways: int


SOURCES = {
    # The others are cat, dog and sheep.
    'voc': Source('VOC animals (dev)', 'voc_animals', 'SegmentationClassAug',
                  (10, 13), 2),
    # Every second one in the order of its list, without horse and mountain.
    'msrc': Source('MSRC', 'msrc_v2', 'SegmentationClass',
                   (2, 4, 7, 10, 12, 14, 16, 18, 20, 22), 3),
}


class Photographs:
    """Images with their labels, by the classes that they show."""

    def __init__(self, source: Source, root: Path) -> None:
        self._images = root / source.folder / 'JPEGImages'
        masks = root / source.folder / source.masks
        if not masks.is_dir():
            raise InputError(f'expected {source.name} in {masks.parent}')
        names = sorted(path.stem for path in masks.glob('*.png'))
        # OpenCV would turn the ids of a palette into colours.
        self.labels = {
            name: np.array(Image.open(masks / f'{name}.png'))
            for name in names}
        self.shown = {
            class_id: [name for name, labels in self.labels.items()
                       if (labels == class_id).mean() >= LEAST_SHARE]
            for class_id in source.classes}

    def image(self, name: str) -> np.ndarray:
        """Read an image, (H, W, 3) BGR."""
        return cv2.imread(str(self._images / f'{name}.jpg'))

    def episodes(self, ways: int, shots: int, number: int, queries: int
                 ) -> Iterator[tuple[list[int], list[list[str]], list[str]]]:
        """Choose classes, images of each, and others that show any."""
        random = np.random.default_rng((ways, shots))
        for _ in range(number):
            ids = random.choice(sorted(self.shown), ways, replace=False)
            supports = [
                random.choice(self.shown[i], shots, replace=False).tolist()
                for i in ids]
            left = sorted(
                {name for i in ids for name in self.shown[i]}
                - {name for some in supports for name in some})
            yield (ids.tolist(), supports, random.choice(
                left, queries, replace=False).tolist())

    def supports(self, ids: list[int], images: list[list[str]]
                 ) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
        """Make supports for an inferencer; other ways are unknown in them."""
        found = {}
        for own, names in zip(ids, images, strict=True):
            found[str(own)] = []
            for name in names:
                labels = self.labels[name]
                mask = np.where(np.isin(labels, [*ids, 255]), 255, 0)
                mask[labels == own] = 1
                found[str(own)].append(
                    (self.image(name), mask.astype(np.uint8)))
        return found


def measure(data: Path, device: torch.device, name: str, episodes: int = 30,
            queries: int = 3) -> list[Row]:
    """Compare the confidences with and without calibration."""
    source = SOURCES[name]
    photographs = Photographs(source, data)
    features: dict[bytes, Any] = {}
    inferencers = {
        (method, calibrate): inferencer_of(
            classifier, calibrate, data, device, features)
        for method, (classifier, _) in METHODS.items()
        for calibrate in (False, True)}
    rows = []
    for ways in (1, source.most_ways):
        for shots in (1, 5):
            found = {key: Reliability() for key in inferencers}
            for ids, supports, asked in photographs.episodes(
                    ways, shots, episodes, queries):
                fitted = photographs.supports(ids, supports)
                for inferencer in inferencers.values():
                    inferencer.fit(fitted)
                for query in asked:
                    _count(photographs, query, ids, inferencers, found)
            size = (f'{source.name}, ResNet-18, {ways}-way {shots}-shot, '
                    f'{episodes} x {queries} images')
            rows += [
                _row(method, size, found[method, False], found[method, True])
                for method in METHODS]
    return rows


def inferencer_of(classifier: dict, calibrate: bool, data: Path,
                device: torch.device, features: dict[bytes, Any]
                ) -> FewShotInferencer:
    """Make an inferencer that encodes no image twice."""
    cfg = read_config('panet_r18-d8_1xb4-600iters_msrc7i-225x225')
    cfg.model.backbone.dilate_both = True
    cfg.model.decode_head.classifier = classifier
    inferencer = FewShotInferencer(
        cfg, str(data / WEIGHTS), str(device), show_progress=False,
        calibrate=calibrate)
    encode = inferencer.model.extract_feat

    def extract_feat(inputs: torch.Tensor) -> list[torch.Tensor]:
        keys = [one.cpu().numpy().tobytes() for one in inputs]
        for key, one in zip(keys, inputs, strict=True):
            if key not in features:
                features[key] = encode(one[None])
        return [torch.cat(level) for level in zip(
            *(features[key] for key in keys), strict=True)]

    inferencer.model.extract_feat = extract_feat
    return inferencer


def _count(photographs: Photographs, query: str, ids: list[int],
           inferencers: dict, found: dict) -> None:
    """Add the pixels of an image, without void."""
    labels = photographs.labels[query]
    expected = np.zeros_like(labels)
    for way, class_id in enumerate(ids, start=1):
        expected[labels == class_id] = way
    known = labels != 255
    image = photographs.image(query)
    for key, inferencer in inferencers.items():
        prediction, = inferencer.predict([image])
        found[key].add(
            prediction.confidence[known],
            (prediction.class_map == expected)[known])


def _row(method: str, size: str, before: Reliability, after: Reliability
         ) -> Row:
    (less, right), (less_now, right_now) = (
        one.below(ASKED) for one in (before, after))
    error = after.error()
    return Row(
        f'calibration error of {method}', size,
        f'calibrated; before: {METHODS[method][1]}', error, error, error, 1,
        unit='%', remark=(
            f'before {before.error():.1f}%; below {ASKED}: {less_now:.0f}% of '
            f'the pixels (before {less:.0f}%), of the others '
            f'{right_now:.0f}% right (before {right:.0f}%)'))
