"""Pictures of episodes."""
from .episode_visualization_hook import EpisodeVisualizationHook
from .few_shot_visualizer import FewShotVisualizer
from .strip import draw_strip, overlay, way_colour

__all__ = [
    'EpisodeVisualizationHook',
    'FewShotVisualizer',
    'draw_strip',
    'overlay',
    'way_colour',
]
