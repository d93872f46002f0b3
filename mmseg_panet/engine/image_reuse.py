"""When an image's features may serve several episodes."""
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

_OF_ITERATIONS = (
    'before_test_iter', 'after_test_iter', '_before_iter', '_after_iter')
_OF_DATASET = (
    '__getitem__', '__getitems__', '__len__', 'episode', 'labelled_image',
    '_labels_of', '_support', '_load')
_OF_MODEL = (
    'predict', 'label_maps', 'postprocess_result', 'inference',
    'whole_inference')
_OF_METRIC = ('process', 'compute_metrics')


def obstacle_to_reuse(model: Any, dataset: Any, metrics: Sequence[Any],
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
    other = difference(dataset, EpisodicDataset, _OF_DATASET)
    if other:
        return f'the data set is a {other}'
    others = [
        difference(metric, FewShotIoUMetric, _OF_METRIC)
        for metric in metrics]
    if others != ['']:
        kinds = [other or 'FewShotIoUMetric' for other in others]
        return f'the evaluator holds {kinds}, not one FewShotIoUMetric'
    if dataset.ignored_ids:
        return "novel_pixels='ignore' differs from episode to episode"
    for hook in hooks:
        if _wants_episodes(hook):
            return f'the hook {type(hook).__name__} needs every episode'
    return _obstacle_in_model(
        model, metrics[0].ignore_index) or _step_of_an_episode(dataset)


def _obstacle_in_model(model: Any, ignore_index: int) -> str | None:
    head: Any = getattr(model, 'decode_head', None)
    other = difference(model, FewShotSegmentor, _OF_MODEL) or difference(
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
        return 'the sums need float64, which this device does not have'
    return None


def depends_on_class(dataset: EpisodicDataset) -> bool:
    """Whether a support's labels differ with the class it is to show."""
    return any(
        dependence(step) == 'class'
        for step in dataset.support_pipeline.transforms)


def _wants_episodes(hook: Hook) -> bool:
    kind = type(hook)
    if kind is EpisodeVisualizationHook or kind.__module__.startswith(
            'mmengine.'):
        return False
    # mmseg's hook plots only where its setting says so.
    return getattr(hook, 'draw', True) and bool(
        overridden(hook, Hook, _OF_ITERATIONS))


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
