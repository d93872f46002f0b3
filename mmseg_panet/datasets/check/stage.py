"""What a config draws for training, for validation and for the test."""
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from inspect import signature

import numpy as np
from mmcv.transforms import LoadAnnotations
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from ...errors import InputError
from ..episodic_dataset import NOVEL_PIXELS, EpisodicDataset
from ..folds import FOLDS, split_classes
from .checked_pool import CheckedPool

_DEFAULTS = {
    name: parameter.default
    for name, parameter in signature(EpisodicDataset).parameters.items()}


@dataclass(frozen=True, eq=False)
class Role:
    """What one of the dataloaders draws, and from which images.

    Attributes:
        name (str): 'training', 'validation' or 'test'.
        settings (dict): As :func:`role_settings` returns them.
        pool (CheckedPool): What is drawn from.
    """

    name: str
    settings: dict
    pool: CheckedPool

    @property
    def novel(self) -> Sequence[Sequence[str]]:
        """Novel classes of every fold; none where there are no folds."""
        folds = self.settings['folds']
        if self.settings['split'] is None:
            return []
        return FOLDS[folds] if isinstance(folds, str) else folds

    @property
    def folds(self) -> list[int | None]:
        """All folds; [None] where there are none."""
        return [*range(len(self.novel))] or [None]

    @property
    def fold(self) -> int | None:
        """The fold that the config chooses."""
        return self.settings['fold'] if self.novel else None

    @property
    def least_area(self) -> str:
        """What a class must cover, in words."""
        area = self.settings['min_area']
        return f'{area:g} pixels' if area >= 1 else f'{area:.1%}'

    def classes(self, fold: int | None) -> list[str]:
        """Names of the classes that are drawn in a fold."""
        if fold is not None:
            return split_classes(
                self.settings['folds'], fold, self.settings['split'])
        if self.settings['classes'] == 'all':
            return [self.pool.classes[i] for i in self.pool.real_ids]
        return list(self.settings['classes'])

    def images_of(self, name: str) -> np.ndarray:
        """Indices of the images of which a class covers enough."""
        return self.pool.index.images_with(
            self.pool.classes.index(name), self.settings['min_area'])

    def images_showing(self, names: Collection[str]) -> np.ndarray:
        """Indices of the images with a pixel of any of some classes."""
        ids = [
            i for i, name in enumerate(self.pool.classes) if name in names]
        return np.flatnonzero(self.pool.index.counts[:, ids].any(1))

    def dropped(self, fold: int | None) -> np.ndarray:
        """Indices of the images that are left out in a fold."""
        if self.settings['novel_pixels'] != 'drop' or fold is None:
            return np.array([], int)
        return self.images_showing(self.novel[fold])


def role_settings(cfg: Config) -> dict[str, dict]:
    """Settings of the ``EpisodicDataset`` of every role in a config.

    Args:
        cfg (Config): With some.

    Returns:
        dict[str, dict]: By the role's name, with all defaults, and with the
        pool that is chosen as ``dataset``.

    Raises:
        InputError: If a setting that says what is drawn is missing or wrong.
    """
    found = {}
    for name, key in (('training', 'train_dataloader'),
                      ('validation', 'val_dataloader'),
                      ('test', 'test_dataloader')):
        dataset = (cfg.get(key) or {}).get('dataset')
        if not dataset:
            continue
        if 'support_pipeline' not in dataset:
            raise InputError(
                f'expected an EpisodicDataset as {key}.dataset, got '
                f"{dataset.get('type')}")
        try:
            found[name] = _complete(dict(dataset))
        except InputError as error:
            raise InputError(f'{key}.dataset: {error}') from error
    return found


def _complete(given: dict) -> dict:
    """One role's settings."""
    settings = _DEFAULTS | given
    if settings['dataset'] is None:
        pools, pool = settings['pools'] or {}, settings['pool']
        if pool not in pools:
            raise InputError(
                'expected a dataset, or pools and the name of one of them as '
                f'pool, got pools={sorted(pools)} and pool={pool!r}')
        settings['dataset'] = pools[pool]
    if settings['split'] is not None and settings['folds'] is not None:
        split_classes(
            settings['folds'], settings['fold'], settings['split'])
    elif settings['split'] is not None or settings['classes'] is None:
        raise InputError(
            'expected either classes, or folds with fold and split, got '
            f"classes={settings['classes']!r}, folds={settings['folds']!r}, "
            f"split={settings['split']!r}")
    if settings['novel_pixels'] not in NOVEL_PIXELS:
        raise InputError(
            f'novel_pixels must be one of {NOVEL_PIXELS}, got '
            f"{settings['novel_pixels']!r}")
    if (settings['novel_pixels'] != 'background'
            and settings['folds'] is not None
            and settings['split'] != 'base'):
        raise InputError(
            f"novel_pixels='{settings['novel_pixels']}' is for episodes of "
            f"base classes, got split={settings['split']!r}")
    return settings


def mask_loader(settings: dict) -> LoadAnnotations:
    """The transform of a role that reads masks.

    Args:
        settings (dict): As :func:`role_settings` returns them.

    Raises:
        InputError: If there is none.
    """
    for step in settings['support_pipeline']:
        transform = TRANSFORMS.build(step)
        if isinstance(transform, LoadAnnotations):
            return transform
    raise InputError("support_pipeline needs dict(type='LoadAnnotations')")
