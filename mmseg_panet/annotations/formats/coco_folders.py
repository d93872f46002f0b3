"""Folders in which the images of a COCO file are."""
from pathlib import Path

from ...files import StrPath
from ...images.image_names import ImageNames, posix_name

OBJECTS = 'instances_'
"""Start of the names of COCO's files of objects."""
OTHERS = ('captions_', 'person_keypoints_', 'panoptic_', 'stuff_',
          'image_info_', 'labels_')
"""Starts of the names of COCO's other files of the same images."""


class CocoFolders:
    """The folders of the images of a file.

    Args:
        file (Path): The file.
        source (Path): The file or the folder that the user gave.
        image_dir (str | os.PathLike, optional): Folder of the images. Images
            beside the file are preferred to others below it.
        look (bool): Whether images are looked for around the file if there is
            no ``image_dir``. They always are if ``source`` is a folder.
    """

    def __init__(self, file: Path, source: Path, image_dir: StrPath | None,
                 look: bool) -> None:
        self._beside: ImageNames | None = None
        self._root = Path(image_dir or '')
        self._names = ImageNames()
        below = Path()
        if image_dir is not None:
            self._names = base = ImageNames(image_dir, search=True)
            if _is_below(file.parent, self._root):
                self._beside = ImageNames(file.parent)
        elif look or source != file:
            self._names = ImageNames(*_image_folders(file))
            base = ImageNames(source if source != file else file.parent)
            if file.parent.name != 'annotations' and source != file:
                below = file.parent.relative_to(source)
        else:
            base = self._names
        self._base, self._below = base, below

    def find(self, name: str, where: str) -> Path | None:
        """Find an image; None if it is missing or nothing is known of it."""
        if self._beside is not None:
            found = self._beside.find(name, where)
            if found is not None and _is_below(found, self._root):
                return found
        return self._names.find(name, where)

    def stem(self, name: str, image: Path | None) -> str:
        """Return what the mask is called, see :meth:`ImageNames.stem`."""
        if image is None:
            return self._base.stem(
                (self._below / posix_name(name)).as_posix(), None)
        return self._base.stem(name, image)

    def missing(self, name: str, where: object) -> str:
        """Return the message about an image that was not found."""
        return self._names.missing(name, where)


def _image_folders(file: Path) -> list[Path]:
    """List the folders in which the images of a file may be."""
    folder = file.parent
    folders = [folder / 'images', folder]
    if (folder / 'data').is_dir():  # of FiftyOne
        folders.append(folder / 'data')
    if folder.name == 'annotations':
        subset = file.stem
        for start in (OBJECTS, *OTHERS):
            subset = subset.removeprefix(start)
        root = folder.parent
        folders += [
            root / 'images' / subset, root / subset, root / 'images', root]
    return folders


def _is_below(path: Path, folder: Path) -> bool:
    return folder.absolute() in path.absolute().parents
