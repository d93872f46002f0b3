"""Transforms of the images and masks of an episode."""
from .box_annotation import BoxAnnotation, LoadBoxes
from .episode_labels import EpisodeLabels, PadLabelsToSquare
from .pack_episode_inputs import PackEpisodeInputs
from .point_annotation import PointAnnotation
from .scribble_annotation import LoadScribbles, ScribbleAnnotation

__all__ = [
    'BoxAnnotation', 'EpisodeLabels', 'LoadBoxes', 'LoadScribbles',
    'PackEpisodeInputs', 'PadLabelsToSquare', 'PointAnnotation',
    'ScribbleAnnotation']
