"""Class folds: the splits into base and novel classes."""
from collections import defaultdict
from collections.abc import Sequence

from mmseg.datasets import PascalVOCDataset

from ..errors import InputError
from ..files import StrPath, read_lines
from .benchmarks.coco import COCO_CLASSES
from .benchmarks.msrc import MSRCDataset
from .toy.toy_dataset import TOY_CLASSES

_MSRC_CLASSES = [
    name for name in MSRCDataset.METAINFO['classes']
    if name not in ('background', 'horse', 'mountain')]


def _in_order(classes: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Split the classes into consecutive folds of a size."""
    return [
        tuple(classes[i:i + size]) for i in range(0, len(classes), size)]


FOLDS: dict[str, list[tuple[str, ...]]] = {
    # OSLSM (Shaban et al., BMVC 2017), section 4.
    'pascal-5i': _in_order(PascalVOCDataset.METAINFO['classes'][1:], 5),
    # Every fourth class, as in FWB (Nguyen and Todorovic, ICCV 2019), PFENet
    # and HSNet.
    'coco-20i': [COCO_CLASSES[f::4] for f in range(4)],
    # PANet (Wang et al., ICCV 2019). The results are not comparable with
    # those above: as similar classes are in the same fold, novel classes
    # resemble base classes less.
    'coco-20i-contiguous': _in_order(COCO_CLASSES, 20),
    # Folds of this project. 'horse' and 'mountain' have too few images and
    # are background.
    'msrc-7i': _in_order(_MSRC_CLASSES, 7),
    'toy-3i': _in_order(TOY_CLASSES, 3),
}
"""The novel classes of every fold, by benchmark."""


def named_folds(
        folds: str | Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """Return the class names of every fold.

    Args:
        folds (str | Sequence[Sequence[str]]): Folds as in
            :func:`split_classes`.

    Raises:
        InputError: If there is no benchmark of that name, or as for
            :func:`read_folds`.
    """
    if not isinstance(folds, str):
        return folds
    if folds.endswith('.txt'):
        return read_folds(folds)
    if folds not in FOLDS:
        raise InputError(
            f'expected folds to be one of {sorted(FOLDS)}, or a list of '
            f"lists of class names, got '{folds}'")
    return FOLDS[folds]


def portable_folds(folds: str | Sequence[Sequence[str]] | None
                   ) -> str | Sequence[Sequence[str]] | None:
    """Replace the path of a file of folds by its class names.

    Args:
        folds (str | Sequence[Sequence[str]], optional): Folds as in
            :func:`split_classes`.

    Returns:
        str | Sequence[Sequence[str]] | None: The same folds without a path,
        which a manifest could not refer to on another machine.

    Raises:
        InputError: As for :func:`read_folds`.
    """
    if isinstance(folds, str) and folds.endswith('.txt'):
        return read_folds(folds)
    return folds


def read_folds(path: StrPath) -> list[list[str]]:
    """Read the class names of every fold from a file.

    Args:
        path (str | os.PathLike): Path of a text file with a line
            ``fold name`` for each class.

    Returns:
        list[list[str]]: Names in the order of the lines.

    Raises:
        InputError: If the file or a line cannot be read, or a fold from 0 to
            the last one has no class.
    """
    remedy = 'write a line `fold name` for every class'
    folds: dict[int, list[str]] = defaultdict(list)
    for number, line in read_lines(path, remedy, comment='#').items():
        fold, _, name = line.partition(' ')
        if not fold.isdecimal() or len(fold) > 5 or not name.strip():
            raise InputError(
                f'{path}, line {number}: expected `fold name`, got {line!r}; '
                f'{remedy}')
        folds[int(fold)].append(name.strip())
    if sorted(folds) != list(range(len(folds))) or not folds:
        raise InputError(
            f'{path} has classes of the folds {sorted(folds)[:10]}; expected '
            'all folds from 0; number them from 0')
    return [folds[fold] for fold in sorted(folds)]


def hold_out(folds: str | Sequence[Sequence[str]]) -> bool:
    """Tell whether folds hold classes out: two or more of them have some.

    Args:
        folds (str | Sequence[Sequence[str]]): Folds as in
            :func:`split_classes`.

    Raises:
        InputError: As for :func:`named_folds`.
    """
    return sum(map(bool, named_folds(folds))) > 1


def split_classes(folds: str | Sequence[Sequence[str]], fold: int,
                  split: str) -> list[str]:
    """Return the names of the classes of a fold or of all folds.

    Where a single fold has classes, as for a data set of one class, none can
    be held out, see :func:`hold_out`: they are both base and novel.

    Args:
        folds (str | Sequence[Sequence[str]]): A key of :data:`FOLDS`, the
            path of a file, see :func:`read_folds`, or the class names of
            every fold.
        fold (int): Index of the fold whose classes are novel, from 0.
        split (str): 'novel' for the classes of the fold, 'base' for those of
            all other folds, or 'all' for those of all folds.

    Returns:
        list[str]: Class names in the order of the folds.

    Raises:
        InputError: If the folds, the fold or the split do not exist.

    Example:
        >>> split_classes([['cat', 'dog'], ['car']], fold=0, split='base')
        ['car']
    """
    folds = named_folds(folds)
    if type(fold) is not int or not 0 <= fold < len(folds):
        raise InputError(
            f'fold {fold!r} does not exist: expected 0..{len(folds) - 1}')
    if split in ('novel', 'base') and not hold_out(folds):
        split = 'all'
    if split == 'novel':
        return list(folds[fold])
    if split == 'base':
        others = [*folds[:fold], *folds[fold + 1:]]
        return [name for names in others for name in names]
    if split == 'all':
        return [name for names in folds for name in names]
    raise InputError(
        f"expected split 'base', 'novel' or 'all', got '{split}'")
