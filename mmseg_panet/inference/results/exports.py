"""The exports of masks as files of label tools: COCO, labelme and YOLO."""
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...annotations.rasterize import require_pycocotools
from ...errors import InputError, check_choice, check_number
from ...files import atomic_path, check_inside, write_atomic
from ...notices import warn
from ...progress import progress_bar
from ...wording import counted
from ..images.image_list import ImageItem
from .coco_export import (
    coco_annotations,
    coco_categories,
    coco_images,
    write_lists,
)
from .labelme_export import labelme_file
from .mask_file import mask_path
from .out_path import refuse_foreign_files
from .segmented_image import SegmentedImage
from .yolo_export import data_yaml, yolo_lines

FORMATS = ('coco', 'labelme', 'yolo')
"""Formats, each of which is a folder below that of the results."""


@dataclass(frozen=True)
class Export:
    """What is exported.

    Args:
        formats (str | Sequence[str]): Some of 'coco', 'labelme' and 'yolo',
            or none.
        polygons (bool): Whether objects are polygons, see :func:`outline`.
            If False, they are exact: run lengths in COCO, and masks in
            labelme. Defaults to True.
        min_area (float): Smallest object to export, see
            :func:`label_objects`. Defaults to 1.

    Raises:
        InputError: If there is no such format, YOLO is asked for without
            polygons, or pycocotools is missing for run lengths.
    """

    formats: str | Sequence[str] = ()
    polygons: bool = True
    min_area: float = 1

    def __post_init__(self) -> None:
        if isinstance(self.formats, str):
            object.__setattr__(self, 'formats', (self.formats,))
        for name in self.formats:
            check_choice('a format of the export', name, FORMATS)
        check_number('min_area', self.min_area, least=0)
        if 'yolo' in self.formats and not self.polygons:
            raise InputError(
                'expected polygons for an export to YOLO, which has no run '
                'lengths; leave out --rle (polygons=False), or export COCO or '
                'labelme')
        if 'coco' in self.formats and not self.polygons:
            require_pycocotools('run lengths are written')

    def check(self, out_dir: Path, items: Sequence[ImageItem]) -> None:
        """Check images and folders, before the work begins.

        Args:
            out_dir (Path): The folder of the results.
            items (Sequence[ImageItem]): The images.

        Raises:
            InputError: If a folder of a format holds files from elsewhere,
                or as for :meth:`check_images`.
        """
        refuse_foreign_files(out_dir, *self.formats)
        self.check_images(out_dir, items)

    def check_images(self, out_dir: Path,
                     items: Sequence[ImageItem]) -> None:
        """Check that labelme and YOLO can refer to images.

        Raises:
            InputError: If an image is no file, or a link leads out of the
                folder.
        """
        check_inside(out_dir, [out_dir / name for name in self.formats])
        if not {'labelme', 'yolo'} & {*self.formats}:
            return
        for item in items:
            if not isinstance(item.source, str) or (
                    not os.path.lexists(item.source)):
                raise InputError(
                    'expected images that are files for an export to labelme '
                    f'or YOLO, which refer to them, got {item.name}, an '
                    'array, a frame of a video or a URL; save it as a file '
                    'first, or export COCO')

    def write(self, out_dir: Path, items: Sequence[ImageItem],
              read: Callable[[ImageItem], SegmentedImage],
              classes: Sequence[str], palette: np.ndarray,
              show_progress: bool = False) -> None:
        """Write the files of all images, one image at a time.

        Files of labelme and YOLO that are newer than their mask in
        ``out_dir`` and differ from it are kept, as they were corrected.

        Args:
            out_dir (Path): The folder of the results.
            items (Sequence[ImageItem]): The images.
            read (Callable): Function that reads the mask of an image.
            classes (Sequence[str]): Names of the labels 1..W.
            palette (np.ndarray): RGB by label.
            show_progress (bool): Whether to show a bar for each format.
                Defaults to False.

        Raises:
            WriteError: If a file cannot be written.
        """
        writers = dict(coco=self._write_coco, labelme=self._write_labelme,
                       yolo=self._write_yolo)
        with progress_bar(show_progress and bool(self.formats)) as bar:
            for name in dict.fromkeys(self.formats):
                writers[name](out_dir, bar.track(
                    map(read, items), len(items),
                    description=f'Exporting {name}'), classes, palette)

    def _write_coco(self, out_dir: Path, images: Iterable[SegmentedImage],
                    classes: Sequence[str], palette: np.ndarray) -> None:
        rows: list[tuple[ImageItem, Sequence[int]]] = []

        def described() -> Iterator[SegmentedImage]:
            for image in images:
                rows.append((image.item, image.labels.shape))
                yield image

        # Each mask is read once, for its annotations.
        write_lists(out_dir / 'coco' / 'instances.json', dict(
            categories=coco_categories(classes, palette),
            annotations=coco_annotations(
                described(), self.polygons, self.min_area),
            images=coco_images(rows)))

    def _write_labelme(self, out_dir: Path, images: Iterable[SegmentedImage],
                       classes: Sequence[str], palette: np.ndarray) -> None:
        _write_new(out_dir, (
            (image, path, json.dumps(labelme_file(
                image, path.parent, classes, self.polygons, self.min_area),
                indent=2) + '\n')
            for image in images
            for path in [out_dir / 'labelme' / f'{image.item.name}.json']))

    def _write_yolo(self, out_dir: Path, images: Iterable[SegmentedImage],
                    classes: Sequence[str], palette: np.ndarray) -> None:
        folder = out_dir / 'yolo'

        def files() -> Iterator[tuple[SegmentedImage, Path, str]]:
            for image in images:
                name, source = image.item.name, str(image.item.source)
                _link(folder / 'images' / f'{name}{Path(source).suffix}',
                      source)
                yield image, folder / 'labels' / f'{name}.txt', ''.join(
                    f'{line}\n' for line in yolo_lines(image, self.min_area))

        _write_new(out_dir, files())
        write_atomic(folder / 'data.yaml', data_yaml(classes).encode())


def _write_new(out_dir: Path,
               files: Iterator[tuple[SegmentedImage, Path, str]]) -> None:
    """Write texts to files, other than those that were corrected."""
    kept = []
    for image, path, text in files:
        data = text.encode()
        mask = mask_path(out_dir, image.item.name)
        if path.is_file() and mask.is_file() and (
                path.stat().st_mtime_ns >= mask.stat().st_mtime_ns):
            if path.read_bytes() != data:
                kept.append(path)
            continue
        write_atomic(path, data)
    if kept:
        warn(
            f"{counted(len(kept), 'file')} such as {kept[0]} "
            'differ from their masks, and were kept, as they may have been '
            'corrected; remove them to export the masks again')


def _link(path: Path, image: str) -> None:
    """Link to an image, or copy it where the system has no links."""
    if path.exists() and os.path.samefile(path, image):
        return
    with atomic_path(path) as part:
        try:
            os.symlink(os.path.relpath(
                os.path.realpath(image), path.parent.resolve()), part)
        except (OSError, ValueError, NotImplementedError):
            shutil.copyfile(image, part)
