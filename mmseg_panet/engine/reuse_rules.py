"""When an image's features may serve several episodes."""
from collections.abc import Sequence
from typing import Any

from torch.utils.data import Dataset

from ..datasets import EpisodicDataset
from ..datasets.cached_pipeline import FIXED_STEPS
from ..datasets.transforms import (
    BoxAnnotation,
    EpisodeLabels,
    LoadBoxes,
    LoadScribbles,
    PackEpisodeInputs,
    PadLabelsToSquare,
    PointAnnotation,
    ScribbleAnnotation,
)
from ..evaluation import FewShotIoUMetric
from ..models import FewShotSegmentor, PANetHead

SAME_IN_EVERY_EPISODE = (
    *FIXED_STEPS, EpisodeLabels, PadLabelsToSquare, PackEpisodeInputs)
SAME_FOR_A_CLASS = (
    BoxAnnotation, ScribbleAnnotation, PointAnnotation, LoadBoxes,
    LoadScribbles)
"""What is left of a mask depends on the image and the support's own class,
and with several ways on the others of the episode as well."""


def obstacle_to_reuse(model: Any, dataset: Dataset,
                      metrics: Sequence[Any]) -> str | None:
    """Why a test has to go episode by episode.

    Args:
        model (EncoderDecoder): Without what distributes it.
        dataset (Dataset): Of the test.
        metrics (Sequence[BaseMetric]): Of the test.

    Returns:
        str, optional: A clause that completes "because"; None where every
        image may be visited once.
    """
    if not isinstance(dataset, EpisodicDataset):
        return f'the data set is a {type(dataset).__name__}'
    head: Any = getattr(model, 'decode_head', None)
    if (getattr(type(model), 'predict', None) is not FewShotSegmentor.predict
            or getattr(type(head), 'predict_episodes', None)
            is not PANetHead.predict_episodes):
        return (f'{type(model).__name__} with {type(head).__name__} predicts '
                'in a way of its own')
    if [type(metric) for metric in metrics] != [FewShotIoUMetric]:
        return 'the evaluator holds more than one FewShotIoUMetric'
    if metrics[0].ignore_index != 255:
        return f'the metric ignores {metrics[0].ignore_index}, not 255'
    if model.test_cfg.get('mode', 'whole') == 'slide':
        return "test_cfg has mode='slide'"
    if head.prototypes.device.type == 'mps':
        return 'this device has no float64 for the sums'
    padding = model.data_preprocessor.test_cfg or {}
    if padding.get('size_divisor') and not padding.get('size'):
        return 'images are padded to the largest of their batch'
    return _random_step(dataset)


def depends_on_class(dataset: EpisodicDataset) -> bool:
    """Whether a support's labels differ with the class it is to show."""
    return any(
        type(step) in SAME_FOR_A_CLASS
        for step in dataset.support_pipeline.transforms)


def _random_step(dataset: EpisodicDataset) -> str | None:
    for name in ('support_pipeline', 'query_pipeline'):
        for step in getattr(dataset, name).transforms:
            kind = type(step)
            if kind in SAME_IN_EVERY_EPISODE:
                continue
            if kind not in SAME_FOR_A_CLASS or name == 'query_pipeline':
                return (f'{kind.__name__} of {name} may differ from episode '
                        'to episode')
            if dataset.header['num_ways'] > 1:
                return (f'{kind.__name__} of {name} depends on all classes '
                        'of an episode')
    return None
