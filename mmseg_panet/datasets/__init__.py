"""Data sets, class folds, class indices, episodes and transforms."""
from . import transforms
from .benchmarks.coco import COCO_CLASSES, COCO20iDataset
from .benchmarks.fss import FSSDataset, LoadFSSAnnotations
from .benchmarks.lvis import LVIS92iDataset
from .benchmarks.msrc import MSRCDataset
from .class_index import ClassIndex, load_class_index
from .closed_set_dataset import ClosedSetDataset
from .collate import episode_collate
from .episodic_dataset import EpisodicDataset
from .folder import FolderDataset
from .folds import FOLDS, split_classes
from .generalized_dataset import GeneralizedDataset
from .image_pool import ImagePool
from .sampling import Episode, SampledEpisodes, sample_episode
from .toy.toy_dataset import TOY_CLASSES, ToyDataset, make_toy_dataset

__all__ = [
    'COCO_CLASSES', 'FOLDS', 'TOY_CLASSES', 'COCO20iDataset', 'ClassIndex',
    'ClosedSetDataset', 'Episode', 'EpisodicDataset', 'FSSDataset',
    'FolderDataset', 'GeneralizedDataset', 'ImagePool',
    'LVIS92iDataset', 'LoadFSSAnnotations', 'MSRCDataset',
    'SampledEpisodes', 'ToyDataset',
    'episode_collate', 'load_class_index', 'make_toy_dataset',
    'sample_episode', 'split_classes', 'transforms']
