"""Images and masks in two folders, such as ``images`` and ``masks``."""
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError, raise_first
from ...images.image_files import images_by_stem, stem_of, visible_files
from ...images.suffixes import is_image, suffix_of
from ...notices import warn
from ...wording import counted
from ..class_list import read_class_list
from ..colour_list import COLOUR_LISTS, read_colour_list
from ..export_folder import visible_entries
from ..found_values import FoundValues, find_values
from ..mask_folder import Annotations, MaskTask, fingerprint
from .masks import (
    MASK_SUFFIXES,
    MaskSource,
    absence_notes,
    ids_reader,
    read_colours,
)

IMAGE_FOLDERS = ('images', 'image', 'imgs', 'img', 'img_dir', 'jpegimages')
"""Names of folders of images, in lower case."""
_MASKS = (
    'masks', 'mask', 'labels', 'label', 'gts', 'gt', 'groundtruth',
    'ground_truth', 'annotations', 'annotation', 'ann_dir', 'segmentations',
    'segmentationclass', 'segmentationclasspng')
"""Names of folders of masks, in lower case."""
_SPLITS = ('train', 'val', 'valid', 'validation', 'test')
_SPLIT_ENDS = ('annot', '_annot', '_labels', '_label', '_masks', '_mask')
"""What follows the name of a split in that of the folder of its masks."""
_ENDS = ('', '_mask', '-mask', '_masks', '_label', '_labels', '_gt', '_seg',
         '_segmentation', '_annotation', '_L')
"""What follows the name of an image in that of its mask."""


class PairDirs(NamedTuple):
    """A folder of images and the folder of their masks."""

    images: Path
    masks: Path


def pair_dirs(folder: Path) -> list[PairDirs]:
    """Find the folders of images and masks in a folder.

    Args:
        folder (Path): Folder that contains them, or whose folders ``train``,
            ``val`` and ``test`` do; or that contains ``train`` and
            ``trainannot`` or ``train_labels``, as CamVid.

    Returns:
        list[PairDirs]: The folders; none if there are not both.

    Raises:
        InputError: If it is unclear which one has the images or the masks.
    """
    found = _pair_dirs(folder)
    if found is not None:
        return [found]
    splits = [path for path in _folders(folder)
              if path.name.lower() in _SPLITS]
    found_in = [one for path in splits
                if (one := _pair_dirs(path)) is not None]
    return found_in or [
        PairDirs(path, masks) for path in splits for end in _SPLIT_ENDS
        if (masks := folder / f'{path.name}{end}').is_dir()]


def list_mask_pairs(dirs: PairDirs, warns: bool = False
                    ) -> list[tuple[Path, Path]]:
    """Pair the images with their masks.

    A mask is named like its image, or with an end such as ``_mask`` or
    ``_gt``. Images without a mask are left out.

    Args:
        dirs (PairDirs): The folders, which are searched recursively.
        warns (bool): Whether a warning counts the images that are left out.
            Defaults to False.

    Returns:
        list[tuple[Path, Path]]: Images with their masks, sorted.

    Raises:
        InputError: If a mask has no image, an image has several masks, or a
            mask may have other values than were saved, as it is a JPEG.
    """
    images = images_by_stem(dirs.images)
    masks = dict(_masks(dirs.masks))
    pairs: dict[str, Path] = {}
    missing = []
    for stem, mask in masks.items():
        names = [one.removesuffix(end)
                 for one in (stem, stem.rpartition('/')[2])
                 for end in _ENDS if one.endswith(end)]
        image = next((name for name in names if name in images), None)
        if image is None:
            missing.append(
                f'there is no image {stem}.* in {dirs.images}, but {mask} '
                'needs it; add it, or correct image_dir (--image-dir)')
        elif image in pairs:
            raise InputError(
                f'{images[image]}: expected one mask, got {pairs[image]} and '
                f'{mask}; remove or rename one')
        else:
            pairs[image] = mask
    raise_first(missing)
    if warns and len(pairs) < len(images):
        left_out = sorted(set(images) - set(pairs))
        warn(
            f'{dirs.images}: {counted(len(left_out), "image")} without a mask '
            f'in {dirs.masks} left out, the first is {left_out[0]}')
    return [(Path(images[name]), mask) for name, mask in sorted(pairs.items())]


