"""The job that segments images into a folder, and can be resumed."""
import logging
from collections.abc import Sequence
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
from ..visualization.overlay import OverlayStyle
from ..wording import counted, printable
from .image_inferencer import ImageInferencer
from .images.image_list import ImageItem
from .results.exports import Export
from .results.out_folder import OutFolder, prepare_folder
from .results.overlay_file import overlays_of_other_styles
from .results.pictures import Pictures
from .results.segmented_image import read_segmented
from .segmentation import cut_batches, segment
from .smoothing import (
    Run,
    check_smooth,
    cut_runs,
    segment_runs,
    smoothed_fingerprint,
)


class Failure(NamedTuple):
    """An image that was not segmented, with the sentence that says why."""

    name: str
    sentence: str


def segment_images(inferencer: ImageInferencer, images: Sequence[ImageItem],
                   out_dir: StrPath, overlay: bool = False, csv: bool = False,
                   coco: bool = False, batch_size: int = 1,
                   show_progress: bool = True,
                   export: str | Sequence[str] = (), polygons: bool = True,
                   export_min_area: float = 1, opacity: float = 0.45,
                   legend: bool = True, names: bool = False,
                   video: str | None = None,
                   contact_sheet: bool = False,
                   smooth: float = 0) -> list[Failure]:
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
        opacity (float): Opacity of the colours in overlays, videos and
            contact sheets, 0..1. Masks do not depend on it, nor on the next
            two; overlays that were made with others are made again. Defaults
            to 0.45.
        legend (bool): Whether they have a legend. Defaults to True.
        names (bool): Whether the names of the classes are written on the
            objects. Defaults to False.
        video (str, optional): Format of a video with the overlays of all
            frames that is written for each video, 'mp4' or 'webm', see
            :meth:`OverlayVideo.write`. Defaults to none.
        contact_sheet (bool): Whether pages with small overlays of all images
            are written, see :func:`write_contact_sheet`. Defaults to False.
        smooth (float): Weight of earlier frames in the probabilities of a
            frame of a video, 0 to 0.95, see
            :meth:`FewShotInferencer.predict_next`. Frames are then segmented
            one by one in runs, see :func:`cut_runs`. Defaults to 0.

    Returns:
        list[Failure]: Images that could not be read or segmented, in order.
        They have no files. Overlay videos that are incomplete or could not
        be written follow.

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
    style = OverlayStyle(opacity, legend, names)
    pictures = Pictures(video, contact_sheet, style)
    pictures.check(Path(out_dir), images)
    check_smooth(smooth)
    with folder_lock(out_dir, collective=True):
        return _segment_images(
            inferencer, images,
            OutFolder(Path(out_dir), inferencer.classes, inferencer.palette(),
                      overlay, csv, coco, style), batch_size, show_progress,
            exported, pictures, smooth)


def _segment_images(inferencer: ImageInferencer, images: Sequence[ImageItem],
                    folder: OutFolder, batch_size: int,
                    show_progress: bool, export: Export,
                    pictures: Pictures, smooth: float) -> list[Failure]:
    rank, world_size = get_dist_info()
    batches = [Run([], batch) for batch in cut_batches(images, batch_size)]
    runs = cut_runs(images, smooth) if smooth else batches
    share = runs[rank::world_size]
    own = [item for run in share for item in run.items]
    prepare_folder(folder.path, smoothed_fingerprint(
        inferencer.fingerprint(), images, smooth))
    with shared_errors():
        if is_main_process():
            folder.write_class_list()
    stale = [item for item in own if folder.lacks_overlay(item)]
    with (shared_errors(), progress_bar(
            bool(stale) and show_progress and is_main_process()) as bar):
        for item in bar.track(stale, description='Renewing overlays'):
            folder.renew_overlay(item, inferencer.reading)
    todo = [
        run for run in share if not all(map(folder.is_finished, run.items))]
    left = [item for run in todo for item in run.items]
    failures = []
    with (shared_errors(),
          progress_bar(show_progress and is_main_process()) as bar):
        # The bar shows the share of this process alone.
        task = bar.add_task(
            'Segmenting', total=len(own), completed=len(own) - len(left))
        segmented = segment_runs(
            partial(inferencer.predict_next, smooth=smooth,
                    channel_order='bgr'), todo, inferencer.reading,
        ) if smooth else segment(
            partial(inferencer.predict, channel_order='bgr'),
            [run.items for run in todo], inferencer.reading)
        # starmap keeps no result while the next one is computed.
        errors = starmap(folder.write, segmented)
        for item, error in zip(left, errors, strict=True):
            if error is not None:
                failures.append(Failure(item.name, str(error)))
            bar.advance(task)
    # It is also the barrier after which all masks exist.
    failed = {one.name: one for one in chain(*all_gather_object(failures))}
    incomplete: list[Failure] = []
    with shared_errors():
        if is_main_process():
            done = [item for item in images if item.name not in failed]
            _finish(folder, images, done, export, show_progress)
            incomplete += [
                Failure(name, str(error)) for name, error in pictures.write(
                    folder.path, done, folder.classes, folder.palette,
                    inferencer.reading, show_progress)]
    return [
        *(failed[item.name] for item in images if item.name in failed),
        *chain(*all_gather_object(incomplete))]


def _finish(folder: OutFolder, images: Sequence[ImageItem],
            done: Sequence[ImageItem], export: Export,
            show_progress: bool) -> None:
    """Check that all masks exist, and write the tables and exports."""
    folder.check_complete(done)
    folder.write_tables(done)
    export.write(
        folder.path, done, partial(read_segmented, folder.path),
        folder.classes, folder.palette, show_progress)
    if others := folder.masks_of_others(images):
        number = counted(len(others), 'mask')
        print_log(
            f'{printable(folder.path)}/masks has {number} of other images '
            f'than these, such as {_below(others[0], folder)}; remove '
            'what is left of deleted images', 'current', logging.WARNING)
    if mixed := folder.overlay and overlays_of_other_styles(
            folder.path, others, folder.style):
        number = counted(len(mixed), 'overlay')
        print_log(
            f'{printable(folder.path)}/overlays has {number} of other images '
            f'in another style, such as {_below(mixed[0], folder)}; remove '
            'them, or segment those images again with the same options',
            'current', logging.WARNING)


def _below(file: Path, folder: OutFolder) -> str:
    """Name a file in a subfolder of results, such as film/000001.png."""
    return printable(Path(*file.relative_to(folder.path).parts[1:]).as_posix())
