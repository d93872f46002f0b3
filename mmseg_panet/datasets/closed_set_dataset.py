"""A data set of single images with the classes of a fold."""
from collections.abc import Sequence
from typing import Any

from mmcv.transforms import Compose
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS, TRANSFORMS
from torch.utils.data import Dataset

from ..errors import InputError, check_choice, loading_context
from .episode_rules import NOVEL_PIXELS, choose_pool, images_showing
from .folds import split_classes
from .image_pool import ImagePool

SPLITS = ('base', 'all')


@DATASETS.register_module()
class ClosedSetDataset(Dataset):
    """The single images of a data set, labelled with the classes of a fold.

    It trains and tests a closed-set model of mmseg. Label 0 is the
    background, the base classes follow in the order of the folds, and then
    the novel classes if ``split`` is 'all'.

    Args:
        dataset (dict | BaseDataset, optional): Any data set of mmseg, in
            place of ``pools``. Its pipeline is not used.
        pipeline (Sequence[dict]): Transforms from loading to
            ``PackSegInputs``, with ``EpisodeLabels`` after
            ``LoadAnnotations``.
        folds (str | Sequence[Sequence[str]]): Folds, see
            :class:`EpisodicDataset`.
        fold (int): Index of the fold whose classes are novel. Defaults to 0.
        split (str): 'base' or 'all'. Defaults to 'base'.
        novel_pixels (str): Treatment of the novel classes' pixels if
            ``split`` is 'base', see :class:`EpisodicDataset`. Defaults to
            'background'.
        pools (dict[str, dict], optional): Data sets by name.
        pool (str, optional): Name of the pool to use.
        cache_dir (str, optional): Folder of the class index, see
            :func:`load_class_index`.

    Attributes:
        images (ImagePool): The pool of the images.
        class_names (list[str]): Names of the classes, without background.
        class_ids (list[int]): Their ids in the data set.
        indices (list[int]): Images of the pool that are items.
        ignored_ids (list[int]): Ids of classes whose pixels become 255.

    Raises:
        InputError: If a setting is unknown, a class is not in the data set,
            or as for :class:`ImagePool`.
    """

    def __init__(self, dataset: dict | BaseDataset | None = None,
                 pipeline: Sequence[dict] = (),
                 folds: str | Sequence[Sequence[str]] = (), fold: int = 0,
                 split: str = 'base', novel_pixels: str = 'background',
                 pools: dict[str, dict] | None = None,
                 pool: str | None = None,
                 cache_dir: str | None = None) -> None:
        check_choice('split', split, SPLITS)
        self.pipeline = Compose([TRANSFORMS.build(step) for step in pipeline])
        self.images = ImagePool.loaded_by(
            self.pipeline.transforms, choose_pool(dataset, pools, pool),
            cache_dir)
        base, novel = (split_classes(folds, fold, one)
                       for one in ('base', 'novel'))
        # A class that is alone in the folds is both.
        self.class_names = base if split == 'base' else [
            *dict.fromkeys([*base, *novel])]
        self.class_ids = self.images.class_ids(self.class_names)
        hidden = [] if split == 'all' else novel
        self.indices, self.ignored_ids = hide_classes(
            self.images, hidden, novel_pixels)
        if not self.indices:
            raise InputError(
                "expected images without novel classes for novel_pixels="
                "'drop', but every image shows one; set 'ignore' or "
                "'background'")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> dict:
        """Load one image.

        Returns:
            dict: ``inputs`` (3, H, W) and ``data_samples``.

        Raises:
            InputError: If the image cannot be loaded.
        """
        return self.load(index)

    def load(self, index: int, **keys: Any) -> dict:
        """Load one image with more keys for its pipeline.

        Args:
            index (int): Index of the item.
            **keys (Any): Keys to add.

        Returns:
            dict: See :meth:`__getitem__`.
        """
        image = self.indices[index]
        info = self.images.dataset.get_data_info(image) | dict(
            class_ids=self.class_ids, ignored_ids=self.ignored_ids,
            num_classes=len(self.images.classes),
            image_id=self.images.image_ids[image], image_index=image, **keys)
        with loading_context(info):
            return self.pipeline(info)

    @property
    def metainfo(self) -> dict:
        """The metainfo with the classes and the palette of the labels."""
        own = self.images.dataset.metainfo
        palette = own.get('palette')
        return dict(own, classes=('background', *self.class_names)) | (
            dict(palette=[[0, 0, 0], *(palette[i] for i in self.class_ids)])
            if palette else {})


def hide_classes(images: ImagePool, names: list[str], novel_pixels: str
                 ) -> tuple[list[int], list[int]]:
    """Hide novel classes from a training on single images.

    Args:
        images (ImagePool): The images.
        names (list[str]): Names of the novel classes.
        novel_pixels (str): Treatment of their pixels, one of
            :data:`NOVEL_PIXELS`.

    Returns:
        tuple[list[int], list[int]]: Indices of the images to keep, and ids
        of the classes whose pixels become 255.

    Raises:
        InputError: If ``novel_pixels`` or a class is unknown.
    """
    check_choice('novel_pixels', novel_pixels, NOVEL_PIXELS)
    dropped = set(images_showing(
        names if novel_pixels == 'drop' else (), images.classes,
        images.index).tolist())
    kept = [i for i in range(len(images.image_ids)) if i not in dropped]
    return kept, images.class_ids(names if novel_pixels == 'ignore' else [])
