"""Pictures of episodes and of segmented images."""
from ..annotations.class_colours import class_colours, class_palette
from .episode_visualization_hook import EpisodeVisualizationHook
from .few_shot_visualizer import FewShotVisualizer
from .overlay import overlay
from .strip import plot_strip
from .way_colours import way_colour

__all__ = [
    'EpisodeVisualizationHook', 'FewShotVisualizer', 'class_colours',
    'class_palette', 'overlay', 'plot_strip', 'way_colour']
