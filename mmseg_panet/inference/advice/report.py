"""The report of a check of supports, as a table and a picture."""
import base64
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ...errors import InputError
from ...files import StrPath, prepare_output, write_atomic
from ...table import format_table
from ...visualization.overlay import overlay
from ...visualization.text import text_line
from ...visualization.way_colours import PALETTE
from ...wording import printable

_SIZE = (192, 128)
"""Largest width and height of a thumbnail, in pixels."""
_COLUMNS = 6
"""Number of shots in a row of the picture."""
_LETTERS = 24
"""Length of a file's name in the table and the picture."""
_RED, _GREY, _BLACK = (200, 0, 0), (110, 110, 110), (0, 0, 0)


class SupportRow(NamedTuple):
    """The result of the check for one support.

    Attributes:
        class_name (str): Name of the class of the support.
        shot (int): Number of the support in its class, from 1.
        image (str): File name of its image.
        pixels (int): Number of pixels of its mask.
        share (float): Share of the image that the mask covers, in percent.
        cells (float): Cells of the feature map that the mask covers.
        iou (float): IoU of its mask with the prediction by the other shots,
            in percent; or by the support itself if it is the only one.
        effect (float, optional): Decrease of the ``iou`` of the others
            without this support, in percentage points; below 0 it hurts.
            None with fewer than three shots.
        agreement (float): :func:`mask_agreement` with the classifier of
            ``iou``.
        own_fit (float): :func:`mask_agreement` with a classifier of the
            support alone.
        trust (float): Trust in its mask from both, see :func:`trust_of`.
        marks (tuple[str, ...]): Some of 'suspect', 'weakest' (the least
            trusted of its class, but not suspect), 'hurts', 'tiny',
            'inverted' and 'only'.
    """

    class_name: str
    shot: int
    image: str
    pixels: int
    share: float
    cells: float
    iou: float
    effect: float | None
    agreement: float
    own_fit: float
    trust: float
    marks: tuple[str, ...] = ()


@dataclass(repr=False)
class SupportAdvice:
    """The result of the check for all supports; ``repr`` makes a table.

    Attributes:
        rows (list[SupportRow]): A row for each support, class by class.
        notes (list[str]): Sentences that say what to do.
        pictures (list[np.ndarray]): (h, w, 3) uint8 RGB, a small picture of
            each support with its mask.
    """

    rows: list[SupportRow]
    notes: list[str]
    pictures: list[np.ndarray]

    @property
    def suspects(self) -> list[SupportRow]:
        """The supports whose masks may be wrong."""
        return [row for row in self.rows if 'suspect' in row.marks]

    def __repr__(self) -> str:
        return format_advice(self)

    def _repr_html_(self) -> str:
        """Show the table and the picture in notebooks."""
        _, data = cv2.imencode('.png', plot_advice(self)[..., ::-1])
        picture = base64.b64encode(data.tobytes()).decode()
        return (f'<pre>{escape(format_advice(self))}</pre>'
                f'<img src="data:image/png;base64,{picture}" alt="examples">')

    def plot(self, path: StrPath) -> None:
        """Write the picture of :func:`plot_advice` to a file.

        Args:
            path (str | os.PathLike): A path that ends with .png or .jpg.

        Raises:
            InputError: If it has another suffix or cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() not in ('.png', '.jpg', '.jpeg'):
            raise InputError(
                f'expected a picture as .png or .jpg, got {path}')
        prepare_output(path)
        _, data = cv2.imencode(path.suffix, plot_advice(self)[..., ::-1])
        write_atomic(path, data.tobytes())


def format_advice(advice: SupportAdvice) -> str:
    """Format a line for each support, and below them the notes."""
    rows = [('class', 'example', 'image', 'pixels', 'share', 'cells', 'IoU',
             'effect', 'trust', '')]
    rows += [
        (row.class_name, str(row.shot), shortened(row.image), str(row.pixels),
         f'{row.share:.1f}%', f'{row.cells:.1f}', f'{row.iou:.1f}',
         _effect(row), f'{row.trust:.2f}', ', '.join(row.marks))
        for row in advice.rows]
    notes = advice.notes or ['nothing to correct']
    return '\n'.join([
        format_table(rows, left=(0, 2, 9)), '', *map(printable, notes)])


def plot_advice(advice: SupportAdvice) -> np.ndarray:
    """Plot every support with its mask, class by class.

    The class and the file are written above each support, its IoU and effect
    below it. The text of marked supports is red, and grey if the only mark is
    that there is no other support.

    Args:
        advice (SupportAdvice): See :func:`advise`.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    lines: list[list[np.ndarray]] = []
    for row, picture in zip(advice.rows, advice.pictures, strict=True):
        if row.shot % _COLUMNS == 1:
            lines.append([])
        lines[-1].append(_tile(row, picture))
    columns = max(map(len, lines))
    blank = np.full_like(lines[0][0], 255)
    return np.vstack([
        np.hstack(line + [blank] * (columns - len(line))) for line in lines])


def thumbnail(image: np.ndarray, labels: np.ndarray,
              label: int, palette: np.ndarray = PALETTE) -> np.ndarray:
    """Make the small picture of a support.

    Args:
        image (np.ndarray): (H, W, 3) uint8 BGR.
        labels (np.ndarray): (H, W) uint8: 1 the class, 0 not, 255 unknown.
        label (int): Label that gives the class its colour.
        palette (np.ndarray): See :func:`overlay`. Defaults to that of the
            ways.

    Returns:
        np.ndarray: (h, w, 3) uint8 RGB.
    """
    height, width = labels.shape
    ratio = min(_SIZE[0] / width, _SIZE[1] / height)
    size = (max(1, round(ratio * width)), max(1, round(ratio * height)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    unknown = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST) == 255
    # A mask of a few pixels must not be lost.
    mask = cv2.resize(
        (labels == 1).astype(np.float32), size,
        interpolation=cv2.INTER_AREA) > 0
    found = np.where(mask, label, np.where(unknown, len(palette) - 1, 0))
    return overlay(small[..., ::-1], found, palette)


def shortened(name: str) -> str:
    """Remove the middle of a long file name, whose end distinguishes it."""
    if len(name) <= _LETTERS:
        return name
    start = _LETTERS // 3
    return f'{name[:start]}...{name[start + 3 - _LETTERS:]}'


def _effect(row: SupportRow) -> str:
    return '' if row.effect is None else f'{row.effect:+.1f}'


def _tile(row: SupportRow, picture: np.ndarray) -> np.ndarray:
    """Put a picture on a white tile of fixed size, with text around it."""
    colour = _RED if set(row.marks) - {'weakest', 'only'} else (
        _GREY if 'only' in row.marks else _BLACK)
    effect = _effect(row)
    if 'suspect' in row.marks:
        picture = cv2.copyMakeBorder(
            picture, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=_RED)
    width = _SIZE[0] + 8
    right, below = width - picture.shape[1], _SIZE[1] + 8 - picture.shape[0]
    return np.vstack([
        text_line(f'{row.class_name} {row.shot}', width),
        text_line(shortened(row.image), width),
        cv2.copyMakeBorder(
            picture, below // 2, below - below // 2, right // 2,
            right - right // 2, cv2.BORDER_CONSTANT, value=(255, 255, 255)),
        text_line(f'IoU {row.iou:.1f}' + f'  effect {effect}' * bool(effect),
                  width, colour),
        text_line(', '.join(row.marks), width, colour)])
