"""A folder of images segmented into files, which can be taken up again."""
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from mmengine.dist import all_gather_object, get_dist_info, is_main_process

from ..annotations.rasterize import require_pycocotools
from ..errors import InputError
from ..progress import progress_bar
from .images.image_list import ImageItem
from .images.read_ahead import read_ahead
from .images.source_key import source_key
from .results.out_folder import prepare_folder
from .results.prediction import Prediction
from .results.prediction_files import (
    mask_path,
    overlay_path,
    read_summary,
    remove_prediction,
    write_prediction,
)
from .results.prediction_tables import write_areas, write_coco


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
    however many processes share them. An image is finished when all of its
    files are there and its mask is of it, see :func:`source_key`.

    Args:
        inferencer (Segmenter): A :class:`FewShotInferencer` with classes.
        images (Sequence[ImageItem]): Of :func:`list_images`, with
            ``leave_out=out_dir``.
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
        require_pycocotools('coco.json is written')
    out_dir = Path(out_dir)
    prepare_folder(out_dir, inferencer.fingerprint())
    rank, world_size = get_dist_info()
    batches = [
        images[start:start + batch_size]
        for start in range(0, len(images), batch_size)][rank::world_size]
    todo = [
        batch for batch in batches
        if not all(_is_finished(item, out_dir, overlay) for item in batch)]
    failures = []
    with progress_bar(show_progress and is_main_process()) as bar:
        # Of this process's share: no other has to be asked.
        share, left = (sum(map(len, some)) for some in (batches, todo))
        task = bar.add_task(
            'Segmenting', total=share, completed=share - left)
        for batch, results in read_ahead(todo):
            failures += _segment_batch(
                inferencer, batch, results, out_dir, overlay)
            bar.advance(task, len(batch))
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


def _segment_batch(inferencer: Segmenter, batch: Sequence[ImageItem],
                   results: Sequence[np.ndarray | InputError], out_dir: Path,
                   overlay: bool) -> list[Failure]:
    failures = []
    items, images = [], []
    for item, result in zip(batch, results, strict=True):
        if isinstance(result, InputError):
            # What it gave before it broke is not of this image any more.
            remove_prediction(out_dir, item.name)
            failures.append(Failure(item.name, str(result)))
        else:
            items.append(item)
            images.append(result)
    predictions = inferencer.predict(images) if images else []
    palette = inferencer.palette()
    for item, image, prediction in zip(
            items, images, predictions, strict=True):
        try:
            write_prediction(
                out_dir, item.name, prediction, palette,
                image if overlay else None, source_key(item.source))
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            failures.append(Failure(item.name, (
                f'{item.name} is too long a name for a mask; shorten it')))
    return failures


def _is_finished(item: ImageItem, out_dir: Path, overlay: bool) -> bool:
    if overlay and not overlay_path(out_dir, item.name).is_file():
        return False
    try:
        summary = read_summary(mask_path(out_dir, item.name))
        return summary.source == source_key(item.source)
    except (InputError, OSError):
        return False