def read_mask_pairs(all_dirs: Sequence[PairDirs], classes_file: Path
                    ) -> Annotations:
    """Read masks whose values a class list names.

    Args:
        all_dirs (Sequence[PairDirs]): Folders of images and masks.
        classes_file (Path): The class list, see :func:`read_class_list` and
            :func:`read_colour_list`.

    Returns:
        Annotations: Annotations to rasterize, see :func:`read_masks`.

    Raises:
        InputError: As for :func:`list_mask_pairs` and :func:`read_masks`.
    """
    of_colours = classes_file.name in COLOUR_LISTS
    classes = (read_colour_list if of_colours else read_class_list)(
        classes_file)
    pairs = [pair for dirs in all_dirs for pair in list_mask_pairs(dirs)]
    if not pairs:
        raise InputError(f'{all_dirs[0].masks} has no masks; expected some')
    masks = [str(mask) for _, mask in pairs]
    notes: list[str] = []
    read: Callable[[MaskSource], np.ndarray]
    if of_colours:
        ids = {rgb: i for i, rgb in classes.colours.items()}
        read = partial(read_colours, ids=ids, dtype=classes.dtype)
    else:
        read, notes = ids_reader(classes, masks, all_dirs[0].masks)
    images = os.path.commonpath([dirs.images for dirs in all_dirs])
    return Annotations(
        fingerprint('pairs', [classes_file, *chain(*pairs)], images),
        classes,
        [MaskTask(stem_of(os.path.relpath(image, images)), (str(mask), True),
                  image) for image, mask in pairs],
        read, lambda shown: notes + absence_notes(
            classes, shown, classes_file))


def refuse_nameless(folder: Path, all_dirs: Sequence[PairDirs]) -> None:
    """Raise the error of masks whose classes have no names.

    Args:
        folder (Path): The folder that was given.
        all_dirs (Sequence[PairDirs]): Its folders of images and masks.

    Raises:
        InputError: Always. It says how to give the names.
    """
    images, masks = all_dirs[0]
    masks_of_all = [mask for dirs in all_dirs
                    for _, mask in list_mask_pairs(dirs)]
    found = FoundValues((), False)
    with suppress(InputError):  # about a mask that cannot be read
        found = find_values(masks_of_all)
    if found.is_one_object:
        raise InputError(
            f'{folder}: expected the name of the class that the masks in '
            f"{masks.name}/ show, got none; give it as {{'NAME': "
            f"'{folder}'}} in Python, or as --class-name NAME")
    raise InputError(
        f'{folder}: expected classes.txt beside {images.name}/ and '
        f'{masks.name}/, got none; write it, with {found.lines()}')


def _pair_dirs(folder: Path) -> PairDirs | None:
    folders = _folders(folder)
    images = [one for one in folders if one.name.lower() in IMAGE_FOLDERS]
    masks = [one for one in folders if one.name.lower() in _MASKS
             and any(map(is_image, visible_files(one)))]
    for those in (images, masks):
        if not those:
            return None
    for those, what in ((images, 'images'), (masks, 'masks')):
        if len(those) > 1:
            raise InputError(
                f'{folder}: expected one folder of {what}, got '
                f'{those[0].name} and {those[1].name}; rename or remove one')
    return PairDirs(images[0], masks[0])


def _folders(folder: Path) -> list[Path]:
    return [path for path in visible_entries(folder) if path.is_dir()]


def _masks(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the masks of a folder by their path without suffix."""
    found: dict[str, Path] = {}
    for name in visible_files(folder):
        mask, suffix = folder / name, suffix_of(name)
        if is_image(name) and suffix not in MASK_SUFFIXES or (
                suffix == '.webp' and not _is_lossless(mask)):
            raise InputError(
                f'{mask}: expected a mask of a format that keeps its values, '
                'such as PNG, got one that was compressed with losses; save '
                'the masks as PNG again, or convert them with a threshold')
        if suffix in MASK_SUFFIXES:
            other = found.setdefault(stem_of(name), mask)
            if other != mask:
                raise InputError(
                    f'{other} and {mask} would belong to one image; rename '
                    'or remove one')
    yield from found.items()


def _is_lossless(webp: Path) -> bool:
    """Check whether a WebP has a chunk of lossless pixels."""
    with webp.open('rb') as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            if head[:4] in (b'VP8L', b'VP8 ', b'ANMF'):
                return head[:4] == b'VP8L'
            size = int.from_bytes(head[4:], 'little')
            file.seek(size + size % 2, 1)
    return False
