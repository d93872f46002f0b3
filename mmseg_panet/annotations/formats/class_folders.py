"""Supports in a folder for each class, without any list."""
from collections.abc import Iterator
from pathlib import Path

from ...errors import InputError
from ..mask_folder import is_image

_MARK = '_mask'


def list_pairs(folder: Path) -> dict[str, list[tuple[Path, Path]]]:
    """The pairs of ``<folder>/<class>/<image>`` and its mask.

    The mask is ``<same name>.png`` or ``<same name>_mask.png``; of an image
    that is a PNG itself, the latter. Hidden files and those that are no
    images are skipped.

    Args:
        folder (Path): One with folders.

    Returns:
        dict[str, list[tuple[Path, Path]]]: Images and masks by class, all
        sorted.

    Raises:
        InputError: If there are no folders, a class has no supports, an
            image lies outside of them, or an image and a mask are without
            each other or not one to one.
    """
    entries = list(_visible(folder))
    folders = [path for path in entries if path.is_dir()]
    images = [path for path in entries if is_image(path.name)]
    if not folders:
        raise InputError(
            f'{folder}: expected a folder <class>/ for each class with '
            'images and their masks, or classes.txt with images/ and masks/, '
            "labelme's .json files, or an export of CVAT, got none of them")
    if images:
        raise InputError(
            f'{images[0]}: expected images in the folder of their class, got '
            f'one in {folder} itself; move it, or take it away')
    return {path.name: _pairs(path) for path in folders}


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Images and masks of one class."""
    files = [path for path in _visible(folder) if is_image(path.name)]
    if not files:
        raise InputError(
            f'{folder}: expected images of the class with their masks, got '
            'none; add some, or remove the folder')
    pngs = {path.stem: path for path in files if _is_png(path)}
    others = {path.stem for path in files if not _is_png(path)}
    stems = others | set(pngs)
    masks = {
        path for stem, path in pngs.items()
        if stem in others or stem.endswith(_MARK)
        and stem.removesuffix(_MARK) in stems}
    pairs: dict[Path, Path] = {}  # image by mask
    for image in files:
        if image in masks:
            continue
        stem = image.stem
        names = [f'{stem}{_MARK}'] if _is_png(image) else [
            stem, f'{stem}{_MARK}']
        found = [pngs[name] for name in names if name in pngs]
        if not found:
            raise InputError(
                f'{image}: expected its mask {names[0]}.png beside it'
                f'{", or the image whose mask it is" * _is_png(image)}, got '
                'none; add it, or take the file away')
        used = found[1:] or [pairs[mask] for mask in found if mask in pairs]
        if used:
            raise InputError(
                f'{image}: expected a mask of its own, got {found[0].name} '
                f'and {used[0].name} beside it; remove or rename one')
        pairs[found[0]] = image
    alone = sorted(masks - set(pairs))
    if alone:
        raise InputError(
            f'{alone[0]}: expected the image whose mask it is, got a mask '
            'of that name; rename it, or take it away')
    return [(image, mask) for mask, image in pairs.items()]


def _visible(folder: Path) -> Iterator[Path]:
    """What is in a folder, sorted, without what is hidden."""
    return (path for path in sorted(folder.iterdir())
            if not path.name.startswith('.'))


def _is_png(path: Path) -> bool:
    return path.suffix.lower() == '.png'
