"""Whether the features of an image can be reused in several episodes."""
from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook

from ..datasets import EpisodicDataset
from ..datasets.transforms.dependence import dependence
from ..evaluation import FewShotIoUMetric
from ..models import FewShotHead, FewShotSegmentor
from ..models.few_shot_head import BYPASSED
from ..overrides import difference, overridden
from ..visualization import EpisodeVisualizationHook

_HOOK_METHODS = (
    'before_test_iter', 'after_test_iter', '_before_iter', '_after_iter')
_DATASET_METHODS = (
    '__getitem__', '__getitems__', '__len__', 'episode', 'labelled_image',
    '_labels_of', '_support', '_load')
_MODEL_METHODS = (
    'predict', 'label_maps', 'postprocess_result', 'inference',
    'whole_inference')
_METRIC_METHODS = ('process', 'compute_metrics')
"""Methods that a test by images bypasses, or whose results it relies on.

A part that overrides one of them is tested episode by episode.
"""


def obstacle_to_reuse(model: Any, dataset: Any, metrics: Sequence[Any],
                      hooks: Sequence[Hook]) -> str | None:
    """Find the reason why a test has to run episode by episode.

    Args:
        model (EncoderDecoder): The model, without a wrapper.
        dataset (Dataset): Data set of the test.
        metrics (Sequence[BaseMetric]): Metrics of the test.
        hooks (Sequence[Hook]): Hooks of the runner.

    Returns:
        str, optional: A clause that completes "because", or None if the
        features of every image can be reused.
    """
    other = difference(dataset, EpisodicDataset, _DATASET_METHODS)
    if other:
        return f'the data set is a {other}'
    others = [
        difference(metric, FewShotIoUMetric, _METRIC_METHODS)
        for metric in metrics]
    if others != ['']:
        kinds = [other or 'FewShotIoUMetric' for other in others]
        return f'the evaluator has {kinds}, not one FewShotIoUMetric'
    if dataset.ignored_ids:
        return "novel_pixels='ignore' differs from episode to episode"
    for hook in hooks:
        if _wants_episodes(hook):
            return f'the hook {type(hook).__name__} needs every episode'
    return _obstacle_in_model(
        model, metrics[0].ignore_index) or _step_of_an_episode(dataset)


def _obstacle_in_model(model: Any, ignore_index: int) -> str | None:
    head: Any = getattr(model, 'decode_head', None)
    other = difference(
        model, FewShotSegmentor, _MODEL_METHODS) or difference(
            head, FewShotHead, BYPASSED)
    if other:
        return f'the model is a {other}, or has one'
    if 'cells' in head.classifier.needs:
        return (f'{type(head.classifier).__name__} reads the cells of the '
                'supports')
    if (ignore_index, head.ignore_index) != (255, 255):
        return 'the metric or the head has an ignore_index other than 255'
    if model.test_cfg.get('mode', 'whole') == 'slide':
        return "test_cfg has mode='slide'"
    if model.data_preprocessor.device.type == 'mps':
        return 'the sums need float64, which this device does not support'
    return None


def depends_on_class(dataset: EpisodicDataset) -> bool:
    """Return whether the labels of a support depend on its class."""
    return any(
        dependence(step) == 'class'
        for step in dataset.support_pipeline.transforms)


def _wants_episodes(hook: Hook) -> bool:
    kind = type(hook)
    if kind is EpisodeVisualizationHook or kind.__module__.startswith(
            'mmengine.'):
        return False
    # mmseg's SegVisualizationHook does nothing unless draw is True.
    return getattr(hook, 'draw', True) and bool(
        overridden(hook, Hook, _HOOK_METHODS))


def _step_of_an_episode(dataset: EpisodicDataset) -> str | None:
    for name in ('support_pipeline', 'query_pipeline'):
        for step in getattr(dataset, name).transforms:
            needs, what = dependence(step), f'{type(step).__name__} of {name}'
            if needs == 'class' and name == 'support_pipeline':
                if dataset.rules.num_ways > 1:
                    return f'{what} depends on all classes of an episode'
            elif needs not in ('image', 'episode'):
                return f'{what} may differ from episode to episode'
    return None
