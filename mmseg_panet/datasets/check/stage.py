"""The stages of a config: training, validation and test."""
from dataclasses import dataclass
from inspect import signature
from typing import NamedTuple

import numpy as np
from mmcv.transforms import LoadAnnotations
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from ...errors import InputError
from ..episode_rules import EpisodeRules, choose_pool
from ..episodic_dataset import EpisodicDataset, mask_loader
from .checked_pool import CheckedPool

_KEYS = {
    'training': 'train_dataloader',
    'validation': 'val_dataloader',
    'test': 'test_dataloader',
}
_NO_RULES = {
    'dataset', 'pools', 'support_pipeline', 'query_pipeline', 'manifest',
    'cache_dir', 'cache_images'}
_DEFAULTS = {
    name: parameter.default
    for name, parameter in signature(EpisodicDataset).parameters.items()
    if name not in _NO_RULES}


class StageSettings(NamedTuple):
    """What a config says of a stage.

    Attributes:
        rules (EpisodeRules): Of its episodes.
        dataset (dict): The config of the data set that it samples from.
        loader (LoadAnnotations): Reads the masks.
    """

    rules: EpisodeRules
    dataset: dict
    loader: LoadAnnotations


@dataclass(frozen=True, eq=False)
class Stage:
    """The episodes of one of the dataloaders, and their images.

    Attributes:
        name (str): 'training', 'validation' or 'test'.
        rules (EpisodeRules): Of its episodes.
        pool (CheckedPool): What it samples from.
    """

    name: str
    rules: EpisodeRules
    pool: CheckedPool

    def images_of(self, name: str) -> np.ndarray:
        """Indices of the images of which a class covers enough."""
        return self.pool.index.images_with(
            self.pool.classes.index(name), self.rules.min_area)


def stage_settings(cfg: Config) -> dict[str, StageSettings]:
    """Read the settings of every stage in a config.

    Args:
        cfg (Config): With some.

    Returns:
        dict[str, StageSettings]: By the stage's name.

    Raises:
        InputError: If a setting is missing or wrong.
    """
    return {
        name: _settings(key, cfg[key].dataset)
        for name, key in _KEYS.items()
        if (cfg.get(key) or {}).get('dataset')}


def _settings(key: str, given: dict) -> StageSettings:
    if 'support_pipeline' not in given:
        raise InputError(
            f'expected an EpisodicDataset as {key}.dataset, got '
            f"{given.get('type')}")
    settings = {
        name: given.get(name, default) for name, default in _DEFAULTS.items()}
    if settings['folds'] is None:
        # Nothing says which pixels are novel: they leak, which is a fault.
        settings['novel_pixels'] = 'background'
    try:
        return StageSettings(
            EpisodeRules.from_settings(**settings),
            choose_pool(*map(given.get, ('dataset', 'pools', 'pool'))),
            mask_loader(map(TRANSFORMS.build, given['support_pipeline'])))
    except InputError as error:
        raise InputError(f'{key}.dataset: {error}') from error
