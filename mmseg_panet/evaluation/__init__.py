"""The evaluation of few-shot segmentation."""
from .episode_table import EpisodeTable
from .few_shot_iou_metric import FewShotIoUMetric
from .generalized_iou_metric import GeneralizedIoUMetric
from .iou import EpisodeCounts, count_pixels
from .scores import summarise

__all__ = [
    'EpisodeCounts', 'EpisodeTable', 'FewShotIoUMetric',
    'GeneralizedIoUMetric', 'count_pixels', 'summarise']
