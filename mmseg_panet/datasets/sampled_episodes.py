"""The episodes of an evaluation or a training, drawn as they are asked for."""
from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from .image_pool import ImagePool
from .sampling import SAMPLINGS, Episode, sample_episode


class SampledEpisodes(Sequence[Episode]):
    """``num_runs`` times ``num_episodes`` episodes, none of them kept.

    Args:
        images (ImagePool): What is drawn from.
        rules (dict): The drawing's settings, as a manifest's header has
            them: ``class_ids``, ``classes``, ``num_ways``, ``num_shots``,
            ``num_queries``, ``num_episodes``, ``seeds`` (one a run),
            ``sampling``, ``repeat_supports``, ``min_area`` and ``fold``.
        dropped (np.ndarray): Indices of images that are not to be drawn.

    Raises:
        InputError: If a rule is out of its range, or a class has too few
            images.
    """

    def __init__(self, images: ImagePool, rules: dict,
                 dropped: np.ndarray) -> None:
        _check_rules(rules)
        self.rules = rules
        self._images_of, self._shown_in = (
            {
                class_id: np.setdiff1d(
                    images.index.images_with(class_id, area), dropped)
                for class_id in rules['class_ids']
            } for area in (rules['min_area'], 1))
        _check_images(self._images_of, rules)

    def __len__(self) -> int:
        return len(self.rules['seeds']) * self.rules['num_episodes']

    def __getitem__(self, index: int) -> Episode:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(f'episode {index} of {len(self)}')
        rules = self.rules
        run, i = divmod(index, rules['num_episodes'])
        return sample_episode(
            self._images_of, rules['seeds'][run], i, rules['num_ways'],
            rules['num_shots'], rules['num_queries'], rules['sampling'],
            rules['repeat_supports'], self._shown_in)


def _check_rules(rules: dict) -> None:
    for name in ('num_episodes', 'num_ways', 'num_shots', 'num_queries'):
        value = rules[name]
        if type(value) is not int or value < 1:
            raise InputError(f'expected {name} of 1 or more, got {value!r}')
    area = rules['min_area']
    if not isinstance(area, (int, float)) or not area > 0:
        raise InputError(
            'expected min_area above 0, in pixels or as a share, got '
            f'{area!r}')
    if rules['sampling'] not in SAMPLINGS:
        raise InputError(
            f"sampling must be one of {SAMPLINGS}, got {rules['sampling']!r}")
    if type(rules['repeat_supports']) is not bool:
        raise InputError(
            'expected repeat_supports of True or False, got '
            f"{rules['repeat_supports']!r}")
    if len(rules['classes']) < rules['num_ways']:
        raise InputError(
            f"num_ways={rules['num_ways']} needs as many classes, got the "
            f"{len(rules['classes'])} {rules['classes']}")


def _check_images(images_of: dict[int, np.ndarray], rules: dict) -> None:
    supports = 1 if rules['repeat_supports'] else rules['num_shots']
    needed = supports + rules['num_queries']
    for name, images in zip(rules['classes'], images_of.values(), strict=True):
        if len(images) >= needed:
            continue
        fold, area = rules['fold'], rules['min_area']
        of_fold = '' if fold is None else f' of fold {fold}'
        least = (
            f'{area:g} pixels' if area >= 1 else f'{area:.1%} of the image')
        raise InputError(
            f"class '{name}'{of_fold} has {len(images)} images with at least "
            f"{least}, but num_shots={rules['num_shots']} and "
            f"num_queries={rules['num_queries']} need {needed}; lower "
            'min_area, num_shots or num_queries')
