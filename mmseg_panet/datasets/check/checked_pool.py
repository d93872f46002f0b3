"""A data set whose files were all checked."""
import filecmp
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain

import numpy as np
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.dataset import BaseDataset
from mmengine.utils import scandir

from ...errors import InputError
from ...images.image_files import images_by_stem
from ...parallel import parallel_map
from ..class_index import ClassIndex, Fault, count_pixels
from ..folder import FolderDataset
from ..image_pool import NO_CLASSES, build_dataset, class_names_of, data_infos
from ..transforms.oriented_image import LoadOrientedImage

Fingerprint = tuple[int, str]
"""The size of a file and the SHA-256 of its end; 0 and '' if it is missing."""


@dataclass(frozen=True, eq=False)
class CheckedPool:
    """The images of a data set and the faults of their files.

    Attributes:
        name (str): Names of the stages that sample from the data set, such
            as 'training'.
        dataset (BaseDataset): The data set.
        classes (list[str]): Class names by class id.
        fingerprints (dict[str, Fingerprint]): Fingerprints of the images by
            path, once for each image.
        index (ClassIndex): Class index of these images; zero for a mask that
            cannot be read.
        faults (list[Fault]): Faults of the files and of the list of images.
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
        """Names of all classes except the background, in order of ids."""
        return [name for name in self.classes if name not in NO_CLASSES]

    @property
    def has_class(self) -> np.ndarray:
        """Whether each image has each class of ``names``, (N, len(names))."""
        real = [name not in NO_CLASSES for name in self.classes]
        return self.index.counts[:, real] > 0

    def summary(self) -> str:
        """Format the numbers of images and classes in one line."""
        return (
            f'{self.name}: {len(self.paths)} images, '
            f'{self.has_class.any(0).sum()} of {len(self.names)} classes, '
            f'{self.has_class.sum()} image-class pairs '
            f'({type(self.dataset).__name__})')


def check_pool(name: str, dataset: dict, loader: LoadAnnotations,
               image_loader: LoadImageFromFile | None = None,
               decode: bool = False) -> CheckedPool:
    """Check every image and every mask of a data set, in parallel.

    Args:
        name (str): Names of the stages that sample from the data set.
        dataset (dict): Config of the data set.
        loader (LoadAnnotations): Transform that reads the masks.
        image_loader (LoadImageFromFile, optional): Transform that reads the
            images, see :func:`count_pixels`. Defaults to None.
        decode (bool): Whether to decode the images completely, and not only
            their headers. Defaults to False.

    Raises:
        InputError: If the images cannot be listed, or there are none.
    """
    built = build_dataset(dataset)
    classes = class_names_of(built)
    infos = data_infos(built)
    if not infos:
        raise InputError(
            f'the data set {dataset["type"]} has no images; check data_root, '
            'data_prefix, img_suffix and the list')
    times = Counter(os.path.normpath(info['img_path']) for info in infos)
    once = {os.path.normpath(info['img_path']): info for info in infos}
    check = partial(
        _check_image, num_classes=len(classes), loader=loader,
        image_loader=image_loader, decode=decode)
    rows, prints, faults = zip(*parallel_map(
        check, list(once.values()), f'checking {len(once)} images of {name}'),
        strict=True)
    counts = np.stack(rows)  # (N, num_classes + 1), ignored pixels last
    fingerprints = dict(zip(times, prints, strict=True))
    repeated = [f'{path} is listed {count} times'
                for path, count in times.items() if count > 1]
    repeated += [f'{path} has the same bytes as {first}'
                 for path, first in copies(fingerprints).items()]
    found = [*chain(*faults), *(
        Fault('duplicate', (
            f'{what}: the image could be a support and a query of an '
            'episode; keep one'))
        for what in repeated)]
    return CheckedPool(name, built, classes, fingerprints, ClassIndex(
        counts[:, :-1], counts.sum(1)), found)


def _check_image(info: dict, num_classes: int, loader: LoadAnnotations,
                 image_loader: LoadImageFromFile | None, decode: bool
                 ) -> tuple[np.ndarray, Fingerprint, list[Fault]]:
    counts, faults = count_pixels(info, num_classes, loader, image_loader)
    path = info['img_path']
    # An image without a valid header has a fault already.
    if decode and not any(
            fault.sentence.startswith(f'{path} ') for fault in faults):
        try:
            (image_loader or LoadOrientedImage())(dict(img_path=path))
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
        fingerprints (Mapping[str, Fingerprint]): Fingerprints by path.

    Returns:
        dict[str, str]: Path of the first such file by the path of each copy.
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
    """Find the training images that are also in another pool.

    Args:
        training (CheckedPool): Images of training.
        other (CheckedPool): Images of another stage.

    Yields:
        Fault: One fault for each common image.
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
    """Find the masks in a pool's folders that have no image.

    Images that are not listed count, too.

    Args:
        pool (CheckedPool): Images with their folders.

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
