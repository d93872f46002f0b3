"""Few-shot evaluation."""
from .few_shot_iou_metric import FewShotIoUMetric
from .iou import EpisodeCounts, count_pixels, summarise, summarise_run

__all__ = [
    'EpisodeCounts',
    'FewShotIoUMetric',
    'count_pixels',
    'summarise',
    'summarise_run',
]
