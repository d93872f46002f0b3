"""FSS-1000: a folder a class."""
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from ...errors import InputError, raise_first
from ...files import StrPath, read_names, write_lines
from ...parallel import parallel_map
from .published import PUBLISHED, differences

_IGNORED = 255
_INSIDE = 128
"""The least grey value of a mask's inside."""
_SPLITS = ('trn', 'val', 'test')


def with_ids(names: Sequence[str]) -> tuple[str, ...]:
    """Class names by class id: the first id is 1, and none is 255.

    Args:
        names (Sequence[str]): Of the classes.

    Returns:
        tuple[str, ...]: 'background' at 0, and '(ignored)' at 255 where
        there are so many.
    """
    classes = ['background', *names]
    if len(classes) > _IGNORED:
        classes.insert(_IGNORED, '(ignored)')
    return tuple(classes)


@DATASETS.register_module()
class FSSDataset(BaseSegDataset):
    """FSS-1000 (Li et al., CVPR 2020): a folder a class with 10 images.

    ``<class>/<n>.jpg`` has the binary mask ``<class>/<n>.png``. The masks
    hold no class id, so they are read by :class:`LoadFSSAnnotations`.

    Args:
        data_root (str): The folder of the classes' folders.
        ann_file (str): Below it, the list of the classes to take, one a
            line: 'trn.txt', 'val.txt' or 'test.txt'. Defaults to '': every
            folder.

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
        """List the images of each class, by their numbers."""
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
                    'data_root, or take it off the list')
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

    A few masks of the release are of another size than their image; they are
    resized to it, by the nearest pixel.

    Required keys: ``img_path``, ``seg_map_path`` and ``class_id``.
    Added keys: ``gt_seg_map`` (H, W) int16, as ids go beyond 255, and
    ``seg_fields``.
    """

    depends_on = 'image'

    def _load_seg_map(self, results: dict) -> None:
        grey = mmcv.imread(
            results['seg_map_path'], 'grayscale', backend='cv2',
            backend_args=self.backend_args)  # (H, W)
        with Image.open(results['img_path']) as image:
            grey = mmcv.imresize(
                grey, image.size, interpolation='nearest', backend='cv2')
        inside = (grey >= _INSIDE).astype(np.int16)
        results['gt_seg_map'] = inside * np.int16(results['class_id'])
        results['seg_fields'].append('gt_seg_map')


def prepare_fss_1000(root: StrPath,
                     test_list: StrPath | None = None) -> list[str]:
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
    """Give a sentence for each kind of odd mask."""
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
    """Say in which ways the mask of an image is odd; or what is wrong."""
    path = image.with_suffix('.png')
    if not path.is_file():
        return f'{image} has no mask {path.name}; add it or remove the image'
    try:
        with Image.open(image) as picture, Image.open(path) as mask:
            size, grey = picture.size, np.asarray(mask.convert('L'))
    except Exception as error:  # noqa: BLE001 any damage
        return f'{image} or its mask cannot be read ({error}); replace it'
    # The borders of a mask may be blended.
    odd = {
        'have another size than their image, and are resized to it':
            grey.shape != size[::-1],
        f'are not black and white; grey is inside from {_INSIDE} on':
            ((grey > 15) & (grey < 240)).mean() > 0.05,
        'have nothing inside, so that their images are not sampled':
            grey.max() < _INSIDE}
    return [what for what, is_so in odd.items() if is_so]


def _write_lists(root: Path, names: list[str],
                 test_list: StrPath | None) -> dict[str, list[str]]:
    """Read the lists of classes that are there and write the others."""
    paths = {split: root / f'{split}.txt' for split in _SPLITS}
    source = Path(test_list or paths['test'])
    if not source.is_file():
        raise InputError(
            f'the list of test classes {source} is missing; give '
            'fss_test_set.txt of https://github.com/HKUSTCV/FSS-1000 with '
            '--test-list')
    lists = {split: read_names(path) for split, path in paths.items()
             if path.is_file()}
    absent = paths.keys() - lists
    if lists.setdefault('test', read_names(source)) != read_names(source):
        raise InputError(
            f'{paths["test"]} lists other classes than {source}; remove one')
    if len(lists) == 2:
        one = paths['val' if 'trn' in absent else 'trn']
        raise InputError(
            f'of trn.txt and val.txt only {one} is there; add the other or '
            'remove it')
    if len(lists) == 1:
        rest = sorted(set(names) - set(lists['test']))
        order = np.random.default_rng(0).permutation(len(rest))
        num_val = round(240 / 760 * len(rest))
        lists['val'] = sorted(rest[i] for i in order[:num_val])
        lists['trn'] = sorted(rest[i] for i in order[num_val:])
    _check_lists(lists, names)
    for split in absent:
        write_lines(paths[split], lists[split])
    return lists


def _check_lists(lists: dict[str, list[str]], names: list[str]) -> None:
    listed = Counter(sum(lists.values(), []))
    unknown = sorted(set(listed) - set(names))
    if unknown:
        raise InputError(
            f'the lists name {len(unknown)} classes without a folder: '
            f'{unknown[:10]}; correct the lists or add the folders')
    repeated = sorted(name for name, times in listed.items() if times > 1)
    if repeated:
        raise InputError(
            f'{len(repeated)} classes are listed more than once: '
            f'{repeated[:10]}; keep each of them once, in one list')
