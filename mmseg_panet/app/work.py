"""What one person has on the page."""
import shutil
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from ..errors import InputError
from .session import Session


class Work:
    """A session, with what is selected and marked on the page.

    Args:
        session (Session): The person's images, classes and examples.
        folder (str): Folder in which a temporary folder for the person's
            downloads is made.
    """

    def __init__(self, session: Session, folder: str) -> None:
        self.session = session
        self.folder = Path(mkdtemp(dir=folder))
        self.selected: str | None = None
        """Id of the selected image."""
        self.drafts: dict[str, np.ndarray] = {}
        """Corrected labels (h, w) of images that are no examples yet."""
        self.last_stroke = 0
        """Number of the last stroke; later ones may arrive earlier."""
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

    def close(self) -> None:
        """Free the memory, and delete the files."""
        self.session.close()
        shutil.rmtree(self.folder, ignore_errors=True)
