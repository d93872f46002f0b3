"""What one person has on the page."""
import hashlib
import os
from contextlib import suppress

import cv2
import numpy as np

from ..errors import InputError
from ..files import StrPath
from .session import Session


class Work:
    """A session, with what is selected and corrected on the page.

    Args:
        session (Session): The person's images, classes and examples.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.selected: str | None = None
        """Id of the selected image."""
        self.drafts: dict[str, np.ndarray] = {}
        """Corrected labels (h, w) of images that are no examples yet."""
        self.last_stroke = 0
        """Number of the last stroke; later ones may arrive earlier."""
        self.told_of_background = False
        """Whether the person was asked for clicks on the background."""
        self.refreshed: object = None
        """What identifies the last call that showed all results."""

    @property
    def image(self) -> str:
        """Return the id of the selected image.

        Raises:
            InputError: If there is none.
        """
        if self.selected is None:
            raise InputError('expected an image, got none; add images first')
        return self.selected

    def file_of(self, pixels: np.ndarray) -> str:
        """Write a picture for the browser.

        Gradio would write it again, also while the browser reads it.

        Args:
            pixels (np.ndarray): (H, W, 3) uint8 RGB.

        Returns:
            str: Path of a JPEG in the folder of the session.
        """
        data = jpeg(pixels)
        name = hashlib.sha256(data).hexdigest()
        path = self.session.folder / 'shown' / f'{name}.jpg'
        path.parent.mkdir(exist_ok=True)
        if path.exists():
            os.utime(path)  # Gradio deletes what is old.
        else:
            part = path.with_name(f'{name}-{id(data)}')
            part.write_bytes(data)
            part.replace(path)
        return str(path)


def discard(path: StrPath) -> None:
    """Delete an uploaded file, with its folder if that is then empty."""
    os.remove(path)
    with suppress(OSError):
        os.rmdir(os.path.dirname(path))


def jpeg(pixels: np.ndarray) -> bytes:
    """Encode a picture, (H, W, 3) uint8 RGB, as a JPEG."""
    return cv2.imencode('.jpg', pixels[..., ::-1])[1].tobytes()
