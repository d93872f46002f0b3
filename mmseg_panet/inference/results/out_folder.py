"""The folder of results, with a record of what they were made with."""
import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.dist import all_gather_object, is_main_process

from ...annotations.class_colours import coloured_class_list
from ...annotations.class_list import CLASS_LIST, write_class_list
from ...annotations.rasterize import require_pycocotools
from ...errors import InputError, WriteError, out_of_memory
from ...files import (
    check_inside,
    prepare_output,
    remove_partial,
    write_lines,
)
from ...images.reading import ImageReading
from ...locks import is_locked
from ...shared_errors import shared_errors
from ...visualization.overlay import OverlayStyle
from ...wording import counted
from ..images.image_list import ImageItem
from ..images.image_source import read_image, source_key
from .exports import FORMATS
from .mask_file import (
    mask_path,
    read_mask,
    read_summary,
    write_prediction,
)
from .out_path import check_writable, refuse_class_folders
from .overlay_file import has_style, overlay_path, write_overlay
from .prediction import Prediction
from .prediction_tables import write_areas, write_coco
from .record import (
    CONTACT_SHEETS,
    RECORD,
    SEVERAL,
    holds_results,
    record_fault,
)


@dataclass(frozen=True)
class OutFolder:
    """A folder, and the files that results become in it.

    Args:
        path (Path): A folder that :func:`prepare_folder` or
            :func:`take_over` has prepared.
        classes (tuple[str, ...]): Names of the W classes.
        palette (np.ndarray): See :func:`class_palette`.
        overlay (bool): Whether each mask gets an overlay.
        csv (bool): Whether ``areas.csv`` is written.
        coco (bool): Whether ``coco.json`` is written.
        style (OverlayStyle): What overlays look like. Defaults to a legend
            without names on the objects.

    Raises:
        InputError: If ``coco.json`` needs pycocotools, which is missing.
    """

    path: Path
    classes: tuple[str, ...]
    palette: np.ndarray
    overlay: bool
    csv: bool
    coco: bool
    style: OverlayStyle = OverlayStyle()

    def __post_init__(self) -> None:
        if self.coco:
            require_pycocotools('coco.json is written')

    def files_of(self, item: ImageItem) -> dict[str, str]:
        """Return the paths of an image's files, by 'mask' and 'overlay'."""
        files = {'mask': str(mask_path(self.path, item.name))}
        if self.overlay:
            files['overlay'] = str(overlay_path(self.path, item.name))
        return files

    def write_class_list(self) -> None:
        """Write ``classes.txt``, which names the labels of the masks."""
        write_class_list(
            self.path, coloured_class_list(self.classes, self.palette))

    def refuse_other_classes(self, fingerprint: str,
                             items: Sequence[ImageItem]) -> None:
        """Refuse masks of other images that have other classes.

        One class list cannot name the labels of both.

        Args:
            fingerprint (str): See :func:`prepare_folder`.
            items (Sequence[ImageItem]): The images, whose masks are replaced.

        Raises:
            InputError: If there is such a mask.
        """
        if record_fault(self.path, fingerprint) is None:
            return
        for mask in self.masks_of_others(items):
            found = read_summary(mask).classes
            if found != self.classes:
                raise InputError(
                    f'expected masks of the classes {list(self.classes)} in '
                    f'{self.path}, got {mask.name} of the classes '
                    f'{list(found)}, whose labels one classes.txt cannot '
                    'name; name another folder, or segment all images again '
                    'into an empty one')

    def masks_of_others(self, items: Sequence[ImageItem]) -> list[Path]:
        """List the masks in the folder that belong to none of some images.

        Args:
            items (Sequence[ImageItem]): The images.
        """
        own = {mask_path(self.path, item.name) for item in items}
        return [mask for mask in sorted((self.path / 'masks').glob('**/*.png'))
                if mask not in own]

    def is_finished(self, item: ImageItem) -> bool:
        """Tell whether all files of an image exist and belong to it."""
        return self._has_mask(item) and self._has_overlay(item)

    def lacks_overlay(self, item: ImageItem) -> bool:
        """Tell whether only the overlay of a mask is of another style."""
        return not self._has_overlay(item) and self._has_mask(item)

    def renew_overlay(self, item: ImageItem, reading: ImageReading) -> None:
        """Write the overlay of a mask, unless its image cannot be read.

        Args:
            item (ImageItem): An image with a mask.
            reading (ImageReading): See :func:`read_image`.

        Raises:
            WriteError: If the disk is full.
        """
        with suppress(InputError, MemoryError):
            write_overlay(
                overlay_path(self.path, item.name),
                read_image(item.source, reading),
                read_mask(mask_path(self.path, item.name)), self.classes,
                self.palette, self.style)

    def _has_mask(self, item: ImageItem) -> bool:
        try:
            summary = read_summary(mask_path(self.path, item.name))
            return summary.source == source_key(item.source)
        except (InputError, OSError):
            return False

    def _has_overlay(self, item: ImageItem) -> bool:
        return not self.overlay or has_style(
            overlay_path(self.path, item.name), self.style)

    def write(self, item: ImageItem, image: np.ndarray | None,
              found: Prediction | InputError) -> InputError | None:
        """Write the files of an image, or remove those of a damaged one.

        Args:
            item (ImageItem): The image.
            image (np.ndarray | None): (H, W, 3) uint8 BGR; None if it is
                damaged.
            found (Prediction | InputError): Its prediction, or the error.

        Returns:
            InputError | None: The error because of which it has no files.

        Raises:
            WriteError: If the folder was removed, or the disk is full.
        """
        if not os.path.isdir(self.path):  # It would be created again.
            raise WriteError(
                f'{self.path} was removed before the end of the run; start '
                'again, and keep the folder until then', errno.ENOENT)
        mask = mask_path(self.path, item.name)
        picture = overlay_path(self.path, item.name)
        try:
            if isinstance(found, InputError):
                mask.unlink(missing_ok=True)
                picture.unlink(missing_ok=True)
                return found
            if self.overlay and image is not None:
                write_overlay(picture, image, found.class_map, self.classes,
                              self.palette, self.style)
            write_prediction(
                mask, found, self.palette, source_key(item.source))
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return InputError(
                f'{item.name} is too long a name for a mask; shorten it')
        except MemoryError:
            return out_of_memory(item.name)
        return None

    def check_complete(self, items: Sequence[ImageItem]) -> None:
        """Check that the files of all images exist at the end.

        Args:
            items (Sequence[ImageItem]): All images with a mask.

        Raises:
            WriteError: If a file was removed.
        """
        gone = [file for item in items for file in self.files_of(
            item).values() if not os.path.isfile(file)]
        if gone:
            raise WriteError(
                f"expected {counted(len(items), 'mask')} in {self.path}, got "
                f"{counted(len(gone), 'file')} less, such as {gone[0]}, which "
                'was removed before the end of the run; run the same command '
                'again', errno.ENOENT)

    def write_tables(self, items: Sequence[ImageItem]) -> None:
        """Write ``areas.csv`` and ``coco.json`` if they are wanted.

        Args:
            items (Sequence[ImageItem]): All images with a mask.
        """
        if self.csv:
            write_areas(self.path, items)
        if self.coco:
            write_coco(self.path, items, self.classes, self.palette)


