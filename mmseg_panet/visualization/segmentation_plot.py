"""Pictures of segmented images: overlays with a legend."""
from collections.abc import Sequence

import cv2
import numpy as np

from .legend import font_size, legend_entries, plot_legend
from .overlay import overlay
from .text import text_line

_LEAST_SIDE = 480
"""Pixels of the longer side of a picture; smaller images are enlarged."""
_TILE = 320
"""Pixels of the longer side of an image in a grid."""
_LEGEND_SIZE = 18
"""Height of the font in the legend of a grid, in pixels."""


def overlay_with_legend(image: np.ndarray, labels: np.ndarray,
                        classes: Sequence[str],
                        palette: np.ndarray) -> np.ndarray:
    """Lay the classes over an image, with a legend below it.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        labels (np.ndarray): (H, W): 0 none of the classes, i the i-th
            class; the last label of the palette is undecided.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.

    Returns:
        np.ndarray: uint8 RGB; the image keeps its place in the upper left
        corner and its size, and white surrounds it where the legend is
        wider.
    """
    legend = plot_legend(
        legend_entries([labels], classes, palette), image.shape[1],
        font_size(*image.shape[:2]))
    return _stacked([overlay(image, labels, palette), legend])


def plot_segmentation(image: np.ndarray, labels: np.ndarray,
                      classes: Sequence[str], palette: np.ndarray,
                      longest: int | None = None) -> np.ndarray:
    """Plot one image as :func:`overlay_with_legend`, enlarged if small.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        labels (np.ndarray): (H, W) uint8 or uint16.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.
        longest (int, optional): Pixels of the longer side that the image is
            scaled to. Defaults to its own size, or 480 if that is smaller.

    Returns:
        np.ndarray: uint8 RGB.
    """
    side = max(image.shape[:2])
    ratio = (longest or max(side, _LEAST_SIDE)) / side
    if ratio != 1:
        image, labels = _scaled(image, labels, ratio)
    return overlay_with_legend(image, labels, classes, palette)


def plot_grid(images: Sequence[np.ndarray], labels: Sequence[np.ndarray],
              names: Sequence[str], classes: Sequence[str],
              palette: np.ndarray, note: str = '') -> np.ndarray:
    """Plot several images beside each other, with one legend for all.

    Args:
        images (Sequence[np.ndarray]): (H, W, 3) uint8 RGB each, of any
            sizes.
        labels (Sequence[np.ndarray]): (H, W) uint8 or uint16 each.
        names (Sequence[str]): What is written above each image.
        classes (Sequence[str]): Names of the labels 1..W.
        palette (np.ndarray): See :func:`class_palette`.
        note (str): A line below the legend. Defaults to none.

    Returns:
        np.ndarray: uint8 RGB. The shares of the legend are those of the
        pixels of all images.
    """
    columns = int(np.ceil(len(images) ** 0.5))
    tiles = [
        _tile(image, of_image, name, palette)
        for image, of_image, name in zip(images, labels, names, strict=True)]
    rows = [
        _beside(tiles[start:start + columns])
        for start in range(0, len(tiles), columns)]
    width = max(row.shape[1] for row in rows)
    entries = legend_entries(labels, classes, palette)
    rows.append(plot_legend(entries, width, _LEGEND_SIZE))
    if entries and len(images) > 1:
        note += ('; ' if note else '') + (
            f'percentages are of all pixels of the {len(images)} images shown')
    if note:
        rows.append(text_line(note, width))
    return _stacked(rows)


def _tile(image: np.ndarray, labels: np.ndarray, name: str,
          palette: np.ndarray) -> np.ndarray:
    """Plot an image of a grid with its name above it."""
    ratio = _TILE / max(image.shape[:2])
    image, labels = _scaled(image, labels, ratio)
    width = max(image.shape[1], _TILE // 2)
    return _stacked([
        text_line(name, width), overlay(image, labels, palette)])


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
