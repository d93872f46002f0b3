"""Transforms of the images and masks of an episode."""
from .episode_labels import EpisodeLabels
from .pack_episode_inputs import PackEpisodeInputs

__all__ = ['EpisodeLabels', 'PackEpisodeInputs']
