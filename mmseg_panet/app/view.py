"""What the page shows of a session: pictures, legend and advice.

Names of classes and files are escaped in HTML.
"""
from html import escape
from typing import NamedTuple

import cv2
import numpy as np

from ..annotations.label_type import IGNORED
from ..visualization.overlay import overlay
from .session import Session

_THUMBNAIL = 240
"""Pixels of the longer side of an image in the gallery."""
_STEPS = (
    ('Add images', 'A few that show the object; several at once.'),
    ('Name the object', 'Its class. More classes can follow.'),
    ('Mark it', 'In one image: paint over it, box it, or click on it.'),
    ('Check the others', 'Where one is wrong: correct it, paint, and make it '
     'an example.'))


class View(NamedTuple):
    """How a person wants to see results.

    Attributes:
        show (str): Name of the class whose probability is shown; '' for the
            classes.
        threshold (float): Least confidence of a class, 0..1.
        opacity (float): Opacity of colours, 0..1.
    """

    show: str = ''
    threshold: float = 0.0
    opacity: float = 0.5

    def picture(self, session: Session, image_id: str,
                labels: np.ndarray | None = None) -> np.ndarray:
        """Lay what was found over an image.

        Args:
            session (Session): The session.
            image_id (str): The image.
            labels (np.ndarray, optional): Labels to show in place of those
                that were found. Defaults to None.

        Returns:
            np.ndarray: (H, W, 3) uint8 RGB.
        """
        pixels = np.ascontiguousarray(session.image(image_id).pixels)
        if labels is None and not session.ready:
            return pixels
        if labels is None and self.show in session.classes:
            if self.show not in session.ready:
                return pixels
            return heat_map(
                pixels, session.probability(image_id, self.show),
                self.threshold, self.opacity)
        if labels is None:
            labels = session.class_map(image_id, self.threshold)
        return overlay(pixels, labels, session.palette(), self.opacity)


def heat_map(pixels: np.ndarray, probability: np.ndarray, threshold: float,
             opacity: float) -> np.ndarray:
    """Lay a probability over an image, where it reaches a threshold.

    Args:
        pixels (np.ndarray): (H, W, 3) uint8 RGB.
        probability (np.ndarray): (H, W) float32, 0..1.
        threshold (float): Least probability that is shown, 0..1.
        opacity (float): Opacity of the colours, 0..1.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB, dark blue for 0 and yellow for 1.
    """
    colours = cv2.applyColorMap(
        (255 * probability).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    mixed = cv2.addWeighted(
        pixels, 1 - opacity, colours[..., ::-1], opacity, 0)
    return np.where((probability >= threshold)[..., None], mixed, pixels)


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """Reduce a picture, (H, W, 3) uint8, to the size of the gallery."""
    scale = _THUMBNAIL / max(picture.shape[:2])
    if scale >= 1:
        return picture
    height, width = (max(1, round(scale * one)) for one in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def caption(session: Session, image_id: str) -> str:
    """Return the caption of an image: its name, and what it is used for."""
    name = session.image(image_id).name
    if classes := session.examples.get(image_id):
        return f"{name} · example of {', '.join(classes)}"
    return f'{name} · shows none' if image_id in session.negatives else name


def legend(session: Session, labels: np.ndarray | None) -> str:
    """Return the legend of a class map (H, W), as HTML."""
    shares = np.zeros(256) if labels is None else np.bincount(
        labels.ravel(), minlength=256) / labels.size
    rows = [
        (name, session.colour(name), shares[i])
        for i, name in enumerate(session.classes, 1)]
    if shares[IGNORED]:
        rows.append(('undecided', (128, 128, 128), shares[IGNORED]))
    return ''.join(
        f'<span class="entry"><i style="background:rgb{tuple(colour)}"></i>'
        f'{escape(name)}<small>{_percent(share)}</small></span>'
        for name, colour, share in rows)


def _percent(share: float) -> str:
    return f'{100 * share:.0f} %' if share >= 0.01 or not share else '< 1 %'


def guide(session: Session) -> str:
    """Return the steps with the next one emphasized, as HTML."""
    done = (session.images, session.classes, session.ready)
    current = next(
        (i for i, one in enumerate(done) if not one), len(done))
    return '<ol class="guide">' + ''.join(
        f'<li class="{_state(i, current)}"><b>{title}</b>'
        f'<span>{text}</span></li>'
        for i, (title, text) in enumerate(_STEPS)) + '</ol>'


def _state(i: int, current: int) -> str:
    return 'now' if i == current else 'done' if i < current else ''


def advice(session: Session) -> str:
    """Return the advice on the examples, as HTML."""
    found = session.advice()
    notes = ''.join(
        f'<li>{escape(str(note))}</li>'
        for note in ([] if found is None else found.notes))
    return notes and f'<h4>Advice on the examples</h4><ul>{notes}</ul>'
