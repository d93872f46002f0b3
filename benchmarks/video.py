"""The smoothing of videos over time, and the memory of a job on a video.

The sequences are synthetic: a virtual camera moves over a photograph, whose
mask moves with it, and the frames get noise and the compression of a video.
Nothing moves by itself, and nothing comes into view from behind another.
"""
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from scipy.stats import bootstrap

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.evaluation.bootstrap import paired_interval
from mmseg_panet.evaluation.episode_table import EpisodeTable
from mmseg_panet.evaluation.iou import EpisodeCounts, count_pixels
from mmseg_panet.evaluation.scores import table_scores
from mmseg_panet.images.video_file import write_video
from mmseg_panet.inference.folder_job import segment_images
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.images.image_source import Video

from .calibration import SOURCES, Photographs, inferencer_of
from .inferencer import OF_RANDOM_WEIGHTS
from .row import Row
from .soak import usage

SMOOTH = (0.0, 0.3, 0.5, 0.7, 0.85)
SPEEDS = {'slow': 0.25, 'fast': 1.0}
"""Shares of the way that the camera goes: up to 0.8% and 3% of the width of
the picture a frame, and about a third of that on average."""
FRAMES = 16
_NOISE = 8
"""Standard deviation of the noise, of 255."""
_ZOOM = 1.6
"""The camera shows 1 / 1.6 of the photograph in each direction."""


class Frame(NamedTuple):
    """A frame, its labels, and the matrix from the photograph to it."""

    image: np.ndarray
    labels: np.ndarray
    matrix: np.ndarray


def sequence(image: np.ndarray, labels: np.ndarray, speed: float,
             random: np.random.Generator) -> list[Frame]:
    """Move a camera over a photograph from one random pose to another.

    Args:
        image (np.ndarray): (H, W, 3) uint8 BGR.
        labels (np.ndarray): (H, W) uint8.
        speed (float): Share of the way that it goes.
        random (np.random.Generator): Chooses the poses and the noise.
    """
    height, width = (side - side % 2 for side in labels.shape)
    # Position, rotation in degrees and zoom.
    start, end = random.uniform(
        (-0.15, -0.15, -6, 0.95), (0.15, 0.15, 6, 1.15), (2, 4))
    frames: list[np.ndarray] = []
    moved = []
    for t in np.linspace(0, speed, FRAMES):
        x, y, angle, zoom = start + t * (end - start)
        matrix = cv2.getRotationMatrix2D(
            (width * (0.5 + x), height * (0.5 + y)), angle, _ZOOM * zoom)
        matrix[:, 2] -= (width * x, height * y)
        frame = cv2.warpAffine(
            image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
        noisy = frame + random.normal(0, _NOISE, frame.shape)
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8)[..., ::-1])
        moved.append((cv2.warpAffine(
            labels, matrix, (width, height), flags=cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT, borderValue=255), matrix))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'sequence.mp4')
        write_video(path, frames, 25)
        video = Video(str(path))
        return [Frame(video.read(i), *one) for i, one in enumerate(moved)]


def changed(before: np.ndarray, after: np.ndarray, first: Frame,
            second: Frame) -> float:
    """Return the share of pixels that change, the motion compensated.

    Args:
        before (np.ndarray): Labels (H, W) of ``first``.
        after (np.ndarray): Labels (H, W) of ``second``.
        first (Frame): A frame.
        second (Frame): The next frame.
    """
    back, there = (
        np.vstack([one.matrix, (0, 0, 1)]) for one in (first, second))
    motion = (there @ np.linalg.inv(back))[:2]
    size = after.shape[::-1]
    moved = cv2.warpAffine(before, motion, size, flags=cv2.INTER_NEAREST)
    seen = cv2.warpAffine(
        np.ones_like(before), motion, size, flags=cv2.INTER_NEAREST) == 1
    return float((moved != after)[seen].mean())


def smoothed(probabilities: Sequence[np.ndarray], smooth: float
             ) -> Iterator[np.ndarray]:
    """Smooth as :meth:`FewShotInferencer.predict_next`; yield the labels."""
    mean = None
    for one in map(torch.from_numpy, probabilities):
        mean = one if mean is None else one.lerp(mean, smooth)
        yield mean.argmax(0).numpy().astype(np.uint8)


def measure_smoothing(data: Path, device: torch.device, half: str,
                      speed: str, sequences: int = 20) -> list[Row]:
    """Measure the weights on one half of the classes.

    The weight is chosen on the first half: the one with the highest mIoU
    over both speeds; among those within 0.1 points of it, the one with the
    least flicker. The second half is what nothing else was chosen on either.
    """
    source = SOURCES['msrc']
    if half == 'first':  # without horse and mountain
        source = source._replace(classes=tuple(
            i for i in range(1, 24) if i not in (*source.classes, 6, 9)))
    inferencer = inferencer_of(
        dict(type='AutoClassifier'), True, data, device, {})
    return _rows(
        inferencer, Photographs(source, data), source.classes, 5,
        SPEEDS[speed], sequences,
        f'MSRC, {half} half, {len(source.classes)} classes, ResNet-18, '
        f'5-shot, {sequences} synthetic sequences of {FRAMES} frames, {speed} '
        'camera')


