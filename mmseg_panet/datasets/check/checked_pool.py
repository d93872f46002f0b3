"""A data set of which every file was looked at."""
import filecmp
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain

import numpy as np
from mmcv.transforms import LoadAnnotations
from mmengine.dataset import BaseDataset
from mmengine.utils import scandir
from PIL import Image

from ...annotations.image_files import images_by_stem
from ...errors import InputError
from ...parallel import parallel_map
from ..class_index import ClassIndex, Fault, count_pixels
from ..folder import FolderDataset
from ..image_pool import NO_CLASSES, build_dataset

Fingerprint = tuple[int, str]
"""A file's size and the SHA-256 of its end; 0 and '' for no file."""


@dataclass(frozen=True, eq=False)
class CheckedPool:
    """The images of a data set with what is wrong with their files.

    Attributes:
        name (str): Stages that sample from it, such as 'training'.
        dataset (BaseDataset): The data set.
        classes (list[str]): Its class names, by class id.
        fingerprints (dict[str, Fingerprint]): Of every image, once, by its
            path.
        index (ClassIndex): Of these; all zeros where a mask cannot be read.
        faults (list[Fault]): Of the files, and of the list of images.
    """

    name: str
    dataset: BaseDataset
    classes: list[str]
    fingerprints: dict[str, Fingerprint]
    index: ClassIndex
    faults: list[Fault]

    @cached_property
    def paths(self) -> list[str]:
        """Paths of the images, in the order of the index."""
        return list(self.fingerprints)

    @property
    def names(self) -> list[str]:
        """Names of all classes but the background, in the order of ids."""
        return [name for name in self.classes if name not in NO_CLASSES]

    @property
    def shown(self) -> np.ndarray:
        """Whether an image shows a class of the names, (N, len(names))."""
        real = [name not in NO_CLASSES for name in self.classes]
        return self.index.counts[:, real] > 0

    def summary(self) -> str:
        """Say in a line how many images and classes there are."""
        return (
            f'{self.name}: {len(self.paths)} images, '
            f'{self.shown.any(0).sum()} of {len(self.names)} classes, '
            f'{self.shown.sum()} image-class pairs '
            f'({type(self.dataset).__name__})')


def check_pool(name: str, dataset: dict, loader: LoadAnnotations,
               decode: bool = False) -> CheckedPool:
    """Look at every image and every mask, in parallel.

    Args:
        name (str): Stages that sample from it.
        dataset (dict): The data set's config.
        loader (LoadAnnotations): Reads the masks.
        decode (bool): Whether images are decoded completely, not their
            headers only. Defaults to False.

    Raises:
        InputError: If the images cannot be listed, or there are none.
    """
    built = build_dataset(dataset)
    classes = list(built.metainfo['classes'])
    infos = [built.get_data_info(i) for i in range(len(built))]
    if not infos:
        raise InputError(
            f'the data set {dataset["type"]} has no images; check data_root, '
            'data_prefix, img_suffix and the list')
    times = Counter(os.path.normpath(info['img_path']) for info in infos)
    once = {os.path.normpath(info['img_path']): info for info in infos}
    check = partial(
        _check_image, num_classes=len(classes), loader=loader, decode=decode)
    rows, prints, faults = zip(*parallel_map(
        check, list(once.values()), f'checking {len(once)} images of {name}'),
        strict=True)
    counts = np.stack(rows)  # (N, 1 + num_classes), the ignored last
    fingerprints = dict(zip(times, prints, strict=True))
    repeated = [f'{path} is listed {count} times'
                for path, count in times.items() if count > 1]
    repeated += [f'{path} has the same bytes as {first}'
                 for path, first in copies(fingerprints).items()]
    found = [*chain(*faults), *(
        Fault('duplicate', (
            f'{what}: an episode could have one image as support and as '
            'query; keep one'))
        for what in repeated)]
    return CheckedPool(name, built, classes, fingerprints, ClassIndex(
        counts[:, :-1], counts.sum(1)), found)


def _check_image(info: dict, num_classes: int, loader: LoadAnnotations,
                 decode: bool) -> tuple[np.ndarray, Fingerprint, list[Fault]]:
    counts, faults = count_pixels(info, num_classes, loader)
    path = info['img_path']
    # What has no header is known to be damaged.
    if decode and not any(
            fault.sentence.startswith(f'{path} ') for fault in faults):
        try:
            with Image.open(path) as image:
                image.load()
        except Exception as error:  # noqa: BLE001 any format, any damage
            faults.append(Fault('unreadable', (
                f'{path} cannot be decoded ({error}); replace or remove it')))
    return counts, _fingerprint(path), faults


def _fingerprint(path: str) -> Fingerprint:
    try:
        with open(path, 'rb') as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4096))
            return size, hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return 0, ''


def copies(fingerprints: Mapping[str, Fingerprint]) -> dict[str, str]:
    """Find the files that have the same bytes as an earlier one.

    Args:
        fingerprints (Mapping[str, Fingerprint]): By path.

    Returns:
        dict[str, str]: Path of a copy to the path of the first such file.
    """
    first = {}
    alike: dict[Fingerprint, list[str]] = defaultdict(list)
    for path, fingerprint in fingerprints.items():
        for other in alike[fingerprint] if fingerprint[0] else ():
            if filecmp.cmp(path, other, shallow=False):
                first[path] = other
                break
        else:
            alike[fingerprint].append(path)
    return first


def overlaps(training: CheckedPool, other: CheckedPool) -> Iterator[Fault]:
    """Find the images of training that another pool holds too.

    Args:
        training (CheckedPool): What is trained on.
        other (CheckedPool): What is to have other images.
    """
    first = copies(training.fingerprints | other.fingerprints)
    for path in other.fingerprints:
        if path in training.fingerprints:
            yield Fault('overlap', (
                f'{path} is in {training.name} and in {other.name}; keep one'))
        elif first.get(path) in training.fingerprints:
            yield Fault('overlap', (
                f'{path} of {other.name} has the same bytes as {first[path]} '
                f'of {training.name}; keep one'))


def unused_masks(pool: CheckedPool) -> Iterator[str]:
    """Find the masks in a pool's folders that are of no image, listed or not.

    Args:
        pool (CheckedPool): Any.

    Yields:
        str: Path of a mask.
    """
    for dataset in getattr(pool.dataset, 'datasets', [pool.dataset]):
        images, masks = (
            dataset.data_prefix.get(key) or dataset.data_root or ''
            for key in ('img_path', 'seg_map_path'))
        if not os.path.isdir(images) or not os.path.isdir(masks):
            continue
        end = dataset.seg_map_suffix
        stems = (
            images_by_stem(images) if isinstance(dataset, FolderDataset) else {
                name.removesuffix(dataset.img_suffix) for name in scandir(
                    images, suffix=dataset.img_suffix, recursive=True)})
        for name in scandir(masks, suffix=end, recursive=True):
            if name.removesuffix(end) not in stems:
                yield os.path.join(masks, name)
