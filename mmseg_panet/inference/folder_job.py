"""The job that segments images into a folder, and can be resumed."""
import logging
from collections.abc import Collection, Sequence
from functools import partial
from itertools import chain, starmap
from pathlib import Path
from typing import NamedTuple

from mmengine.dist import all_gather_object, get_dist_info, is_main_process
from mmengine.logging import print_log

from ..errors import InputError
from ..files import StrPath
from ..locks import folder_lock
from ..models.bank.prototype_bank import NO_CLASS
from ..progress import progress_bar
from ..shared_errors import shared_errors
from ..wording import counted, printable
from .image_inferencer import ImageInferencer
from .images.image_list import ImageItem
from .results.exports import Export
from .results.out_folder import OutFolder, prepare_folder
from .results.segmented_image import read_segmented
from .segmentation import cut_batches, segment


class Failure(NamedTuple):
    """An image that was not segmented, with the sentence that says why."""

    name: str
    sentence: str


def segment_images(inferencer: ImageInferencer, images: Sequence[ImageItem],
                   out_dir: StrPath, overlay: bool = False, csv: bool = False,
                   coco: bool = False, batch_size: int = 1,
                   show_progress: bool = True,
                   export: str | Sequence[str] = (), polygons: bool = True,
                   export_min_area: float = 1) -> list[Failure]:
    """Segment images into a folder, on all processes of a launcher.

    Batches are cut from the complete list, and each is computed completely or
    not at all. The files are therefore equal to the byte after an
    interruption and for any number of processes. An image is finished when
    all of its files exist and its mask belongs to it, see
    :func:`source_key`.

    Args:
        inferencer (ImageInferencer): An inferencer with classes.
        images (Sequence[ImageItem]): The images of :func:`list_images` with
            ``leave_out=out_dir``.
        out_dir (str | os.PathLike): Folder for ``masks``, ``classes.txt`` and
            what is asked for.
        overlay (bool): Whether to write ``overlays``. Defaults to False.
        csv (bool): Whether to write ``areas.csv``. Defaults to False.
        coco (bool): Whether to write ``coco.json``. Defaults to False.
        batch_size (int): Images read and segmented together. Defaults to 1.
        show_progress (bool): Whether to show a bar. Defaults to True.
        export (str | Sequence[str]): Formats of label tools in which the
            objects of all masks are written at the end, 'coco', 'labelme'
            and 'yolo', see :class:`Export`. Defaults to none.
        polygons (bool): Whether these are polygons, or exact. Defaults to
            True.
        export_min_area (float): Smallest object in them, see
            :func:`label_objects`. Defaults to 1.

    Returns:
        list[Failure]: Images that could not be read or segmented, in order.
        They have no files.

    Raises:
        InputError: If the folder holds other masks, the processes differ in
            their classes, no class is registered, pycocotools is missing,
            an image cannot be exported, or another run writes to the folder.
        WriteError: If the disk is full, or files were removed before the end.
    """
    if not inferencer.classes:
        raise InputError(NO_CLASS)
    exported = Export(export, polygons, export_min_area)
    exported.check(Path(out_dir), images)
    with folder_lock(out_dir, collective=True):
        return _segment_images(
            inferencer, images,
            OutFolder(Path(out_dir), inferencer.classes, inferencer.palette(),
                      overlay, csv, coco), batch_size, show_progress,
            exported)


def _segment_images(inferencer: ImageInferencer, images: Sequence[ImageItem],
                    folder: OutFolder, batch_size: int,
                    show_progress: bool, export: Export) -> list[Failure]:
    rank, world_size = get_dist_info()
    share = cut_batches(images, batch_size)[rank::world_size]
    prepare_folder(folder.path, inferencer.fingerprint())
    with shared_errors():
        if is_main_process():
            folder.write_class_list()
    todo = [
        batch for batch in share if not all(map(folder.is_finished, batch))]
    failures = []
    with (shared_errors(),
          progress_bar(show_progress and is_main_process()) as bar):
        # The bar shows the share of this process alone.
        total, left = (sum(map(len, some)) for some in (share, todo))
        task = bar.add_task(
            'Segmenting', total=total, completed=total - left)
        # starmap keeps no result while the next one is computed.
        predict = partial(inferencer.predict, channel_order='bgr')
        errors = starmap(
            folder.write, segment(predict, todo, inferencer.reading))
        for item, error in zip(chain(*todo), errors, strict=True):
            if error is not None:
                failures.append(Failure(item.name, str(error)))
            bar.advance(task)
    # It is also the barrier after which all masks exist.
    failed = {one.name: one for one in chain(*all_gather_object(failures))}
    with shared_errors():
        if is_main_process():
            _finish(folder, images, failed, export, show_progress)
    return [failed[item.name] for item in images if item.name in failed]


def _finish(folder: OutFolder, images: Sequence[ImageItem],
            failed: Collection[str], export: Export,
            show_progress: bool) -> None:
    """Check that all masks exist, and write the tables and exports."""
    done = [item for item in images if item.name not in failed]
    folder.check_complete(done)
    folder.write_tables(done)
    export.write(
        folder.path, done, partial(read_segmented, folder.path),
        folder.classes, folder.palette, show_progress)
    if others := folder.masks_of_others(images):
        number = counted(len(others), 'mask')
        print_log(
            f'{printable(folder.path)}/masks has {number} of other images '
            f'than these, such as {printable(others[0].name)}; remove '
            'what is left of deleted images', 'current', logging.WARNING)
