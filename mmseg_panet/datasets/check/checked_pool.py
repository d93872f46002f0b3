"""A data set of which every file was looked at."""
import filecmp
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

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

_TAIL = 4096
Fingerprint = tuple[int, str] | None
"""A file's size and the SHA-256 of its end."""


@dataclass(frozen=True, eq=False)
class CheckedPool:
    """The images of a data set with what is wrong with their files.

    Attributes:
        name (str): Stages that sample from it, such as 'training'.
        dataset (BaseDataset): The data set.
        classes (list[str]): Its class names, by class id.
        fingerprints (dict[str, Fingerprint]): Of every image, once, by its
            path; None for a file that is missing or empty.
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
        """Of the images, in the order of the index."""
        return list(self.fingerprints)

    @property
    def real_ids(self) -> list[int]:
        """Ids of all classes but the background."""
        return [i for i, name in enumerate(self.classes)
                if name not in NO_CLASSES]

    def summary(self) -> str:
        """How many images and classes there are, in a line."""
        pairs = self.index.counts[:, self.real_ids] > 0  # (N, classes)
        return (
            f'{self.name}: {len(self.paths)} images, {pairs.any(0).sum()} of '
            f'{pairs.shape[1]} classes, {pairs.sum()} image-class pairs '
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
        check, [once[path] for path in times],
        f'checking {len(once)} images of {name}'), strict=True)
    counts = np.stack(rows)  # (N, 1 + num_classes), the ignored last
    fingerprints = dict(zip(times, prints, strict=True))
    return CheckedPool(
        name, built, classes, fingerprints,
        ClassIndex(counts[:, :-1], counts.sum(1)),
        [fault for of_image in faults for fault in of_image]
        + list(_duplicates(times, fingerprints)))


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
            file.seek(max(0, size - _TAIL))
            end = hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None
    return (size, end) if size else None


def first_of_equal(
        fingerprints: Mapping[str, Fingerprint]) -> dict[str, str]:
    """Every file's first copy: the first with the same bytes, or itself.

    Args:
        fingerprints (Mapping[str, Fingerprint]): By path.
    """
    first = {}
    alike: dict[Fingerprint, list[str]] = defaultdict(list)
    for path, fingerprint in fingerprints.items():
        first[path] = next((
            other for other in alike[fingerprint]
            if fingerprint and filecmp.cmp(path, other, shallow=False)), path)
        if first[path] == path:
            alike[fingerprint].append(path)
    return first


def _duplicates(times: Mapping[str, int],
                fingerprints: Mapping[str, Fingerprint]) -> Iterator[Fault]:
    for path, count in times.items():
        if count > 1:
            yield Fault('duplicate', (
                f'{path} is listed {count} times: an episode could have it '
                'as support and as query; list it once'))
    for path, first in first_of_equal(fingerprints).items():
        if path != first:
            yield Fault('duplicate', (
                f'{path} has the same bytes as {first}: an episode could '
                'have one as support and one as query; keep one'))


def overlaps(training: CheckedPool, other: CheckedPool) -> Iterator[Fault]:
    """Images of training that another pool holds too, by any name.

    Args:
        training (CheckedPool): What is trained on.
        other (CheckedPool): What is to have other images.
    """
    first = first_of_equal(training.fingerprints | other.fingerprints)
    trained = {first[path]: path for path in training.fingerprints}
    for path in other.fingerprints:
        twin = trained.get(first[path])
        if path in training.fingerprints:
            yield Fault('overlap', (
                f'{path} is in {training.name} and in {other.name}; take it '
                'off one of the lists'))
        elif twin is not None:
            yield Fault('overlap', (
                f'{path} of {other.name} has the same bytes as {twin} of '
                f'{training.name}; keep one'))


def unused_masks(pools: Iterable[CheckedPool]) -> list[str]:
    """Masks in the pools' folders that are of no image, listed or not.

    Args:
        pools (Iterable[CheckedPool]): Any.

    Returns:
        list[str]: Their paths.
    """
    found = {
        mask for pool in pools
        for dataset in getattr(pool.dataset, 'datasets', [pool.dataset])
        for mask in _unused_masks(dataset)}
    return sorted(found)


def _unused_masks(dataset: BaseDataset) -> Iterator[str]:
    images, masks = (
        dataset.data_prefix.get(key) or dataset.data_root or ''
        for key in ('img_path', 'seg_map_path'))
    if not os.path.isdir(images) or not os.path.isdir(masks):
        return
    end = dataset.seg_map_suffix
    stems = (
        images_by_stem(images) if isinstance(dataset, FolderDataset) else {
            name.removesuffix(dataset.img_suffix) for name in scandir(
                images, suffix=dataset.img_suffix, recursive=True)})
    for name in scandir(masks, suffix=end, recursive=True):
        if name.removesuffix(end) not in stems:
            yield os.path.join(masks, name)
