"""Preparation of PASCAL-5i from the archives of VOC 2012 and SBD."""
import filecmp
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from http.client import HTTPException
from pathlib import Path

from mmseg.datasets import PascalVOCDataset
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.utils import voc_palette
from scipy.io import loadmat
from torchvision.datasets import SBDataset, utils
from torchvision.datasets.voc import DATASET_YEAR_DICT

from ...annotations.class_list import ClassList, write_class_list
from ...errors import InputError, raise_first
from ...files import StrPath, read_names, write_atomic, write_lines, write_mask
from ...locks import folder_lock
from ...parallel import parallel_map
from ..class_index import ClassIndex
from ..image_pool import ImagePool
from .published import differences

_LISTS = 'ImageSets/Segmentation'
_TRAIN_LIST = f'{_LISTS}/pascal5i_train.txt'
_MASKS = 'SegmentationClassAug'
# The address in torchvision before 0.20 does not exist any more.
_TRAIN_NOVAL_URL = 'https://www.cs.cornell.edu/~bharathh/train_noval.txt'


def merge_lists(voc_train: Iterable[str], sbd: Iterable[str],
                voc_val: Iterable[str]) -> list[str]:
    """Merge the names of all training images, without those of VOC val.

    Args:
        voc_train (Iterable[str]): Names in VOC's train.txt, 1,464.
        sbd (Iterable[str]): Names in SBD's train_noval.txt, 5,623.
        voc_val (Iterable[str]): Names in VOC's val.txt, 1,449.

    Returns:
        list[str]: Names of the training images, sorted.

    Example:
        >>> merge_lists(['b', 'c'], ['a', 'b', 'd'], ['d'])
        ['a', 'b', 'c']
    """
    return sorted({*voc_train, *sbd} - set(voc_val))


def prepare_pascal_5i(root: StrPath) -> list[str]:
    """Build PASCAL-5i in ``root/VOCdevkit/VOC2012``.

    Missing files there and in ``root/sbd`` are unpacked from the archives
    ``root/VOCtrainval_11-May-2012.tar`` and ``root/sbd/benchmark.tgz``, which
    are downloaded if they are missing. Then the masks of all training images
    are written to ``SegmentationClassAug``,
    ``ImageSets/Segmentation/pascal5i_train.txt`` lists the images, and
    ``classes.txt`` names the ids of the masks. Masks of VOC take precedence
    over those of SBD, as they are finer. Existing masks of SBD are not
    written again.

    Args:
        root (str | os.PathLike): Folder that contains VOCdevkit.

    Returns:
        list[str]: A sentence for each count that is not the published one.

    Raises:
        InputError: If a file is missing and cannot be downloaded, or a mask
            cannot be read or does not fit its image, or another process
            writes to the folder.
    """
    with folder_lock(root):
        return _prepare(Path(root))


def _prepare(root: Path) -> list[str]:
    voc = _fetch_voc(root)
    sbd = _fetch_sbd(root / 'sbd')
    voc_train, voc_val = (read_names(voc / _LISTS / f'{split}.txt')
                          for split in ('train', 'val'))
    merged = merge_lists(voc_train, sbd, voc_val)
    write = partial(
        _write_mask, voc=voc, sbd=root / 'sbd', voc_train=set(voc_train))
    faults = parallel_map(write, merged, f'writing {len(merged)} masks')
    raise_first([fault for fault in faults if fault])
    write_lines(voc / _TRAIN_LIST, merged)
    write_class_list(voc, ClassList(
        list(PascalVOCDataset.METAINFO['classes']),
        {i: (red, green, blue) for i, (red, green, blue) in enumerate(
            PascalVOCDataset.METAINFO['palette'])}))
    train = _index(voc, _TRAIN_LIST, _MASKS)
    val = _index(voc, f'{_LISTS}/val.txt', 'SegmentationClass')
    images = (val.counts[:, 1:] > 0).sum(0)  # (20,), per class
    pairs = images.reshape(4, 5).sum(1).tolist()  # (4,), per fold
    return differences('pascal-5i', {
        'training images': len(train.counts),
        'validation images': len(val.counts),
        **{f'image-class pairs of fold {fold}': count
           for fold, count in enumerate(pairs)}})


