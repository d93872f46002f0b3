"""FSS-1000: check the folders, write the lists of classes."""
import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import InputError, refuse
from ...files import write_lines
from ...parallel import parallel_map
from .fss import INSIDE
from .published import PUBLISHED, differences

_SPLITS = ('trn', 'val', 'test')
_SPLIT_SEED = 0
_IMAGES = PUBLISHED['fss-1000']['images of a class']
_VAL_SHARE = 240 / 760
# The borders of a mask may be blended.
_GREY_SHARE = 0.05
_ODD = {
    'size': 'have another size than their image, and are resized to it when '
            'they are read',
    'grey': 'are not black and white; grey is inside from 128 on',
    'empty': 'have nothing inside, so that their images are not drawn',
}


def prepare_fss_1000(
        root: str | os.PathLike,
        test_list: str | os.PathLike | None = None) -> list[str]:
    """Check the layout of FSS-1000 and write the lists that are absent.

    The release has no lists of classes. Its repository names the 240 test
    classes only; the remaining ones are shuffled by
    ``numpy.random.default_rng(0)`` in alphabetic order, the first 240 of 760
    are for validation. ``root/{trn,val,test}.txt`` that are there are kept.

    Args:
        root (str | os.PathLike): Folder of the classes' folders.
        test_list (str | os.PathLike, optional): The test classes, one a
            line. Defaults to ``root/test.txt``.

    Returns:
        list[str]: A sentence for each count that is not the published one,
        and for each kind of odd mask.

    Raises:
        InputError: If an image has no mask, a file cannot be read, there is
            no test list, or the lists do not fit the folders or each other.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f'the folder {root} does not exist')
    # The release has a few .jpeg without a mask beside them.
    images = sorted(root.glob('*/*.jpg'))
    if not images:
        raise InputError(
            f'expected folders of classes in {root}, with 1.jpg, 1.png and '
            'so on, got none with a .jpg')
    remarks = _check_masks(images)
    sizes = Counter(image.parent.name for image in images)
    lists = _write_lists(root, sorted(sizes), test_list)
    counts = {'classes': len(sizes)}
    counts |= {f'classes in {split}.txt': len(lists[split])
               for split in _SPLITS}
    remarks += differences('fss-1000', counts)
    other = [name for name, size in sizes.items() if size != _IMAGES]
    if other:
        remarks.append(
            f'fss-1000 as published has {_IMAGES} images of every class, this '
            f'folder has another number for {len(other)}: '
            + ', '.join(other[:10]))
    return remarks


def _check_masks(images: list[Path]) -> list[str]:
    """A sentence for each kind of odd mask."""
    checked = parallel_map(
        _check_mask, images, f'checking {len(images)} masks')
    refuse([result for result in checked if isinstance(result, str)])
    found: dict[str, list[Path]] = defaultdict(list)
    for image, kinds in zip(images, checked, strict=True):
        for kind in kinds:
            found[kind].append(image.with_suffix('.png'))
    return [
        f'masks that {what} ({len(found[kind])}): '
        + ', '.join(map(str, found[kind][:10]))
        for kind, what in _ODD.items() if found[kind]]


def _check_mask(image: Path) -> list[str] | str:
    """In which ways the mask of an image is odd; or what is wrong."""
    mask = image.with_suffix('.png')
    if not mask.is_file():
        return f'{image} has no mask {mask.name}; add it or remove the image'
    try:
        with Image.open(image) as picture:
            size = picture.size
        with Image.open(mask) as picture:
            grey = np.asarray(picture.convert('L'))  # (H, W)
    except Exception as error:  # noqa: BLE001 any damage
        return f'{image} or its mask cannot be read ({error}); replace it'
    odd = {
        'size': grey.shape != size[::-1],
        'grey': ((grey > 15) & (grey < 240)).mean() > _GREY_SHARE,
        'empty': grey.max() < INSIDE,
    }
    return [kind for kind, is_so in odd.items() if is_so]


def _write_lists(
        root: Path, names: list[str],
        test_list: str | os.PathLike | None) -> dict[str, list[str]]:
    """The classes of each split, read where a list is there, else written."""
    paths = {split: root / f'{split}.txt' for split in _SPLITS}
    source = Path(test_list) if test_list else paths['test']
    if not source.is_file():
        raise InputError(
            f'the list of test classes {source} is missing; give '
            'fss_test_set.txt of https://github.com/HKUSTCV/FSS-1000 with '
            '--test-list')
    lists = {'test': _read_names(source)}
    there = [split for split in ('trn', 'val') if paths[split].is_file()]
    if there:
        if len(there) == 1:
            raise InputError(
                f'of trn.txt and val.txt only {paths[there[0]]} is there; '
                'add the other or remove it')
        lists |= {split: _read_names(paths[split]) for split in there}
    else:
        rest = sorted(set(names) - set(lists['test']))
        order = np.random.default_rng(_SPLIT_SEED).permutation(len(rest))
        num_val = round(_VAL_SHARE * len(rest))
        lists['val'] = sorted(rest[i] for i in order[:num_val])
        lists['trn'] = sorted(rest[i] for i in order[num_val:])
    if paths['test'].is_file() and _read_names(paths['test']) != lists['test']:
        raise InputError(
            f'{paths["test"]} lists other classes than {source}; remove one')
    _check_lists(lists, names)
    for split, path in paths.items():
        if not path.is_file():
            write_lines(path, lists[split])
    return lists


def _read_names(path: Path) -> list[str]:
    """A list, one name a line, of any editor that saves UTF-8."""
    try:
        lines = path.read_text('utf-8-sig').splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f'{path} cannot be read ({error}); save it as UTF-8') from error
    return [line.strip() for line in lines if line.strip()]


def _check_lists(lists: dict[str, list[str]], names: list[str]) -> None:
    listed = Counter(name for split in _SPLITS for name in lists[split])
    unknown = sorted(set(listed) - set(names))
    if unknown:
        raise InputError(
            f'the lists name {len(unknown)} classes without a folder: '
            f'{unknown[:10]}; correct the lists or add the folders')
    repeated = sorted(name for name, times in listed.items() if times > 1)
    if repeated:
        raise InputError(
            f'{len(repeated)} classes are listed more than once in trn.txt, '
            f'val.txt and test.txt: {repeated[:10]}; list every class once')
