"""The evaluation of few-shot segmentation."""
from .episode_table import EpisodeTable
from .few_shot_iou_metric import FewShotIoUMetric
from .iou import EpisodeCounts, count_pixels
from .scores import summarise

__all__ = [
    'EpisodeCounts', 'EpisodeTable', 'FewShotIoUMetric', 'count_pixels',
    'summarise']
