"""A folder of images segmented into files, which can be taken up again."""
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from mmengine.dist import all_gather_object, get_dist_info, is_main_process
from mmengine.utils import ProgressBar

from ..errors import InputError
from ..files import write_lines
from .image_list import ImageItem
from .prediction import Prediction
from .prediction_files import (
    mask_path,
    overlay_path,
    remove_parts,
    remove_prediction,
    write_prediction,
)
from .prediction_tables import require_pycocotools, write_areas, write_coco
from .read_ahead import read_ahead
from .video import VideoFrame

_RECORD = 'made_with.txt'


class Segmenter(Protocol):
    """What the job needs of a ``FewShotInferencer``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 1..W."""

    def palette(self) -> np.ndarray:
        """Colours, (256, 3) uint8 RGB."""

    def predict(self, images: Sequence[np.ndarray]) -> list[Prediction]:
        """Segment images of any sizes, (H, W, 3) uint8 BGR each."""

    def fingerprint(self) -> str:
        """Digest of all that a prediction depends on beside its image."""


class Failure(NamedTuple):
    """An image that was not segmented, and the sentence that says why."""

    name: str
    sentence: str


def segment_images(inferencer: Segmenter,
                   images: Sequence[ImageItem],
                   out_dir: str | os.PathLike,
                   overlay: bool = False,
                   csv: bool = False,
                   coco: bool = False,
                   batch_size: int = 1,
                   show_progress: bool = True) -> list[Failure]:
    """Segment images into a folder, on all processes of a launcher.

    Batches are cut from the whole list and computed whole or not at all.
    Hence the files are the same, to the byte, after an interruption, and
    however many processes share them. Images whose files are all there, and
    not older than the image, are finished; arrays, which have no date, never
    are.

    Args:
        inferencer (Segmenter): A :class:`FewShotInferencer` with classes.
        images (Sequence[ImageItem]): Of :func:`list_images`. Those that lie
            among the results are left out.
        out_dir (str | os.PathLike): Gets ``masks`` and what is asked for.
        overlay (bool): Whether to write ``overlays``. Defaults to False.
        csv (bool): Whether to write ``areas.csv``. Defaults to False.
        coco (bool): Whether to write ``coco.json``. Defaults to False.
        batch_size (int): Defaults to 1.
        show_progress (bool): Whether to draw a bar. Defaults to True.

    Returns:
        list[Failure]: Images that could not be read, in order; they have no
        files.

    Raises:
        InputError: If the folder holds other masks, the processes differ in
            what they were taught, or pycocotools is missing.
    """
    if batch_size < 1:
        raise InputError(f'expected a batch size of at least 1, got '
                         f'{batch_size}')
    if coco:
        require_pycocotools()
    out_dir = Path(out_dir)
    images = without_results(images, out_dir)
    _prepare(out_dir, inferencer.fingerprint())
    rank, world_size = get_dist_info()
    batches = [
        images[start:start + batch_size]
        for start in range(0, len(images), batch_size)][rank::world_size]
    todo = [
        batch for batch in batches
        if not all(_is_finished(item, out_dir, overlay) for item in batch)]
    bar = _progress(batches, todo) if show_progress else None
    failures = []
    for batch, results in read_ahead(todo):
        failures += _segment_batch(inferencer, batch, results, out_dir,
                                   overlay)
        if bar is not None:
            bar.update(len(batch))
    if bar is not None:
        print(file=sys.stderr)
    # Also the barrier behind which all masks are there.
    failed = dict(
        one for some in all_gather_object(failures) for one in some)
    if is_main_process():
        done = [item for item in images if item.name not in failed]
        if csv:
            write_areas(out_dir, done)
        if coco:
            write_coco(out_dir, done, inferencer.classes)
    return [
        Failure(item.name, failed[item.name])
        for item in images if item.name in failed]


def without_results(images: Iterable[ImageItem],
                    out_dir: str | os.PathLike) -> list[ImageItem]:
    """Leave out the masks and overlays of an earlier run.

    They are among the images if the results lie in the folder of images.

    Args:
        images (Iterable[ImageItem]): Of :func:`list_images`.
        out_dir (str | os.PathLike): Folder of the results.

    Returns:
        list[ImageItem]: The others.
    """
    results = tuple(
        os.path.join(os.path.abspath(out_dir), folder, '')
        for folder in ('masks', 'overlays'))
    return [
        item for item in images if not isinstance(item.source, str)
        or not os.path.abspath(item.source).startswith(results)]


def _segment_batch(inferencer: Segmenter, batch: Sequence[ImageItem],
                   results: Sequence[np.ndarray | InputError], out_dir: Path,
                   overlay: bool) -> list[Failure]:
    failures = []
    names, images = [], []
    for item, result in zip(batch, results, strict=True):
        if isinstance(result, InputError):
            # What it gave before it broke is not of this image any more.
            remove_prediction(out_dir, item.name)
            failures.append(Failure(item.name, str(result)))
        else:
            names.append(item.name)
            images.append(result)
    predictions = inferencer.predict(images) if images else []
    for name, image, prediction in zip(
            names, images, predictions, strict=True):
        write_prediction(out_dir, name, prediction, inferencer.palette(),
                         image if overlay else None)
    return failures


def _prepare(out_dir: Path, fingerprint: str) -> None:
    """Make the folder ready, in the main process; a fault stops all."""
    fault = None
    if is_main_process():
        fault = _fault(out_dir, fingerprint)
        if fault is None:
            out_dir.mkdir(parents=True, exist_ok=True)
            remove_parts(out_dir)
            write_lines(out_dir / _RECORD, [fingerprint])
    faults, fingerprints = zip(
        *all_gather_object((fault, fingerprint)), strict=True)
    if faults[0] is not None:
        raise InputError(faults[0])
    if len(set(fingerprints)) > 1:
        raise InputError(
            'the processes have different weights or prototypes, but their '
            'masks lie in one folder; give a checkpoint in place of random '
            'weights, and a bank that one process has made')


def _fault(out_dir: Path, fingerprint: str) -> str | None:
    if next((out_dir / 'masks').glob('**/*.png'), None) is None:
        return None
    record = out_dir / _RECORD
    found = record.read_text().strip() if record.is_file() else None
    if found == fingerprint:
        return None
    what = 'masks from elsewhere' if found is None else (
        'masks of another model, other supports or other settings')
    return (f'{out_dir} holds {what}, which are not mixed with new ones; '
            'name another folder, or remove it')


def _is_finished(item: ImageItem, out_dir: Path, overlay: bool) -> bool:
    source = item.source
    if isinstance(source, np.ndarray):
        return False
    path = source.video.path if isinstance(source, VideoFrame) else source
    outputs = [mask_path(out_dir, item.name)]
    if overlay:
        outputs.append(overlay_path(out_dir, item.name))
    try:
        changed = os.stat(path).st_mtime_ns
        return all(
            output.stat().st_mtime_ns >= changed for output in outputs)
    except OSError:
        return False


def _progress(batches: Sequence[Sequence[ImageItem]],
              todo: Sequence[Sequence[ImageItem]]) -> ProgressBar | None:
    """A bar of this process's share, in the main process."""
    if not is_main_process():
        return None
    share, left = (sum(map(len, some)) for some in (batches, todo))
    if left < share:
        print(f'{share - left} of {share} images are finished already',
              file=sys.stderr)
    return ProgressBar(left, file=sys.stderr) if left else None
