"""The stages of a config: training, validation and test."""
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature

import numpy as np
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from ...errors import InputError, check_choice
from ...registry import type_name
from ..class_index import Fault
from ..episode_rules import NOVEL_PIXELS, EpisodeRules, choose_pool
from ..episodic_dataset import EpisodicDataset
from ..image_pool import image_loader, mask_loader
from .checked_pool import CheckedPool, check_pool

_KEYS = {'training': 'train_dataloader', 'validation': 'val_dataloader',
         'test': 'test_dataloader'}


@dataclass(frozen=True, eq=False)
class Stage:
    """The episodes of a dataloader, and their images.

    Attributes:
        name (str): 'training', 'validation' or 'test'. With several data
            sets in a ``ConcatDataset``, a number follows.
        rules (EpisodeRules): Rules of the episodes.
        pool (CheckedPool): Images to sample from.
    """

    name: str
    rules: EpisodeRules
    pool: CheckedPool

    def images_of(self, name: str) -> np.ndarray:
        """Find the images in which a class has the minimum area."""
        return self.pool.index.images_with(
            self.pool.classes.index(name), self.rules.min_area)


def check_stages(cfg: Config,
                 decode: bool) -> tuple[list[Stage], list[Fault]]:
    """Check every data set once, even if several stages sample from it.

    Args:
        cfg (Config): Config with at least one stage.
        decode (bool): Whether to decode images, see :func:`check_pool`.

    Returns:
        tuple[list[Stage], list[Fault]]: The stages whose images can be
        listed, and one fault for each of the other data sets.

    Raises:
        InputError: If a setting is missing or wrong.
    """
    settings = {}
    for name, key in _KEYS.items():
        given = (cfg.get(key) or {}).get('dataset')
        parts = list(_unwrapped(given)) if given else []
        for number, part in enumerate(parts, 1):
            of_several = f' {number}' if len(parts) > 1 else ''
            settings[name + of_several] = _settings(key, part)
    stages, faults = [], []
    for name, (_, dataset, loader, load_image) in settings.items():
        users = [user for user in settings if settings[user][1] == dataset]
        if name != users[0]:
            continue
        try:
            pool = check_pool(
                '/'.join(users), dataset, loader, load_image, decode)
        except InputError as error:
            faults.append(Fault('list', f"{'/'.join(users)}: {error}"))
            continue
        stages += [
            Stage(user, settings[user][0].named(pool.classes), pool)
            for user in users]
    return stages, faults


def _unwrapped(given: dict) -> Iterator[dict]:
    """Yield the data sets in mmengine's wrappers, or else the given one."""
    within = given.get('datasets') or [given.get('dataset')]
    parts = [one for one in within if isinstance(one, dict)]
    is_episodic = 'support_pipeline' in given
    if is_episodic and any('support_pipeline' in one for one in parts):
        raise InputError(
            'expected a wrapper without the settings of the EpisodicDataset '
            f'in it, got a {type_name(given)} with {sorted(given)}; set '
            '_delete_=True there if they come from a base')
    if is_episodic or len(parts) < len(within):
        yield given
        return
    for one in parts:
        yield from _unwrapped(one)


def _settings(key: str, given: dict
              ) -> tuple[EpisodeRules, dict, LoadAnnotations,
                         LoadImageFromFile | None]:
    """Return a stage's rules, its data set's config and its loaders."""
    if 'support_pipeline' not in given:
        raise InputError(
            f'expected an EpisodicDataset as {key}.dataset, got '
            f"{type_name(given) or 'no type'}; correct the config")
    settings = {
        name: given.get(name, parameter.default)
        for name, parameter in signature(EpisodicDataset).parameters.items()
        if name not in (
            'dataset', 'pools', 'support_pipeline', 'query_pipeline',
            'manifest', 'cache_dir', 'cache_images')}
    try:
        check_choice('novel_pixels', settings['novel_pixels'], NOVEL_PIXELS)
        if settings['folds'] is None:
            # Without folds, it is unknown which pixels are novel. They are
            # background, and a leak is a fault.
            settings['novel_pixels'] = 'background'
        steps = [*map(TRANSFORMS.build, given['support_pipeline'])]
        return (
            EpisodeRules.from_settings(**settings),
            choose_pool(*map(given.get, ('dataset', 'pools', 'pool'))),
            mask_loader(steps), image_loader(steps))
    except InputError as error:
        raise InputError(f'{key}.dataset: {error}') from error
