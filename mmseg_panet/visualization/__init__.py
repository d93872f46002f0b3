"""Pictures of episodes."""
from .episode_visualization_hook import EpisodeVisualizationHook
from .few_shot_visualizer import FewShotVisualizer
from .strip import overlay, plot_strip, way_colour

__all__ = [
    'EpisodeVisualizationHook', 'FewShotVisualizer', 'plot_strip', 'overlay',
    'way_colour']
