"""The files that a session writes: masks and COCO's objects."""
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from ..files import atomic_path, write_atomic
from ..inference.images.image_list import ImageItem
from ..inference.images.item_names import unique_names
from ..inference.results.exports import Export
from ..inference.results.out_folder import OutFolder
from ..inference.results.prediction import Prediction
from ..inference.results.segmented_image import SegmentedImage
from .loaded_image import LoadedImage


class Download(NamedTuple):
    """What the files are written of.

    Attributes:
        images (Sequence[LoadedImage]): The images.
        classes (tuple[str, ...]): Names of the labels 1..W.
        palette (np.ndarray): (256, 3) RGB by label.
        folder (Path): A folder for temporary files.
        segment (Callable): Function of an image that returns its prediction
            at the size of its file.
        advance (Callable): Function of the number of images that are done,
            and of all images.
    """

    images: Sequence[LoadedImage]
    classes: tuple[str, ...]
    palette: np.ndarray
    folder: Path
    segment: Callable[[LoadedImage], Prediction]
    advance: Callable[[int, int], object]

    def items(self) -> list[ImageItem]:
        """List the images, each with a name for its mask."""
        paths = [(one.name, str(one.path)) for one in self.images]
        return [
            ImageItem(name, path) for name, (_, path) in zip(
                unique_names(paths), paths, strict=True)]

    def predictions(self) -> Iterator[Prediction]:
        """Segment one image after the other."""
        for done, image in enumerate(self.images, start=1):
            yield self.segment(image)
            self.advance(done, len(self.images))


def write_masks(path: Path, download: Download) -> None:
    """Write a .zip with ``masks/<name>.png`` and ``classes.txt``.

    Args:
        path (Path): Path of the file.
        download (Download): The images.

    Raises:
        InputError: If an image cannot be segmented.
        WriteError: If the file cannot be written.
    """
    with (tempfile.TemporaryDirectory(dir=download.folder) as folder,
          atomic_path(path) as part, ZipFile(part, 'w') as archive):
        out = OutFolder(
            Path(folder), download.classes, download.palette, False, False,
            False)
        out.write_class_list()
        for item, found in zip(
                download.items(), download.predictions(), strict=True):
            error = out.write(item, None, found)
            if error is not None:
                raise error
            _move_in(archive, out.path)
        _move_in(archive, out.path)


def _move_in(archive: ZipFile, folder: Path) -> None:
    """Move files into an archive, so that few take space on the disk."""
    for file in sorted(folder.rglob('*')):
        if file.is_file():
            # Equal masks give equal bytes, as the date is that of ZipInfo.
            archive.writestr(
                ZipInfo(file.relative_to(folder).as_posix()),
                file.read_bytes(), ZIP_DEFLATED)
            file.unlink()


def write_coco(path: Path, download: Download) -> None:
    """Write the objects of images as COCO's JSON, see :class:`Export`.

    Args:
        path (Path): Path of the file.
        download (Download): The images.

    Raises:
        InputError: If an image cannot be segmented.
        WriteError: If the file cannot be written.
    """
    predictions = download.predictions()

    def segmented(item: ImageItem) -> SegmentedImage:
        found = next(predictions)
        return SegmentedImage(item, found.class_map, found.confidence)

    with tempfile.TemporaryDirectory(dir=download.folder) as folder:
        Export('coco').write(
            Path(folder), download.items(), segmented, download.classes,
            download.palette)
        write_atomic(
            path, (Path(folder) / 'coco' / 'instances.json').read_bytes())