def _rows(inferencer: FewShotInferencer, photographs: Photographs,
          classes: Sequence[int], shots: int, speed: float, sequences: int,
          size: str) -> list[Row]:
    counts: dict[float, list[EpisodeCounts]] = {one: [] for one in SMOOTH}
    flicker: dict[float, list[float]] = {one: [] for one in SMOOTH}
    floor = []
    random = np.random.default_rng(shots)
    for number, (ids, supports, (query,)) in enumerate(
            photographs.episodes(1, shots, sequences, 1)):
        inferencer.fit(photographs.supports(ids, supports))
        labels = photographs.labels[query]
        own = np.where(labels == 255, 255, labels == ids[0]).astype(np.uint8)
        frames = sequence(photographs.image(query), own, speed, random)
        floor.append(_mean_change([one.labels for one in frames], frames))
        probabilities: list[Any] = [
            inferencer.predict([one.image], True)[0].probabilities
            for one in frames]
        for smooth in SMOOTH:
            found = list(smoothed(probabilities, smooth))
            flicker[smooth].append(_mean_change(found, frames))
            counted = [count_pixels(
                torch.from_numpy(one), torch.from_numpy(frame.labels), 1)
                for one, frame in zip(found, frames, strict=True)]
            counts[smooth].append(EpisodeCounts(
                0, number, tuple(ids), *map(sum, zip(*counted, strict=True))))
    tables = {
        key: EpisodeTable.from_counts(some) for key, some in counts.items()}
    rows = []
    for smooth in SMOOTH:
        score = table_scores(tables[smooth], classes)[0]
        low, high = paired_interval(
            tables[0.0], tables[smooth], classes)[:, 0]
        less = np.subtract(flicker[smooth], flicker[0.0])
        interval = bootstrap(
            [less], np.mean, method='percentile', random_state=0,
            n_resamples=2000).confidence_interval if smooth else (0.0, 0.0)
        change = score - table_scores(tables[0.0], classes)[0]
        rows.append(Row(
            f'smoothing {smooth}', size, 'mIoU', score, score, score, 1,
            unit='%', remark=(
                f'{change:+.2f} points ({low:+.2f} to {high:+.2f}); flicker '
                f'{100 * np.mean(flicker[smooth]):.2f}% of the pixels '
                f'({100 * less.mean():+.2f}, {100 * interval[0]:+.2f} to '
                f'{100 * interval[1]:+.2f}), of the ground truth '
                f'{100 * np.mean(floor):.2f}%')))
    return rows


def _mean_change(labels: Sequence[np.ndarray],
                 frames: Sequence[Frame]) -> float:
    return float(np.mean([
        changed(*labels[i:i + 2], *frames[i:i + 2])
        for i in range(len(frames) - 1)]))


def measure_memory(device: torch.device, frames: int) -> list[Row]:
    """Segment a video into masks and an overlay video, and watch the memory.

    The growth is that from the first tenth of the job to its end.
    """
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    image = cv2.resize(image, (320, 240), interpolation=cv2.INTER_CUBIC)
    inferencer = FewShotInferencer(
        OF_RANDOM_WEIGHTS, None, str(device), show_progress=False,
        classifier='config')
    mask = np.zeros((240, 320), bool)
    mask[50:120, 70:200] = True
    inferencer.fit({'noise': [(image, mask)]})
    samples: list[int] = []

    def moved() -> Iterator[np.ndarray]:
        for i in range(frames):
            yield np.roll(image, 5 * i, 1)[:120, :160]

    def watched(function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            samples.append(usage().rss)
            return function(*args, **kwargs)
        return call

    read = Video.read
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'film.mp4')
        write_video(path, moved(), 25)
        items = list_images(path, Path(folder, 'out'))
        Video.read = watched(Video.read)  # type: ignore[method-assign]
        try:
            segment_images(
                inferencer, items, Path(folder, 'out'), video='mp4',
                show_progress=False, smooth=0.5)
        finally:
            Video.read = read  # type: ignore[method-assign]
    start = max(1, len(samples) // 10)
    first, last = np.median(samples[:start]), np.median(samples[-start:])
    return [Row(
        'memory of a job on a video, smoothed and with an overlay video',
        f'{frames} frames of 160x120', 'largest resident memory',
        max(samples) / 1e6, min(samples) / 1e6, max(samples) / 1e6, 1,
        unit=' MB', remark=f'first tenth {first / 1e6:.0f} MB, last tenth '
        f'{last / 1e6:.0f} MB')]
