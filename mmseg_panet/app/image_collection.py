"""The images of a session, with their files."""
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from ..errors import InputError
from ..files import StrPath, check_regular
from ..images.file_bytes import read_bytes
from ..inference.shared_inferencer import SharedInferencer
from .limits import SessionLimits
from .loaded_image import (
    LoadedImage,
    check_megabytes,
    decode_limited,
    preview,
    safe_name,
)


class ImageCollection:
    """Images that one person has uploaded, in a folder of their own.

    It is the part of :class:`Session` that knows of no class.
    """

    def __init__(self, shared: SharedInferencer,
                 limits: SessionLimits | None = None) -> None:
        self.limits = SessionLimits() if limits is None else limits
        self._shared = shared
        self._lock = threading.RLock()
        self._folder = tempfile.TemporaryDirectory(prefix='mmseg_panet-')
        self._ids = count(1)
        self._images: dict[str, LoadedImage] = {}
        self._closed = False
        with shared.use() as inferencer:
            self._reading = inferencer.reading

    @contextmanager
    def _open(self) -> Iterator[None]:
        """Wait for other threads of the session, unless it has ended."""
        with self._lock:
            if self._closed:
                raise InputError(
                    'expected a session that is in use, got one that has '
                    'ended after a long break; reload the page')
            yield

    @property
    def folder(self) -> Path:
        """The folder of the files, which :meth:`close` removes."""
        return Path(self._folder.name)

    @property
    def images(self) -> tuple[LoadedImage, ...]:
        """The images in the order in which they were added."""
        with self._lock:
            return tuple(self._images.values())

    def add_image(self, content: bytes | StrPath, name: object) -> str:
        """Add an image.

        Args:
            content (bytes | str | os.PathLike): The file, or its path.
            name (object): Its name, see :func:`safe_name`.

        Returns:
            str: Its id.

        Raises:
            InputError: If it is no image, whatever its suffix, or a limit is
                exceeded.
        """
        shown = safe_name(name, ())
        if not isinstance(content, bytes):
            check_regular(content)
            check_megabytes(Path(content).stat().st_size, shown, self.limits)
            content = read_bytes(str(content))
        with self._open():
            self._check_room(len(content), shown)
            image = decode_limited(
                content, shown, self.limits, self._reading)
            key = f'image{next(self._ids)}'
            name = safe_name(name, [one.name for one in self.images])
            path = self.folder / 'images' / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            self._images[key] = LoadedImage(
                key, name, path, image.shape[:2],
                preview(image, self.limits.preview_pixels))
            return key

    def image(self, image_id: str) -> LoadedImage:
        """Return an image.

        Raises:
            InputError: If there is no such image.
        """
        with self._lock:
            if image_id not in self._images:
                raise InputError(
                    'expected an image of this session, got one that was '
                    'removed; choose another image')
            return self._images[image_id]

    def remove_image(self, image_id: str) -> None:
        """Remove an image with its file.

        Raises:
            InputError: If there is no such image.
        """
        with self._open():
            self.image(image_id).path.unlink(missing_ok=True)
            del self._images[image_id]

    def close(self) -> None:
        """Remove the folder, and release the memory of the images."""
        with self._lock:
            self._closed = True
            self._images.clear()
            self._folder.cleanup()

    def _check_room(self, size: int, name: str) -> None:
        """Refuse an image that is one too many."""
        limits = self.limits
        if len(self._images) >= limits.max_images:
            raise InputError(
                f'expected at most {limits.max_images} images, got {name} as '
                'one more; remove an image first')
        total = size + sum(
            one.path.stat().st_size for one in self._images.values())
        if total > limits.max_total_megabytes * 1e6:
            raise InputError(
                f'expected images of at most {limits.max_total_megabytes:g} '
                f'MB in total, got {total / 1e6:.1f} MB with {name}; remove '
                'an image first')
