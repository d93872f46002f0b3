"""Transforms of the images and masks of an episode."""
from .box_annotation import BoxAnnotation
from .episode_labels import EpisodeLabels, PadLabelsToSquare
from .load_boxes import LoadBoxes
from .load_scribbles import LoadScribbles
from .pack_episode_inputs import PackEpisodeInputs
from .point_annotation import PointAnnotation
from .scribble_annotation import ScribbleAnnotation

__all__ = [
    'BoxAnnotation', 'EpisodeLabels', 'LoadBoxes', 'LoadScribbles',
    'PackEpisodeInputs', 'PadLabelsToSquare', 'PointAnnotation',
    'ScribbleAnnotation'
]
