"""Pictures of segmented images: overlays with a legend."""
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from .legend import (
    LegendEntry,
    count_labels,
    counted_entries,
    font_size,
    legend_entries,
    plot_legend,
)
from .overlay import OverlayStyle, overlay
from .text import text_line

_LEAST_SIDE = 480
"""Pixels of the longer side of a picture; smaller images are enlarged."""
_LEGEND_SIZE = 18
"""Height of the font in the legend of a grid, in pixels."""
PLAIN_STYLE = OverlayStyle()


def overlay_with_legend(image: np.ndarray, labels: np.ndarray,
                        classes: Sequence[str],
                        palette: np.ndarray,
                        style: OverlayStyle = PLAIN_STYLE,
                        entries: Sequence[LegendEntry] | None = None
                        ) -> np.ndarray:
    """Lay the classes over an image, with a legend below it.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        labels (np.ndarray): (H, W): 0 none of the classes, i the i-th
            class; the last label of the palette is undecided.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.
        style (OverlayStyle): Opacity, names, and whether there is a legend.
            Defaults to a legend without names on the objects.
        entries (Sequence[LegendEntry], optional): Lines of the legend.
            Defaults to the classes of the image.

    Returns:
        np.ndarray: uint8 RGB; the image keeps its place in the upper left
        corner and its size, and white surrounds it where the legend is
        wider.
    """
    picture = overlay(image, labels, palette, style.opacity,
                      classes if style.names else ())
    if not style.legend:
        return picture
    if entries is None:
        entries = legend_entries([labels], classes, palette)
    return _stacked([picture, plot_legend(
        entries, image.shape[1], font_size(*image.shape[:2]))])


def plot_segmentation(image: np.ndarray, labels: np.ndarray,
                      classes: Sequence[str], palette: np.ndarray,
                      longest: int | None = None,
                      style: OverlayStyle = PLAIN_STYLE) -> np.ndarray:
    """Plot one image as :func:`overlay_with_legend`, enlarged if small.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        labels (np.ndarray): (H, W) uint8 or uint16.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.
        longest (int, optional): Pixels of the longer side that the image is
            scaled to. Defaults to its own size, or 480 if that is smaller.
        style (OverlayStyle): See :func:`overlay_with_legend`.

    Returns:
        np.ndarray: uint8 RGB.
    """
    side = max(image.shape[:2])
    ratio = (longest or max(side, _LEAST_SIDE)) / side
    if ratio != 1:
        image, labels = _scaled(image, labels, ratio)
    return overlay_with_legend(image, labels, classes, palette, style)


def plot_grid(images: Iterable[np.ndarray], labels: Iterable[np.ndarray],
              names: Iterable[str], classes: Sequence[str],
              palette: np.ndarray, note: str = '',
              style: OverlayStyle = PLAIN_STYLE, columns: int | None = None,
              tile: int = 320) -> np.ndarray:
    """Plot several images beside each other, with one legend for all.

    Args:
        images (Iterable[np.ndarray]): (H, W, 3) uint8 RGB each, of any
            sizes. One at a time is kept in memory.
        labels (Iterable[np.ndarray]): (H, W) uint8 or uint16 each.
        names (Iterable[str]): What is written above each image.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.
        note (str): A line below the legend. Defaults to none.
        style (OverlayStyle): See :func:`overlay_with_legend`.
        columns (int, optional): Images in a row. Defaults to about as many
            as there are rows.
        tile (int): Pixels of the longer side of an image. Defaults to 320.

    Returns:
        np.ndarray: uint8 RGB. The shares of the legend are those of the
        pixels of all images.
    """
    tiles = []
    pixels = np.zeros(len(palette), np.int64)
    for image, of_image, name in zip(images, labels, names, strict=True):
        pixels += count_labels(of_image, palette)
        tiles.append(_tile(
            image, of_image, name, palette, tile, style,
            classes if style.names else ()))
    columns = columns or int(np.ceil(len(tiles) ** 0.5))
    rows = [
        _beside(tiles[start:start + columns])
        for start in range(0, len(tiles), columns)]
    width = max(row.shape[1] for row in rows)
    if style.legend:
        entries = counted_entries(pixels, classes, palette)
        rows.append(plot_legend(entries, width, _LEGEND_SIZE))
        if entries and len(tiles) > 1:
            note += ('; ' if note else '') + (
                'percentages are of all pixels of the '
                f'{len(tiles)} images shown')
    if note:
        rows.append(text_line(note, width))
    return _stacked(rows)


def _tile(image: np.ndarray, labels: np.ndarray, name: str,
          palette: np.ndarray, side: int, style: OverlayStyle,
          classes: Sequence[str]) -> np.ndarray:
    """Plot an image of a grid with its name above it."""
    ratio = side / max(image.shape[:2])
    image, labels = _scaled(image, labels, ratio)
    width = max(image.shape[1], side // 2)
    return _stacked([
        text_line(name, width),
        overlay(image, labels, palette, style.opacity, classes)])


def _scaled(image: np.ndarray, labels: np.ndarray,
            ratio: float) -> tuple[np.ndarray, np.ndarray]:
    height, width = image.shape[:2]
    size = max(1, round(ratio * width)), max(1, round(ratio * height))
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_CUBIC
    return (
        cv2.resize(image, size, interpolation=method),
        cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST))


def _beside(pictures: Sequence[np.ndarray], gap: int = 8) -> np.ndarray:
    """Put pictures from left to right on white, aligned at the top."""
    height = max(len(one) for one in pictures) + gap
    width = sum(one.shape[1] + gap for one in pictures)
    found = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for one in pictures:
        found[:len(one), left:left + one.shape[1]] = one
        left += one.shape[1] + gap
    return found


def _stacked(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Put pictures below each other on white, aligned on the left."""
    width = max(one.shape[1] for one in pictures)
    found = np.full((sum(map(len, pictures)), width, 3), 255, np.uint8)
    top = 0
    for one in pictures:
        found[top:top + len(one), :one.shape[1]] = one
        top += len(one)
    return found
