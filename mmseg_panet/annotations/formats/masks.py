"""Reader of masks: grey with 8 or 16 bits, with a palette, or in RGB."""
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...errors import InputError, raise_first
from ...files import StrPath
from ...images.image_files import (
    images_by_stem,
    open_upright,
    size_and_orientation,
)
from ..class_list import ClassList, Colour, read_class_list
from ..grey_ids import GreyIds, grey_ids
from ..label_type import IGNORED, ignored_label, label_type
from ..mask_channels import (
    colour_codes,
    grey_of,
    greys_or_indices,
    read_channels,
    values_of,
)
from ..mask_folder import Annotations, MaskTask, fingerprint, write_masks

MASK_SUFFIXES = (
    '.png', '.apng', '.tif', '.tiff', '.bmp', '.dib', '.gif', '.webp',
    '.pbm', '.pgm', '.ppm', '.pnm')
"""Suffixes of masks, of formats that keep their values."""
MaskSource = tuple[str, bool]
"""The path of a mask and True; or that of an image without one and False."""


def convert_masks(mask_dir: StrPath, out_dir: StrPath, classes_file: StrPath,
                  image_dir: StrPath | None = None) -> list[str]:
    """Convert masks of any supported form into a mask folder of ids.

    The values of grey masks with 8 or 16 bits are ids, or colours of the
    class list, see :func:`grey_ids`. The indices of masks with a palette are
    ids, unless the class list has all of their colours, or their colours are
    the greys of ids, which programs store in any order. The colours of masks
    in RGB are looked up in the class list; black is the background unless a
    class is black. What is transparent is background. The masks that are
    written have 16 bits if there are more than 254 classes. Ignored pixels
    then become 65535, also those that are 255 in a mask with 8 bits.

    Args:
        mask_dir (str | os.PathLike): Folder of PNG masks, which is searched
            recursively.
        out_dir (str | os.PathLike): Folder for the results, see
            :func:`write_masks`.
        classes_file (str | os.PathLike): Path of the class list, see
            :func:`read_class_list`. Masks in RGB require ``id name r,g,b``
            lines.
        image_dir (str | os.PathLike, optional): Folder of the images. If
            given, every mask must have an image of the same size, see
            :func:`orient_labels`. Defaults to None.

    Returns:
        list[str]: Names by id, background first.

    Raises:
        InputError: As for :func:`read_masks` and :func:`write_masks`, or if
            ``out_dir`` lies in ``mask_dir``.
    """
    if Path(out_dir).resolve().is_relative_to(Path(mask_dir).resolve()):
        raise InputError(
            f'{out_dir} is in the folder of the masks, {mask_dir}, where the '
            'results would be read as masks; choose another folder')
    return write_masks(out_dir, read_masks(mask_dir, classes_file, image_dir))


def read_masks(mask_dir: StrPath, classes_file: StrPath,
               image_dir: StrPath | None = None) -> Annotations:
    """List the masks of a folder, see :func:`convert_masks`.

    Args:
        mask_dir (str | os.PathLike): Folder of PNG masks.
        classes_file (str | os.PathLike): Path of the class list.
        image_dir (str | os.PathLike, optional): Folder of the images.
            Defaults to None.

    Returns:
        Annotations: Masks to convert.

    Raises:
        InputError: If there are no masks, a mask has no image, or as for
            :func:`read_class_list`; and, when a mask is read, if it has an
            unsupported form, or an id or a colour that is not in the class
            list.
    """
    classes = read_class_list(classes_file)
    masks = images_by_stem(mask_dir, ['.png']) or images_by_stem(
        mask_dir, MASK_SUFFIXES)
    if not masks:
        raise InputError(
            f'{mask_dir} has no .png files; expected masks, as PNG, TIFF or '
            'BMP')
    made_from = fingerprint(
        'masks', [classes_file, *masks.values()], image_dir)
    read, notes = ids_reader(classes, list(masks.values()), mask_dir)
    return Annotations(
        made_from, classes, mask_tasks(masks, image_dir), read,
        lambda shown: notes + absence_notes(classes, shown, classes_file))


def ids_reader(classes: ClassList, masks: Sequence[str], source: StrPath
               ) -> tuple[Callable[[MaskSource], np.ndarray], list[str]]:
    """Make a function that reads the ids of masks of any supported form.

    Args:
        classes (ClassList): The class list.
        masks (Sequence[str]): Paths of all masks.
        source (str | os.PathLike): Folder of the masks, for messages.

    Returns:
        tuple[Callable, list[str]]: A function, see :func:`read_ids`, and
        warnings of what it assumes, see :func:`grey_ids`.

    Raises:
        InputError: As for :func:`grey_ids`.
    """
    colours = {(0, 0, 0): 0} | {rgb: i for i, rgb in classes.colours.items()}
    greys, notes = grey_ids(classes, masks, source)
    return partial(read_ids, num_classes=len(classes.names), colours=colours,
                   greys=greys), notes


def absence_notes(classes: ClassList, shown: Collection[int],
                  classes_file: StrPath) -> list[str]:
    """Name the classes that no mask shows.

    Args:
        classes (ClassList): The classes.
        shown (Collection[int]): Ids that occur in the masks.
        classes_file (str | os.PathLike): Path of the class list.

    Returns:
        list[str]: One sentence, or none.
    """
    absent = [i for i in range(1, len(classes.names)) if i not in shown]
    if not absent:
        return []
    named = ', '.join(f'{i} {classes.names[i]!r}' for i in absent[:10])
    more = f' and {len(absent) - 10} more' if len(absent) > 10 else ''
    remedy = 'check the masks and the ids of the list'
    if classes.void == IGNORED in shown:
        remedy = (
            'the value 255 is ignored in all masks; if it shows a class, give '
            f'that the colour of white, `{absent[0]} '
            f'{classes.names[absent[0]]} 255,255,255`')
    return [
        f'no mask shows {named}{more} of {classes_file}: {remedy}']