def prepare_folder(out_dir: Path, fingerprint: str) -> None:
    """Prepare a folder for results, on all processes of a launcher.

    Partial files of a killed process are removed.

    Args:
        out_dir (Path): The folder, which is created if needed.
        fingerprint (str): Hash of all that the results depend on.

    Raises:
        InputError: If the folder holds results of another fingerprint, or
            the fingerprints of the processes differ.
        WriteError: If the disk is full.
    """
    with shared_errors():
        if is_main_process():
            fault = record_fault(out_dir, fingerprint)
            if fault is not None:
                raise InputError(fault)
            take_over(out_dir, fingerprint)
    if len(set(all_gather_object(fingerprint))) > 1:
        raise InputError(
            'the processes have different weights or classes, but write '
            'their masks to one folder; give a checkpoint in place of random '
            'weights, and a bank that one process has made')


def take_over(out_dir: Path, fingerprint: str) -> None:
    """Prepare a folder for results that may replace what it holds.

    If results of another fingerprint remain, :func:`prepare_folder` will
    refuse the folder.

    Args:
        out_dir (Path): The folder, which is created if needed.
        fingerprint (str): See :func:`prepare_folder`.

    Raises:
        InputError: If the folder holds masks or a class list that were not
            written here, or is not writable, or a link leads out of it.
    """
    check_inside(out_dir, [out_dir / 'masks', out_dir / 'overlays'])
    if not holds_results(out_dir):
        refuse_class_folders(out_dir)
        masks = list((out_dir / 'masks').glob('**/*.png'))
        for mask in masks:
            read_summary(mask)
        if not masks and (out_dir / CLASS_LIST).exists():
            raise InputError(
                f'{out_dir} has a {CLASS_LIST} that was not written here and '
                'would be written over; name another folder for the results')
    check_writable(out_dir)
    prepare_output(out_dir / RECORD)
    remove_partial(
        out_dir, '.*', *(
            f'{name}/**/.*' for name in (
                'masks', 'overlays', CONTACT_SHEETS, *FORMATS)),
        exclusive=is_locked(out_dir))
    mixed = record_fault(out_dir, fingerprint) is not None
    # By its record a folder is known as one of results, whatever it says.
    write_lines(out_dir / RECORD, [SEVERAL if mixed else fingerprint])
