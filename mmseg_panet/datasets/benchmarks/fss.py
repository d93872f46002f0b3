"""FSS-1000, a data set with one folder per class."""
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS, TRANSFORMS

from ...errors import InputError, raise_first
from ...files import StrPath, read_names, write_lines
from ...images.pixel_limit import open_limited
from ...locks import folder_lock
from ...parallel import parallel_map
from .published import PUBLISHED, differences

_IGNORED = 255
_INSIDE = 128
"""The smallest grey value of a mask's foreground."""
_SPLITS = ('trn', 'val', 'test')


def with_ids(names: Sequence[str]) -> tuple[str, ...]:
    """Assign ids from 1 to class names, without the id 255.

    Args:
        names (Sequence[str]): Names of the classes.

    Returns:
        tuple[str, ...]: Names by id, with 'background' at 0 and, if there
        are so many classes, '(ignored)' at 255.
    """
    classes = ['background', *names]
    if len(classes) > _IGNORED:
        classes.insert(_IGNORED, '(ignored)')
    return tuple(classes)


@DATASETS.register_module()
class FSSDataset(BaseSegDataset):
    """The FSS-1000 data set (Li et al., CVPR 2020).

    Every class has a folder with 10 images. The image ``<class>/<n>.jpg``
    has the binary mask ``<class>/<n>.png``. As the masks contain no class
    ids, they must be read by :class:`LoadFSSAnnotations`.

    Args:
        data_root (str): Folder of the class folders.
        ann_file (str): Path below it of the list of the classes to use, one
            per line: 'trn.txt', 'val.txt' or 'test.txt'. Defaults to '',
            all folders.

    Raises:
        InputError: If the list is missing, or a class has no images.
    """

    benchmark = 'fss-1000'

    def __init__(self, data_root: str, ann_file: str = '',
                 **kwargs: Any) -> None:
        path = Path(data_root, ann_file)
        if not path.exists():
            raise InputError(
                f'the list of classes {path} is missing; '
                '`mmseg-panet prepare-data fss-1000` writes it')
        names = read_names(path) if path.is_file() else sorted(
            folder.name for folder in path.iterdir() if folder.is_dir())
        super().__init__(
            data_root=data_root, ann_file=ann_file,
            metainfo=dict(classes=with_ids(names)), **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images of each class in the order of their numbers."""
        infos: list[dict] = []
        for class_id, name in enumerate(self.metainfo['classes']):
            if class_id in (0, _IGNORED):
                continue
            folder = Path(self.data_root, name)
            images = sorted(folder.glob(f'*{self.img_suffix}'),
                            key=lambda path: (len(path.stem), path.stem))
            if not images:
                raise InputError(
                    f"class '{name}' has no images in {folder}; correct "
                    'data_root, or remove it from the list')
            infos += [
                dict(
                    img_path=str(image),
                    seg_map_path=str(image.with_suffix(self.seg_map_suffix)),
                    class_id=class_id, label_map=None,
                    reduce_zero_label=False, seg_fields=[])
                for image in images]
        return infos


@TRANSFORMS.register_module()
class LoadFSSAnnotations(LoadAnnotations):
    """Load a mask of :class:`FSSDataset` as class ids.

    A few masks of the release differ in size from their image. They are
    resized to its size by nearest-neighbour interpolation.

    Required keys: ``img_path``, ``seg_map_path`` and ``class_id``.
    Added keys: ``gt_seg_map`` (H, W) int16, as there are ids above 255, and
    ``seg_fields``.
    """

    depends_on = 'image'

    def _load_seg_map(self, results: dict) -> None:
        grey = mmcv.imread(
            results['seg_map_path'], 'grayscale', backend='cv2',
            backend_args=self.backend_args)  # (H, W)
        with open_limited(results['img_path']) as image:
            grey = mmcv.imresize(
                grey, image.size, interpolation='nearest', backend='cv2')
        inside = (grey >= _INSIDE).astype(np.int16)
        results['gt_seg_map'] = inside * np.int16(results['class_id'])
        results['seg_fields'].append('gt_seg_map')


def prepare_fss_1000(root: StrPath,
                     test_list: StrPath | None = None) -> list[str]:
    """Check the layout of FSS-1000, and write its missing class lists.

    The release has no lists of classes, and its repository lists only the
    240 test classes. The remaining 760 classes are sorted and then shuffled
    by ``numpy.random.default_rng(0)``; the first 240 of them are for
    validation. Existing lists ``root/{trn,val,test}.txt`` are kept.

    Args:
        root (str | os.PathLike): Folder of the class folders.
        test_list (str | os.PathLike, optional): List of the test classes,
            one per line. Defaults to ``root/test.txt``.

    Returns:
        list[str]: A sentence for each count that is not the published one,
        and for each kind of unusual mask.

    Raises:
        InputError: If an image has no mask, a file cannot be read, the test
            list is missing, the lists are inconsistent with the folders or
            with each other, or another process writes to the folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f'the folder {root} does not exist')
    with folder_lock(root):
        return _prepare(root, test_list)