def mask_tasks(masks: Mapping[str, str | None],
               image_dir: StrPath | None) -> list[MaskTask]:
    """Build the tasks of masks, whose sources are :data:`MaskSource`.

    Args:
        masks (Mapping[str, str | None]): Paths of masks by the stem of their
            image; None for an image without annotations.
        image_dir (str | os.PathLike, optional): Folder of the images. If it
            is None, images and sizes are not checked.

    Returns:
        list[MaskTask]: One task per mask.

    Raises:
        InputError: If a mask has no image, or if a listed image has no mask
            and is not found, so that its size is unknown.
    """
    images = images_by_stem(image_dir) if image_dir else {}
    raise_first([
        f'there is no image {stem}.* in {image_dir or "a folder"}, but '
        f'{mask or "a list"} needs it; add it, or correct image_dir '
        '(--image-dir)'
        for stem, mask in masks.items()
        if stem not in images and (image_dir or mask is None)])
    return [MaskTask(
        stem, (mask or images[stem], bool(mask)),
        Path(images[stem]) if stem in images else None,
        None if mask else frozenset()) for stem, mask in masks.items()]


def read_colours(source: MaskSource, ids: Mapping[Colour, int],
                 dtype: np.dtype) -> np.ndarray:
    """Read the ids of a mask in RGB.

    Args:
        source (MaskSource): Source of the mask. An image without a mask is
            background only.
        ids (Mapping[Colour, int]): Ids by colour.
        dtype (np.dtype): Type of the ids.

    Returns:
        np.ndarray: Ids of the pixels, (H, W).

    Raises:
        InputError: If the file cannot be read or a colour is unknown.
    """
    mask, is_mask = source
    if not is_mask:
        return np.zeros(size_and_orientation(mask)[0], dtype)
    with open_upright(mask) as picture:
        codes = colour_codes(np.asarray(picture.convert('RGB')))
    return _of_colours(codes, ids, dtype, mask)


def _of_colours(codes: np.ndarray, ids: Mapping[Colour, int],
                dtype: np.dtype, mask: str) -> np.ndarray:
    """Look up the ids of colours, see :func:`colour_codes`."""
    found, where = np.unique(codes, return_inverse=True)
    labels = []
    for code in found.tolist():
        red, green, blue = code.to_bytes(3, 'big')
        if (red, green, blue) not in ids:
            raise InputError(
                f'{mask} has the colour {red},{green},{blue}, which belongs '
                'to no class; expected the colours of the class list; correct '
                'the mask or the list')
        labels.append(ids[red, green, blue])
    return np.array(labels, dtype)[where].reshape(codes.shape)


def read_ids(source: MaskSource, num_classes: int,
             colours: Mapping[Colour, int],
             greys: GreyIds | None = None) -> np.ndarray:
    """Read the ids of a mask of any supported form.

    Pixels of an alpha below 128 are background.

    Args:
        source (MaskSource): Source of the mask.
        num_classes (int): Number of classes; valid ids are
            0..num_classes - 1 and that of :func:`ignored_label`.
        colours (Mapping[Colour, int]): Ids by colour, see
            :func:`read_colours`.
        greys (GreyIds, optional): Ids by the values of grey masks. Defaults
            to None: they are ids.

    Returns:
        np.ndarray: Ids of the pixels, (H, W), see :func:`label_type`.

    Raises:
        InputError: If the mask cannot be read, or an id or a colour is
            unknown.
    """
    mask, _ = source
    dtype, ignored = label_type(num_classes), ignored_label(num_classes)
    channels = read_channels(mask)
    labels, alpha, palette = channels
    grey = None if greys is None else grey_of(channels)
    if greys is not None and grey is not None and grey.dtype != bool:
        return greys.labels(grey, mask)
    if labels.ndim == 3:
        codes = colour_codes(labels)
        if alpha is not None:
            codes[alpha < 128] = 0
        labels = _of_colours(codes, colours, dtype, mask)
        return labels if alpha is None else labels * (alpha >= 128)
    if palette is not None:
        of_palette = _of_palette(labels, palette, colours)
        if of_palette is not None:
            return of_palette.astype(dtype)[labels]
        labels = greys_or_indices(labels, palette, num_classes)
    if alpha is not None:
        labels = labels * (alpha >= 128)
    found = values_of(labels)
    void = IGNORED if labels.dtype == np.uint8 else ignored
    strange = found[(found < 0) | (found >= num_classes) & (found != void)]
    if len(strange):
        white = ', or give the class the colour 255,255,255 there if it is ' \
            'white' if num_classes == 2 and found[-1] >= IGNORED else ''
        raise InputError(
            f'{mask} contains the ids {strange[:10].tolist()}; expected 0..'
            f'{num_classes - 1} or {void}; correct it or the class list'
            f'{white}')
    ids = labels.astype(dtype)
    if void != ignored:
        ids[labels == void] = ignored
    return ids


def _of_palette(indices: np.ndarray, palette: np.ndarray,
                colours: Mapping[Colour, int]) -> np.ndarray | None:
    """Return the ids of the indices of a palette, (256,).

    They are the indices themselves, as None says, unless the class list has
    all visible colours, as in a palette in which white comes first.
    """
    used = values_of(indices)
    ids = np.zeros(256, int)
    for index in used[palette[used, 3] >= 128].tolist():
        red, green, blue = palette[index, :3].tolist()
        if (red, green, blue) not in colours:
            return None
        ids[index] = colours[red, green, blue]
    return ids if ids.any() else None
