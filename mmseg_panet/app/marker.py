"""The canvas on which objects are marked, as a component of Gradio."""
import base64
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ..annotations.label_type import IGNORED
from ..errors import InputError
from .work import jpeg

_FOLDER = Path(__file__).parent
_PNG = 'data:image/png;base64'
_BACKGROUND = 254
"""Label of marked background on the canvas; 0 is what is not marked."""

def read_marks(labels: object, partial: object,
               size: Sequence[int]) -> np.ndarray:
    """Read what the canvas sends.

    Args:
        labels (object): A PNG as a data URL, whose red channel holds labels.
        partial (object): Whether an object is marked in part only, by
            clicks, so that other pixels are unknown.
        size (Sequence[int]): H and W of the image.

    Returns:
        np.ndarray: Labels, (H, W) uint8; 255 is unknown.

    Raises:
        InputError: If it is not that. A browser can send anything.
    """
    try:
        head, _, text = str(labels).partition(',')
        data = base64.b64decode(text, validate=True)
        with Image.open(io.BytesIO(data), formats=['PNG']) as image:
            if head != _PNG or image.size != tuple(size)[::-1]:
                raise ValueError
            pixels = np.array(image.convert('RGB'))[..., 0].copy()
    except (ValueError, OSError, SyntaxError) as error:
        raise InputError(
            'expected marks that this page sent, got others; reload the page'
        ) from error
    if partial:
        pixels[pixels == 0] = IGNORED
    pixels[pixels == _BACKGROUND] = 0
    return pixels


def shown_marks(labels: np.ndarray) -> dict[str, Any]:
    """Return what the canvas shows of labels, see :func:`read_marks`.

    Args:
        labels (np.ndarray): (H, W) uint8; 255 is unknown.
    """
    shown = labels.copy()
    partial = bool((labels == IGNORED).any())
    shown[labels == 0] = _BACKGROUND if partial else 0
    shown[labels == IGNORED] = 0
    _, data = cv2.imencode('.png', shown)
    return dict(
        labels=f'{_PNG},' + base64.b64encode(data.tobytes()).decode(),
        partial=partial)


def picture_url(pixels: np.ndarray) -> str:
    """Encode an image, (H, W, 3) uint8 RGB, as a JPEG in a data URL."""
    data = base64.b64encode(jpeg(pixels)).decode()
    return f'data:image/jpeg;base64,{data}'


@cache
def asset(name: str) -> str:
    """Return the text of a file of this folder."""
    return (_FOLDER / name).read_text(encoding='utf-8')


def make_marker(**settings: Any) -> Any:
    """Make the component; its event ``stroke`` has the marks."""
    import gradio as gr
    return gr.HTML(
        html_template=asset('marker.html'), js_on_load=asset('marker.js'),
        apply_default_css=False, **settings)