def _prepare(root: Path, test_list: StrPath | None) -> list[str]:
    # The release also has a few .jpeg files, which have no masks.
    images = sorted(root.glob('*/*.jpg'))
    if not images:
        raise InputError(
            f'expected folders of classes in {root}, with 1.jpg, 1.png and '
            'so on, got none with a .jpg; correct the path')
    remarks = _check_masks(images)
    sizes = Counter(image.parent.name for image in images)
    lists = _write_lists(root, sorted(sizes), test_list)
    remarks += differences('fss-1000', {'classes': len(sizes)} | {
        f'classes in {split}.txt': len(lists[split]) for split in _SPLITS})
    expected = PUBLISHED['fss-1000']['images of a class']
    other = [name for name, size in sizes.items() if size != expected]
    if other:
        remarks.append(
            f'fss-1000 as published has {expected} images of every class, '
            f'this folder has another number for {len(other)}: '
            + ', '.join(other[:10]))
    return remarks


def _check_masks(images: list[Path]) -> list[str]:
    """Return a sentence for each kind of unusual mask."""
    checked = parallel_map(
        _check_mask, images, f'checking {len(images)} masks')
    raise_first([result for result in checked if isinstance(result, str)])
    found: dict[str, list[str]] = defaultdict(list)
    for image, odd in zip(images, checked, strict=True):
        for what in odd:
            found[what].append(str(image.with_suffix('.png')))
    return [
        f'masks that {what} ({len(masks)}): ' + ', '.join(masks[:10])
        for what, masks in found.items()]


def _check_mask(image: Path) -> list[str] | str:
    """Return in which ways a mask is unusual, or its error."""
    path = image.with_suffix('.png')
    if not path.is_file():
        return f'{image} has no mask {path.name}; add it or remove the image'
    try:
        with open_limited(image) as picture, open_limited(path) as mask:
            size, grey = picture.size, np.asarray(mask.convert('L'))
    except Exception as error:  # noqa: BLE001 any damage
        return f'{image} or its mask cannot be read ({error}); replace it'
    # The borders of a mask may be smooth.
    unusual = {
        'differ in size from their image, and are resized to it':
            grey.shape != size[::-1],
        f'are not black and white; grey is foreground from {_INSIDE} on':
            ((grey > 15) & (grey < 240)).mean() > 0.05,
        'have no foreground, so that their images are not sampled':
            grey.max() < _INSIDE}
    return [what for what, applies in unusual.items() if applies]


def _write_lists(root: Path, names: list[str],
                 test_list: StrPath | None) -> dict[str, list[str]]:
    """Read the existing lists of classes, and write the missing ones."""
    paths = {split: root / f'{split}.txt' for split in _SPLITS}
    source = Path(test_list or paths['test'])
    if not source.is_file():
        raise InputError(
            f'the list of test classes {source} is missing; pass '
            'fss_test_set.txt of https://github.com/HKUSTCV/FSS-1000 with '
            '--test-list')
    lists = {split: read_names(path) for split, path in paths.items()
             if path.is_file()}
    absent = paths.keys() - lists
    if lists.setdefault('test', read_names(source)) != read_names(source):
        raise InputError(
            f'{paths["test"]} lists other classes than {source}; remove one')
    if len(lists) < 3:
        made = _split(sorted(set(names) - set(lists['test'])))
        for name in lists.keys() & made:
            # An equal one was written by a process that was then killed.
            if lists[name] != made[name]:
                raise InputError(
                    f'of trn.txt and val.txt, only {paths[name]} exists; add '
                    'the other, or remove it')
        lists |= made
    _check_lists(lists, names)
    for split in absent:
        write_lines(paths[split], lists[split])
    return lists


def _split(rest: list[str]) -> dict[str, list[str]]:
    """Split the classes that are not for testing."""
    order = np.random.default_rng(0).permutation(len(rest))
    num_val = round(240 / 760 * len(rest))
    return {'val': sorted(rest[i] for i in order[:num_val]),
            'trn': sorted(rest[i] for i in order[num_val:])}


def _check_lists(lists: dict[str, list[str]], names: list[str]) -> None:
    listed = Counter(sum(lists.values(), []))
    unknown = sorted(set(listed) - set(names))
    if unknown:
        raise InputError(
            f'the lists contain {len(unknown)} classes without a folder: '
            f'{unknown[:10]}; correct the lists or add the folders')
    repeated = sorted(name for name, times in listed.items() if times > 1)
    if repeated:
        raise InputError(
            f'{len(repeated)} classes are listed more than once: '
            f'{repeated[:10]}; keep each of them once in one list')
