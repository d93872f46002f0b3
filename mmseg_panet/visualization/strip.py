"""The strip of an episode: supports, query, ground truth, prediction."""
from collections.abc import Sequence
from typing import TYPE_CHECKING

import mmcv
import numpy as np

from ..deprecation import renamed
from .overlay import overlay
from .text import LINE_HEIGHT, text_line

_GAP = 4
"""Gap between panels, in pixels."""
_WHITE = (255, 255, 255)


def panel(picture: np.ndarray, caption: str, height: int) -> np.ndarray:
    """Scale a picture, and add a line of text above it and a margin.

    Args:
        picture (np.ndarray): (H, W, 3) uint8 RGB.
        caption (str): Text, which is shortened to the width of the panel.
        height (int): Height of the picture in the panel, in pixels.

    Returns:
        np.ndarray: (height + 26, width + 4, 3) uint8 RGB, with a white
        margin of 4 pixels on the right and below.
    """
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    method = 'area' if height < picture.shape[0] else 'bilinear'
    picture = mmcv.imresize(picture, (width, height), interpolation=method)
    return mmcv.impad(np.vstack([text_line(caption, width), picture]),
                      padding=(0, 0, _GAP, _GAP), pad_val=_WHITE)


def plot_strip(supports: Sequence[Sequence[np.ndarray]], query: np.ndarray,
               ground_truth: np.ndarray, prediction: np.ndarray,
               class_names: Sequence[str], height: int = 192) -> np.ndarray:
    """Plot one query of an episode from left to right.

    Args:
        supports (Sequence[Sequence[np.ndarray]]): W rows of S pictures
            (H, W, 3) uint8 RGB, which already show the masks.
        query (np.ndarray): (H, W, 3) uint8 RGB.
        ground_truth (np.ndarray): (H, W), episode labels.
        prediction (np.ndarray): (H, W), episode labels.
        class_names (Sequence[str]): Name of each way.
        height (int): Height of the query's panels, in pixels. Defaults to
            192.

    Returns:
        np.ndarray: The strip, uint8 RGB.
    """
    outside = LINE_HEIGHT + _GAP
    tile = max(48, (height + outside) // len(supports) - outside)
    rows = [
        np.hstack([panel(picture, '' if shot else f'support: {name}', tile)
                   for shot, picture in enumerate(pictures)])
        for name, pictures in zip(class_names, supports, strict=True)]
    width = max(row.shape[1] for row in rows)
    block = np.vstack([mmcv.impad(
        row, shape=(len(row), width), pad_val=_WHITE) for row in rows])
    height = len(block) - outside
    panels = [block, panel(query, 'query', height)]
    for caption, labels in (('ground truth', ground_truth),
                            ('prediction', prediction)):
        labels = mmcv.imresize(labels.astype(np.uint8), query.shape[1::-1],
                               interpolation='nearest')
        panels.append(panel(overlay(query, labels), caption, height))
    return np.hstack(panels)[:-_GAP, :-_GAP]


if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {
        'PALETTE': 'mmseg_panet.visualization.way_colours.PALETTE',
        'way_colour': 'mmseg_panet.visualization.way_colours.way_colour'})
