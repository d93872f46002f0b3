"""The episodes of an evaluation or a training, sampled when asked for."""
from collections.abc import Sequence

from ..errors import InputError
from .episode_rules import EpisodeRules
from .image_pool import ImagePool
from .sampling import Episode, sample_episode


class SampledEpisodes(Sequence[Episode]):
    """``num_runs`` times ``num_episodes`` episodes, none of them kept.

    Args:
        images (ImagePool): What the episodes are sampled from.
        rules (EpisodeRules): With what they record of the images, see
            :meth:`EpisodeRules.for_images`.

    Raises:
        InputError: If a class has too few images.
    """

    def __init__(self, images: ImagePool, rules: EpisodeRules) -> None:
        self.rules = rules
        self._images_of, self._shown_in = (
            dict(zip(rules.class_ids, rules.images_of(
                images.classes, images.index, area).values(), strict=True))
            for area in (rules.min_area, 1))
        for name, found in zip(
                rules.classes, self._images_of.values(), strict=True):
            if len(found) < rules.images_needed:
                of_fold = '' if rules.fold is None else (
                    f' of fold {rules.fold}')
                raise InputError(
                    f"class '{name}'{of_fold} has {len(found)} images with "
                    f'at least {rules.least_area}, but {rules.needs}; lower '
                    'min_area, num_shots or num_queries')

    def __len__(self) -> int:
        return self.rules.num_runs * self.rules.num_episodes

    def __getitem__(self, index: int) -> Episode:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(f'episode {index} of {len(self)}')
        rules = self.rules
        run, i = divmod(index, rules.num_episodes)
        return sample_episode(
            self._images_of, rules.seeds[run], i, rules.num_ways,
            rules.num_shots, rules.num_queries, rules.sampling,
            rules.repeat_supports, self._shown_in)
