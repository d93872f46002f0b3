"""The file of an overlay, which says what it was made with."""
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from ...files import write_atomic
from ...visualization.overlay import OverlayStyle
from ...visualization.segmentation_plot import overlay_with_legend


def overlay_path(out_dir: Path, name: str) -> Path:
    """Return the path of an image's overlay in a folder of results."""
    return out_dir / 'overlays' / f'{name}.jpg'


def write_overlay(path: Path, image: np.ndarray, labels: np.ndarray,
                  classes: tuple[str, ...], palette: np.ndarray,
                  style: OverlayStyle) -> None:
    """Write an overlay as a JPEG file, with its style as a comment.

    Args:
        path (Path): Path of the file; its folder is created.
        image (np.ndarray): (H, W, 3) uint8 BGR.
        labels (np.ndarray): (H, W), see :func:`overlay_with_legend`.
        classes (tuple[str, ...]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.
        style (OverlayStyle): What it looks like.
    """
    pixels = overlay_with_legend(
        image[..., ::-1], labels, classes, palette, style)
    data = cv2.imencode('.jpg', pixels[..., ::-1])[1].tobytes()
    comment = _comment(style)
    if comment:  # a segment COM after the start of the image
        size = (2 + len(comment)).to_bytes(2, 'big')
        data = data[:2] + b'\xff\xfe' + size + comment + data[2:]
    write_atomic(path, data)


def has_style(path: Path, style: OverlayStyle) -> bool:
    """Tell whether an overlay exists and was written with a style."""
    try:
        with JpegImageFile(path) as picture:
            return picture.info.get('comment', b'') == _comment(style)
    except (OSError, SyntaxError):
        return False


def overlays_of_other_styles(out_dir: Path, masks: Sequence[Path],
                             style: OverlayStyle) -> list[Path]:
    """List the overlays of masks that exist with another style."""
    paths = [
        overlay_path(out_dir, mask.relative_to(
            out_dir / 'masks').with_suffix('').as_posix()) for mask in masks]
    return [
        path for path in paths if path.is_file() and not has_style(
            path, style)]


def _comment(style: OverlayStyle) -> bytes:
    """Describe a style; the default has no comment."""
    return b'' if style == OverlayStyle() else str(style).encode()
