"""Transforms of the images and masks of an episode."""
from .box_annotation import BoxAnnotation, LoadBoxes
from .episode_labels import EpisodeLabels, PadLabelsToSquare
from .oriented_image import LoadOrientedImage
from .pack_episode_inputs import PackEpisodeInputs
from .point_annotation import PointAnnotation
from .scribble_annotation import LoadScribbles, ScribbleAnnotation
from .wide_annotations import LoadWideAnnotations

__all__ = [
    'BoxAnnotation', 'EpisodeLabels', 'LoadBoxes', 'LoadOrientedImage',
    'LoadScribbles', 'LoadWideAnnotations', 'PackEpisodeInputs',
    'PadLabelsToSquare', 'PointAnnotation', 'ScribbleAnnotation']
