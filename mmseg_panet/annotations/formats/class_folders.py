"""Supports in one folder per class, without a list of classes."""
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError, raise_first
from ...images.suffixes import is_image
from ..export_folder import content_folder, visible_entries
from .mask_pairs import (
    IMAGE_FOLDERS,
    list_mask_pairs,
    pair_dirs,
    refuse_nameless,
)
from .voc import refuse_voc_boxes


def above_classes(folder: Path) -> Path:
    """Skip a folder in a .zip that contains the folders of all classes.

    Args:
        folder (Path): The unpacked .zip.

    Returns:
        Path: The folder with a folder per class, or with one of images and
        one of masks.
    """
    content = content_folder(folder)
    is_class = content != folder and any(
        map(is_image, visible_entries(content)))
    return content.parent if is_class else content


def list_pairs(folder: Path) -> dict[str, list[tuple[Path, Path]]]:
    """List the images ``<folder>/<class>/<image>`` with their masks.

    The mask of an image is ``<same name>.png`` or ``<same name>_mask.png``;
    if the image is a PNG itself, only the latter. A class may also have
    folders of images and of masks, see :func:`pair_dirs`. Hidden files and
    files that are not images are skipped.

    Args:
        folder (Path): Folder with one folder per class.

    Returns:
        dict[str, list[tuple[Path, Path]]]: Pairs of an image and its mask by
        class, all sorted.

    Raises:
        InputError: If there are no class folders, a class has no supports,
            an image lies outside the class folders, or images and masks do
            not correspond one to one.
    """
    refuse_voc_boxes(folder)
    entries = visible_entries(folder)
    folders = [path for path in entries if path.is_dir()]
    if not folders and any(map(is_image, entries)):
        raise InputError(
            f'{folder}: expected a folder <class>/ for each class, got only '
            'images; move them into a folder with the name of their class, '
            'or give the folder above if this is one')
    if not folders:
        raise InputError(
            f'{folder}: expected a folder <class>/ for each class with '
            'images and their masks, classes.txt with images/ and masks/, or '
            'the unpacked export of an annotation tool, got none of them')
    raise_first([
        f'{image}: expected images in the folder of their class, got one '
        f'in {folder} itself; move or remove it'
        for image in filter(is_image, entries)])
    if dirs := pair_dirs(folder):
        refuse_nameless(folder, dirs)
    _refuse_unannotated(folders)
    return {path.name: list_class_pairs(path) for path in folders}


def list_class_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Pair the images and the masks of one class.

    Args:
        folder (Path): Folder with images and masks, or with a folder of
            images and one of masks, see :func:`pair_dirs`.

    Returns:
        list[tuple[Path, Path]]: Images with their masks, sorted.

    Raises:
        InputError: If there are none, or they do not correspond one to one.
    """
    if dirs := pair_dirs(folder):
        return [pair for one in dirs
                for pair in list_mask_pairs(one, warns=True)]
    files = list(filter(is_image, visible_entries(folder)))
    if not files:
        deeper = [path.name for path in visible_entries(folder)
                  if path.is_dir()]
        if deeper:
            raise InputError(
                f'{folder}: expected images of a class with their masks, got '
                f'the folders {deeper[:10]}; classes must lie directly in '
                f'{folder.parent}, so move them there, or give {folder}')
        raise InputError(
            f'{folder}: expected images of the class with their masks, got '
            'none; add some, or remove the folder')
    pngs = {path.stem: path for path in files if _is_png(path)}
    found = {image: [pngs[stem] for stem in _mask_stems(image) if stem in pngs]
             for image in files}
    masks = {mask for those in found.values() for mask in those}
    pairs: dict[Path, Path] = {}  # image by mask
    for image in sorted(set(files) - masks):
        candidates = found[image]
        if not candidates:
            no_png = [path.name for path in files if path != image
                      and path.stem in _mask_stems(image)]
            if no_png:
                raise InputError(
                    f'{image}: expected its mask as {_mask_stems(image)[-1]}'
                    f'.png beside it, got {no_png[0]}; a mask must be a PNG, '
                    'as other formats change its values')
            other = ', or the image that it is the mask of' * _is_png(image)
            raise InputError(
                f'{image}: expected its mask {_mask_stems(image)[0]}.png '
                f'beside it{other}, got none; add it, or remove this file')
        used = candidates[1:] or [
            pairs[mask] for mask in candidates if mask in pairs]
        if used:
            raise InputError(
                f'{image}: expected one mask that no other image shares, got '
                f'{candidates[0].name} and {used[0].name} beside it; remove '
                'or rename one')
        pairs[candidates[0]] = image
    raise_first([
        f'{mask}: expected an image for this mask, but the file of that name '
        'is a mask too; rename or remove it'
        for mask in sorted(masks - set(pairs))])
    return [(image, mask) for mask, image in pairs.items()]


def _refuse_unannotated(folders: Sequence[Path]) -> None:
    """Refuse a folder of nothing but images, which is not that of a class."""
    images = [one for one in folders if one.name.lower() in IMAGE_FOLDERS]
    for one in images:
        names = [*filter(is_image, visible_entries(one))]
        if names and not any(path.stem in _mask_stems(image)
                             for image in names for path in names
                             if path != image):
            raise InputError(
                f'{one.parent}: expected masks/ with classes.txt, labels/, or '
                f'the .json or .xml of an annotation tool beside {one.name}/, '
                'got none of them; add them, or correct their names')


def _mask_stems(image: Path) -> list[str]:
    """List the names, without suffix, that the mask of an image may have."""
    return [image.stem][_is_png(image):] + [f'{image.stem}_mask']


def _is_png(path: Path) -> bool:
    return path.suffix.lower() == '.png'