def _fetch_voc(root: Path) -> Path:
    """Return the folder of VOC 2012, with all files of its lists."""
    voc = root / 'VOCdevkit/VOC2012'

    def needed() -> Iterator[Path]:
        for split in ('train', 'val'):
            listing = voc / _LISTS / f'{split}.txt'
            yield listing
            for name in read_names(listing):
                yield voc / f'JPEGImages/{name}.jpg'
                yield voc / f'SegmentationClass/{name}.png'

    archive = DATASET_YEAR_DICT['2012']
    _fetch(
        needed, root / archive['filename'], archive['url'], archive['md5'])
    return voc


def _fetch_sbd(folder: Path) -> list[str]:
    """Return the names of SBD's training images, and fetch their masks.

    ``SBDataset(download=True)`` is not used: it moves folders after it has
    unpacked them, and fails to do so after an interruption.
    """
    listing = folder / SBDataset.voc_split_filename
    _fetch(lambda: [listing], listing, _TRAIN_NOVAL_URL,
           SBDataset.voc_split_md5)
    names = read_names(listing)
    _fetch(lambda: (_mat(folder, name) for name in names),
           folder / SBDataset.filename, SBDataset.url, SBDataset.md5)
    return names


def _fetch(needed: Callable[[], Iterable[Path]], archive: Path, url: str,
           md5: str) -> None:
    """Download and unpack an archive if one of its files is missing."""
    path = _missing(needed())
    if path is None:
        return
    download = (utils.download_url if archive.suffix == '.txt'
                else utils.download_and_extract_archive)
    try:
        download(url, str(archive.parent), filename=archive.name, md5=md5)
    # torchvision raises a RuntimeError for a file with another MD5.
    except (OSError, HTTPException, RuntimeError) as error:
        raise InputError(
            f'{path} is missing, and {archive.name} could not be downloaded '
            f'from {url} and unpacked ({error}); put the complete file at '
            f'{archive} by hand, and run this again') from error
    path = _missing(needed())
    if path is not None:
        raise InputError(
            f'{path} is missing, and {archive} does not contain it: expected '
            f'the official file of {url}; replace it')


def _missing(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if not path.is_file()), None)


def _mat(sbd: Path, name: str) -> Path:
    """Return the path of SBD's mask, moved by torchvision or unpacked."""
    moved = sbd / f'cls/{name}.mat'
    unpacked = sbd / f'benchmark_RELEASE/dataset/cls/{name}.mat'
    return moved if moved.is_file() else unpacked


def _write_mask(name: str, voc: Path, sbd: Path,
                voc_train: Collection[str]) -> str | None:
    """Copy a mask of VOC or convert one of SBD; or return an error."""
    target = voc / _MASKS / f'{name}.png'
    if name in voc_train:
        source = voc / f'SegmentationClass/{name}.png'
        # Other tools write SBD's mask even if VOC has one: it is replaced.
        if not target.is_file() or not filecmp.cmp(
                source, target, shallow=False):
            write_atomic(target, source.read_bytes())
    elif not target.is_file():
        source = _mat(sbd, name)
        try:
            labels = loadmat(source)['GTcls']['Segmentation'][0, 0]  # (H, W)
        except Exception as error:  # noqa: BLE001 any damage
            return (
                f'{source} is not a readable mask of SBD ({error}); remove '
                'it, and run this again')
        write_mask(target, labels, bytes(sum(voc_palette(), [])))
    return None


def _index(voc: Path, ann_file: str, masks: str) -> ClassIndex:
    """Build the class index, which training and test read from the cache."""
    dataset = PascalVOCDataset(
        data_root=str(voc), ann_file=ann_file,
        data_prefix=dict(img_path='JPEGImages', seg_map_path=masks))
    return ImagePool(dataset, LoadAnnotations()).index
