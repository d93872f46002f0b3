"""The contact sheet: small overlays of all images, on pages."""
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from ...files import check_inside, write_atomic
from ...images.decoder import PLAIN
from ...images.reading import ImageReading
from ...progress import progress_bar
from ...visualization.overlay import OverlayStyle
from ...visualization.segmentation_plot import plot_grid
from ..images.image_list import ImageItem
from ..images.image_source import read_image
from .mask_file import mask_path, read_mask
from .out_path import refuse_foreign_files
from .record import CONTACT_SHEETS

_COLUMNS, _ROWS = 5, 4
_TILE = 256
"""Pixels of the longer side of an image."""


def check_contact_sheet(out_dir: Path) -> None:
    """Check the folder of the pages, before the work begins.

    Args:
        out_dir (Path): The folder of the results.

    Raises:
        InputError: If it holds files from elsewhere, or is a link to another
            folder.
    """
    check_inside(out_dir, [out_dir / CONTACT_SHEETS])
    refuse_foreign_files(out_dir, CONTACT_SHEETS)


def write_contact_sheet(out_dir: Path, items: Sequence[ImageItem],
                        classes: Sequence[str], palette: np.ndarray,
                        style: OverlayStyle, reading: ImageReading = PLAIN,
                        show_progress: bool = False) -> None:
    """Write pages of 5 x 4 images, each page with a legend.

    The pages are ``contact_sheets/001.jpg`` and so on; those of an earlier
    run are removed. One image at a time is in memory at its full size.

    Args:
        out_dir (Path): The folder of the results.
        items (Sequence[ImageItem]): Images that have a mask.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.
        style (OverlayStyle): What it looks like.
        reading (ImageReading): See :func:`read_image`.
        show_progress (bool): Whether to show a bar. Defaults to False.

    Raises:
        InputError: If an image cannot be read any more.
        WriteError: If a page cannot be written.
    """
    folder = out_dir / CONTACT_SHEETS
    for number in count(start=1):
        page = folder / f'{number:03d}.jpg'
        if not page.is_file():
            break
        page.unlink()
    size = _COLUMNS * _ROWS
    starts = range(0, len(items), size)
    with progress_bar(show_progress) as bar:
        for number, start in enumerate(bar.track(
                starts, description='Writing contact sheets'), start=1):
            some = items[start:start + size]
            pixels = plot_grid(
                (read_image(one.source, reading)[..., ::-1] for one in some),
                (read_mask(mask_path(out_dir, one.name)) for one in some),
                [one.name for one in some], classes, palette, style=style,
                columns=_COLUMNS, tile=_TILE)
            write_atomic(
                folder / f'{number:03d}.jpg',
                cv2.imencode('.jpg', pixels[..., ::-1])[1].tobytes())
