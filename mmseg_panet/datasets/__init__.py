"""The data: folds, class index, episodes, transforms and data sets."""
from . import transforms
from .class_index import ClassIndex, load_class_index
from .collate import episode_collate
from .drawn_episodes import DrawnEpisodes
from .episodes import Episode, draw_episode
from .episodic_dataset import EpisodicDataset
from .folds import FOLDS, split_classes
from .image_pool import ImagePool
from .msrc import MSRCDataset
from .toy import TOY_CLASSES, ToyDataset, make_toy_dataset

__all__ = [
    'FOLDS',
    'TOY_CLASSES',
    'ClassIndex',
    'DrawnEpisodes',
    'Episode',
    'EpisodicDataset',
    'ImagePool',
    'MSRCDataset',
    'ToyDataset',
    'draw_episode',
    'episode_collate',
    'load_class_index',
    'make_toy_dataset',
    'split_classes',
    'transforms',
]
