"""The overlay: an image under the colours and outlines of its classes."""
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import check_number
from .object_names import write_names
from .way_colours import PALETTE

_PIXELS_A_LINE = 400
"""Pixels of the longer side for each pixel of an outline's width."""


@dataclass(frozen=True)
class OverlayStyle:
    """What overlays look like.

    Args:
        opacity (float): Opacity of the colours, 0..1. Outlines are always
            shown. Defaults to 0.45.
        legend (bool): Whether a legend is below the image. Defaults to True.
        names (bool): Whether the names of the classes are written on their
            objects. Defaults to False.

    Raises:
        InputError: If the opacity is not 0..1.
    """

    opacity: float = 0.45
    legend: bool = True
    names: bool = False

    def __post_init__(self) -> None:
        check_number('opacity (--opacity)', self.opacity, least=0, most=1)


def overlay(image: np.ndarray, labels: np.ndarray,
            palette: np.ndarray = PALETTE,
            opacity: float = 0.45,
            names: Sequence[str] = ()) -> np.ndarray:
    """Lay the colours of labels over an image, with outlines.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        labels (np.ndarray): (H, W); 0 leaves the image as it is, and the
            last label of the palette has a dashed outline, see
            :func:`dashed_outline`.
        palette (np.ndarray): (256, 3) RGB colours of the labels; (65536, 3)
            for labels of 16 bits. Defaults to those of :func:`way_colour`,
            and grey for 255.
        opacity (float): Opacity of the colours, 0..1. Defaults to 0.45.
        names (Sequence[str]): Names of the labels 1..W to write on their
            objects, see :func:`write_names`. Defaults to none.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB. The outlines are a pixel wide, and
        wider in images of more than 600 pixels.
    """
    picture = image.copy()
    width = max(1, round(max(labels.shape) / _PIXELS_A_LINE))
    found = np.unique(labels[labels != 0]).tolist()
    unknown = len(palette) - 1
    for label in found:
        mask = labels == label
        mixed = (1 - opacity) * image[mask] + opacity * palette[label]
        picture[mask] = mixed.astype(np.uint8)
    for label in found:
        if label != unknown:
            mask = (labels == label).astype(np.uint8)
            outlines, _ = cv2.findContours(
                mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(
                picture, outlines, -1, palette[label].tolist(), width,
                cv2.LINE_AA)
    if unknown in found:
        outline, black = dashed_outline(labels == unknown, width)
        picture[outline] = 255
        picture[outline & black] = 0
    return write_names(picture, labels, names) if names else picture


def dashed_outline(mask: np.ndarray,
                   width: int) -> tuple[np.ndarray, np.ndarray]:
    """Find a black and white outline, which no photograph hides.

    Args:
        mask (np.ndarray): (H, W) of bool.
        width (int): Width of the outline, in pixels.

    Returns:
        tuple[np.ndarray, np.ndarray]: (H, W) of bool each: the pixels of the
        mask beside other pixels of the image, and the black dashes.
    """
    side = 2 * width + 1
    # The border of the image counts as mask.
    inner = cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8))
    diagonal = np.add.outer(*map(np.arange, mask.shape))
    return mask & (inner == 0), diagonal // (4 * width) % 2 == 1
