"""The pool of images that episodes are sampled from."""
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS

from ..annotations.class_list import check_letters
from ..errors import InputError
from ..registry import type_name
from .class_index import load_class_index

NO_CLASSES = ('background', '(ignored)')
"""Class names of data sets that must not be sampled as classes."""
_REPEATING = ('RepeatDataset', 'ClassBalancedDataset')
"""Wrappers of mmengine that list an image several times."""


class ImagePool:
    """A data set of mmseg with names of its images and a class index.

    Args:
        dataset (dict | BaseDataset): The data set or its config. Its
            pipeline is not used.
        loader (LoadAnnotations): Transform that reads the masks.
        cache_dir (str, optional): Folder of the class index, see
            :func:`load_class_index`.
        image_loader (LoadImageFromFile, optional): Transform that reads the
            images, which checks that it shows them as a viewer does.
            Defaults to None.

    Attributes:
        dataset (BaseDataset): The data set.
        classes (list[str]): Class names by class id.
        image_ids (list[str]): Names of the images, which are their paths
            below the common folder of all images.
        index (ClassIndex): Class index of the images.

    Raises:
        InputError: If there are no images, an image is listed twice, or as
            for :func:`load_class_index`.
    """

    def __init__(self, dataset: dict | BaseDataset, loader: LoadAnnotations,
                 cache_dir: str | None = None,
                 image_loader: LoadImageFromFile | None = None) -> None:
        self.dataset = build_dataset(dataset)
        # Read once, as mmengine copies the metainfo on every access.
        self.classes = class_names_of(self.dataset)
        for name in self.classes:
            check_letters(name, 'the classes of the data set (metainfo)')
        infos = self.infos()
        if not infos:
            raise InputError(
                'the data set has no images; check data_root, data_prefix '
                'and img_suffix')
        paths = [os.path.abspath(info['img_path']) for info in infos]
        path, times = Counter(paths).most_common(1)[0]
        if times > 1:
            raise InputError(
                f'{path} is {times} times in the data set: it could be a '
                'support and a query of an episode; list every image once')
        root = os.path.commonpath([os.path.dirname(path) for path in paths])
        self.image_ids = [
            Path(path).relative_to(root).as_posix() for path in paths]
        self.index = load_class_index(
            infos, len(self.classes), loader, cache_dir, image_loader)

    @classmethod
    def loaded_by(cls, steps: Sequence[Callable],
                  dataset: dict | BaseDataset,
                  cache_dir: str | None = None) -> 'ImagePool':
        """Make the pool of images that a pipeline loads.

        Args:
            steps (Sequence[Callable]): Transforms of the pipeline.
            dataset (dict | BaseDataset): See the class.
            cache_dir (str, optional): See the class.

        Raises:
            InputError: If no step loads masks, or as for the class.
        """
        return cls(dataset, mask_loader(steps), cache_dir, image_loader(steps))

    def infos(self) -> list[dict]:
        """Return mmseg's data infos of all images, see :func:`data_infos`."""
        return data_infos(self.dataset)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the images' names and their numbers of pixels."""
        digest = hashlib.sha256(
            json.dumps([self.classes, self.image_ids]).encode())
        for numbers in (self.index.counts, self.index.areas):
            digest.update(numbers.astype('<i8').tobytes())
        return digest.hexdigest()

    def class_ids(self, names: list[str]) -> list[int]:
        """Look up the ids of classes by their names.

        Args:
            names (list[str]): Names of classes.

        Returns:
            list[int]: Ids in the order of the names.

        Raises:
            InputError: If a class is not in the data set.
        """
        unknown = [name for name in names if name not in self.classes]
        if unknown:
            raise InputError(
                f'the classes {unknown} are not in the data set; expected '
                f'names of {self.classes}')
        return [self.classes.index(name) for name in names]


def build_dataset(dataset: dict | BaseDataset) -> BaseDataset:
    """Build a data set of mmseg.

    Args:
        dataset (dict | BaseDataset): Config, or a data set that is returned
            unchanged.

    Raises:
        InputError: If it is a wrapper that repeats images, or its files
            cannot be listed.
    """
    if not isinstance(dataset, dict):
        return dataset
    if type_name(dataset) in _REPEATING:
        raise InputError(
            'expected a data set that lists every image once in '
            f'EpisodicDataset, got a {type_name(dataset)}: an image could be '
            'a support and a query of an episode; give the data set in it, as '
            'num_episodes does not depend on the number of images')
    if (dataset.get('metainfo') or {}).get('classes', ()) is None:
        raise _no_classes(type_name(dataset), None)
    try:
        return DATASETS.build(dataset)
    except (AssertionError, OSError, ValueError) as error:
        raise_if_empty(dataset)
        roots = [
            one.get('data_root') for one in dataset.get('datasets', [dataset])]
        raise InputError(
            f'the images of {type_name(dataset)} could not be listed under '
            f'data_root={roots} ({error or "a folder or list is missing"}); '
            'correct it, or give it with --data-root') from error


def class_names_of(dataset: BaseDataset) -> list[str]:
    """Return the class names of a data set by class id.

    Raises:
        InputError: If its metainfo lacks them.
    """
    classes = dataset.metainfo.get('classes')
    if isinstance(classes, (list, tuple)) and classes:
        return list(classes)
    raise _no_classes(type(dataset).__name__, classes)


def _no_classes(kind: str, classes: Any) -> InputError:
    return InputError(
        f'expected metainfo with the names of the classes of the {kind}, got '
        f"classes={classes!r}; write metainfo=dict(classes=['background', "
        '...]) into its config, in the order of the ids in the masks')


def data_infos(dataset: BaseDataset) -> list[dict]:
    """Return mmseg's data infos of all images.

    Raises:
        InputError: If they lack the paths of the masks.
    """
    infos = list(map(dataset.get_data_info, range(len(dataset))))
    if infos and 'seg_map_path' not in infos[0]:
        raise InputError(
            'expected the folder of the masks as seg_map_path in data_prefix '
            f'of the {type(dataset).__name__}, got none; add it')
    return infos


def raise_if_empty(dataset: dict) -> None:
    """Raise an error if no file of a data set has the wanted suffix.

    mmengine fails then with a sentence of numpy.

    Raises:
        InputError: If there is no image.
    """
    for one in dataset.get('datasets', [dataset]):
        try:
            built = DATASETS.build(dict(one, lazy_init=True))
            if built.load_data_list():
                continue
            suffix, folder = built.img_suffix, built.data_prefix['img_path']
        except Exception:  # noqa: BLE001 of any data set, which has failed
            continue
        if built.ann_file and not os.path.isdir(built.ann_file):
            raise InputError(
                f'{built.ann_file} lists no image; write the name of an '
                'image without its suffix in each line, or leave out ann_file')
        raise InputError(
            f'there is no *{suffix} in {folder}; check img_suffix and '
            'data_prefix, whose img_path is the folder of the images')


def mask_loader(steps: Iterable[Callable]) -> LoadAnnotations:
    """Find the step of a support pipeline that reads the masks.

    Args:
        steps (Iterable[Callable]): Transforms of the pipeline.

    Raises:
        InputError: If there is no such step.
    """
    for step in steps:
        if isinstance(step, LoadAnnotations):
            return step
    raise InputError("support_pipeline needs dict(type='LoadAnnotations')")


def image_loader(steps: Iterable[Callable]) -> LoadImageFromFile | None:
    """Find the step of a pipeline that reads the images; None without one.

    Args:
        steps (Iterable[Callable]): Transforms of the pipeline.
    """
    return next((
        step for step in steps if isinstance(step, LoadImageFromFile)), None)
