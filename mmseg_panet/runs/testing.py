"""The few-shot test of a config."""
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from ..config.build_errors import run_errors
from ..config.settings import episodes_of_test, remove_hooks
from ..config.support_annotation import support_annotation
from ..datasets import GeneralizedDataset
from ..datasets.episode_rules import EpisodeRules
from ..errors import InputError
from ..evaluation.few_shot_iou_metric import complete_result
from ..evaluation.prediction_lists import (
    check_prediction_folder,
    clear_predictions,
)
from ..files import write_lines
from ..locks import folder_lock
from ..models import FewShotHead
from ..models.checkpoint_file import read_weights
from ..models.model_wrapper import unwrap_model
from ..models.safe_loading import safe_loading
from ..registry import type_name, with_type_names
from ..shared_errors import shared_errors
from ..version import versions
from ..wording import counted
from ..write_errors import write_context
from .checkpoint import (
    check_checkpoint,
    check_trained_classes,
    sha256,
    start_from,
)
from .model_check import check_method, check_segmentor


def test(cfg: Config, checkpoint: str | None,
         trust_checkpoint: bool = False) -> dict:
    """Score a model on the episodes of ``cfg.test_dataloader``.

    Args:
        cfg (Config): Config with a ``work_dir``.
        checkpoint (str, optional): Path of a checkpoint of the complete model
            or of its backbone only. (A PANet without a neck has no other
            weights.) The file is of mmengine or torch, or a .safetensors
            file. None scores the model before training, with the pretrained
            weights of its backbone.
        trust_checkpoint (bool): Whether the checkpoints that are loaded may
            execute code, see :func:`safe_loading`. Defaults to False.

    Returns:
        dict: Result, as ``mmseg-panet test --out`` writes it: ``mIoU``,
        ``FB-IoU``, ``per_class`` and ``std`` in percent, and the episodes,
        the settings, the checkpoint and the versions that they depend on.

    Raises:
        InputError: If the checkpoint is of another model than the config's,
            contains code or has weights that are not finite, if the model
            cannot be built or cannot predict episodes, if the folder for the
            predictions has a ``classes.txt`` of other masks, or if another
            run writes to it or to the folder for the plots.
    """
    episodes_of_test(cfg)
    predictions = few_shot_metric(cfg).get('output_dir')
    if predictions:
        check_prediction_folder(predictions)
    plots = cfg.get('default_hooks', {}).get('visualization') or {}
    with ExitStack() as stack:
        for folder in filter(None, (predictions, plots.get('out_dir'))):
            stack.enter_context(folder_lock(folder, collective=True))
        stack.enter_context(write_context(cfg.work_dir))
        stack.enter_context(safe_loading(trust_checkpoint))
        return _test(cfg, checkpoint, predictions)


def _test(cfg: Config, checkpoint: str | None,
          predictions: str | None) -> dict:
    digest = checkpoint and sha256(checkpoint)
    cfg.load_from, cfg.resume = None, False
    remove_hooks(cfg)
    trained = False
    if checkpoint is not None:
        weights = read_weights(checkpoint)
        trained = not start_from(cfg, checkpoint, weights)
    with run_errors(cfg):
        runner = Runner.from_cfg(cfg)
        check_segmentor(unwrap_model(runner.model))
        check_method(unwrap_model(runner.model))
        if checkpoint is not None:
            check_checkpoint(runner.model, checkpoint, weights)
        if not trained:
            unwrap_model(runner.model).init_weights()
        if predictions:
            # No process writes a prediction before the end of the context.
            with shared_errors():
                if is_main_process():
                    clear_predictions(predictions)
        if trained and type_name(episodes_of_test(cfg)) == (
                GeneralizedDataset.__name__):
            tested: Any = runner.test_loop.dataloader.dataset
            check_trained_classes(
                str(checkpoint), tested.base_names, tested.class_names)
        scores = runner.test()  # It builds the data loader and the metric.
    metrics = complete_result(scores, runner.test_evaluator)
    dataset = runner.test_dataloader.dataset
    setting = episodes_of_test(cfg)
    return {
        **metrics,
        **dataset.header,
        'support_annotation': support_annotation(cfg),
        'support_pipeline': setting.support_pipeline,
        'query_pipeline': setting.query_pipeline,
        'count_absent': few_shot_metric(cfg).get('count_absent', True),
        **_classifier(unwrap_model(runner.model), dataset.rules),
        'test_cfg': cfg.model.get('test_cfg'),
        'checkpoint_sha256': digest,
        'manifest_sha256': dataset.manifest_sha256(),
        'versions': versions(),
    }


def few_shot_metric(cfg: Config) -> dict:
    """Return the metric of the test of a config, as a dict.

    Raises:
        InputError: If the config has no such metric.
    """
    evaluator = cfg.get('test_evaluator') or ()
    for metric in [evaluator] if isinstance(evaluator, dict) else evaluator:
        if type_name(metric) in ('FewShotIoUMetric', 'GeneralizedIoUMetric'):
            return metric
    raise InputError(
        "expected a dict(type='FewShotIoUMetric') as test_evaluator of "
        f'{cfg.filename}, got {evaluator}')


def format_scores(result: dict) -> str:
    """Format the classifier and the scores of a model in one or two lines.

    Args:
        result (dict): Result of :func:`test`.
    """
    low, high = result['interval']
    score = f"mIoU {result['mIoU']:.2f}"
    if len(result['runs']) > 1:
        score += f" +- {result['std']:.2f} over {len(result['runs'])} runs"
    score += (f', 95% interval {low:.2f} to {high:.2f}; '
              f"FB-IoU {result['FB-IoU']:.2f}")
    if 'harmonic_mean' in result:
        score = ', '.join(
            f"{name} {result[key]:.2f} +- {result[f'{key}_std']:.2f}"
            for name, key in (
                ('base mIoU', 'base_mIoU'), ('novel mIoU', 'novel_mIoU'),
                ('harmonic mean', 'harmonic_mean')))
        score += f" over {counted(len(result['runs']), 'run')}"
    # The head of another project may have no classifier.
    method = result['method']
    return f'classified by {method}\n{score}' if method else score


def write_result(result: dict, path: str | Path) -> None:
    """Write a result atomically as JSON, in the main process.

    Args:
        result (dict): Result of :func:`test`. The IoU of a class that was
            never sampled becomes null.
        path (str | Path): Path of the file, in an existing folder, see
            :func:`mmseg_panet.files.prepare_output`.
    """
    if is_main_process():
        known = json.loads(
            json.dumps(with_type_names(result), default=str),
            parse_constant=lambda _: None)
        write_lines(Path(path), [json.dumps(known, indent=2)])


def _classifier(model: Any, rules: EpisodeRules) -> dict[str, Any]:
    """Describe the classifier of a model for the episodes of a test.

    Both values are None if the head of the model is not a
    :class:`FewShotHead`.
    """
    head = getattr(model, 'decode_head', None)
    if not isinstance(head, FewShotHead):
        return dict(classifier=None, method=None)
    alone = getattr(model, 'shot_fusion', 'mean_prototypes') != (
        'mean_prototypes')
    shots = 1 if alone else rules.num_shots
    return dict(
        classifier=head.classifier.settings(),
        method=head.classifier.describe([shots] * rules.num_ways))
