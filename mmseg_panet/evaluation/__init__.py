"""Few-shot evaluation."""
from .bootstrap import bootstrap_interval, paired_interval, permutation_p
from .episode_table import EpisodeTable
from .few_shot_iou_metric import FewShotIoUMetric
from .iou import EpisodeCounts, count_pixels
from .scores import summarise

__all__ = [
    'EpisodeCounts',
    'EpisodeTable',
    'FewShotIoUMetric',
    'bootstrap_interval',
    'count_pixels',
    'paired_interval',
    'permutation_p',
    'summarise',
]
