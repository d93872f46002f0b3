"""When an image's features may serve several episodes."""
from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from torch.utils.data import Dataset

from ..datasets import EpisodicDataset
from ..datasets.cached_pipeline import FIXED_FOR_A_CLASS, FIXED_STEPS
from ..evaluation import FewShotIoUMetric
from ..models import FewShotSegmentor, PANetHead
from ..visualization import EpisodeVisualizationHook

_OF_ITERATIONS = (
    'before_test_iter', 'after_test_iter', '_before_iter', '_after_iter')


def obstacle_to_reuse(model: Any, dataset: Dataset, metrics: Sequence[Any],
                      hooks: Sequence[Hook]) -> str | None:
    """Why a test has to go episode by episode.

    Args:
        model (EncoderDecoder): Without what distributes it.
        dataset (Dataset): Of the test.
        metrics (Sequence[BaseMetric]): Of the test.
        hooks (Sequence[Hook]): Of the runner.

    Returns:
        str, optional: A clause that completes "because"; None where every
        image may be visited once.
    """
    # By exact type: a subclass may compute something else.
    if type(dataset) is not EpisodicDataset:
        return f'the data set is a {type(dataset).__name__}'
    head: Any = getattr(model, 'decode_head', None)
    if type(model) is not FewShotSegmentor or type(head) is not PANetHead:
        return (f'{type(model).__name__} with {type(head).__name__} may '
                'predict in a way of its own')
    kinds = [type(metric).__name__ for metric in metrics]
    if [type(metric) for metric in metrics] != [FewShotIoUMetric]:
        return f'the evaluator holds {kinds}, not one FewShotIoUMetric'
    if (metrics[0].ignore_index, head.ignore_index) != (255, 255):
        return 'metric or head has an ignore_index other than 255'
    if model.test_cfg.get('mode', 'whole') == 'slide':
        return "test_cfg has mode='slide'"
    if model.data_preprocessor.device.type == 'mps':
        return 'this device has no float64 for the sums'
    if dataset.ignored_ids:
        return "novel_pixels='ignore' differs from episode to episode"
    for hook in hooks:
        if _wants_episodes(hook):
            return f'{type(hook).__name__} is to see every episode'
    return _step_of_an_episode(dataset)


def depends_on_class(dataset: EpisodicDataset) -> bool:
    """Whether a support's labels differ with the class it is to show."""
    return any(
        type(step) in FIXED_FOR_A_CLASS
        for step in dataset.support_pipeline.transforms)


def _wants_episodes(hook: Hook) -> bool:
    kind = type(hook)
    if kind is EpisodeVisualizationHook or kind.__module__.startswith(
            'mmengine.'):
        return False
    # mmseg's hook draws only where it is told to.
    return getattr(hook, 'draw', True) and any(
        getattr(kind, name) is not getattr(Hook, name)
        for name in _OF_ITERATIONS)


def _step_of_an_episode(dataset: EpisodicDataset) -> str | None:
    for name in ('support_pipeline', 'query_pipeline'):
        for step in getattr(dataset, name).transforms:
            kind = type(step)
            if kind in FIXED_STEPS:
                continue
            if kind not in FIXED_FOR_A_CLASS or name == 'query_pipeline':
                return (f'{kind.__name__} of {name} may differ from episode '
                        'to episode')
            if dataset.header['num_ways'] > 1:
                return (f'{kind.__name__} of {name} depends on all classes '
                        'of an episode')
    return None
