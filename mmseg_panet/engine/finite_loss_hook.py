"""A stop of the training at the first loss that is not finite."""
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import RunError
from ..models.finite_weights import is_finite, is_finite_or_mask

_LEAST_SCALE = 1e-4
"""Loss scale below which mixed precision has failed, as in fairseq."""
_NUM_SHOWN = 8
"""Most episodes, and most images of an episode, that the message names."""


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """A hook that stops a training that has diverged.

    It checks the loss, the norm of the gradient if it is clipped, and the
    weights after each iteration, before they are validated or saved. The
    checkpoints therefore have finite weights, and the last of them is not
    replaced. All processes stop if one of them diverges.

    With a loss scale, a gradient that is not finite is no error: the step is
    skipped and the scale lowered. The training stops if the scale has
    become useless.

    The losses are those that mmengine has read for its log. Of the weights,
    a few kernels compute one number, for which the process waits until the
    device has finished the iteration. Several processes exchange one number.

    Raises:
        RunError: If the training has diverged. The message has the
            iteration, the learning rate, the episodes and the last
            checkpoint. Only the main process raises it; the others exit with
            code 1.
    """

    # It runs before the hooks that change the learning rate, average the
    # weights and save checkpoints.
    priority = 'ABOVE_NORMAL'

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: Any = None,
                         outputs: Mapping[str, Any] | None = None) -> None:
        """Check the iteration."""
        found = next(_not_finite(runner, outputs or {}), None)
        failed = torch.tensor(float(found is not None))
        dist.all_reduce(failed, 'max')
        if failed:
            own = found and (found, describe_episodes(data_batch))
            _stop(runner, [one for one in dist.all_gather_object(own) if one])


def _not_finite(runner: Runner, outputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield descriptions of the values that are not finite."""
    # mmengine has read them from the device, unless its hook was removed.
    logged = runner.message_hub.log_scalars
    losses = {
        name: logged[f'train/{name}'].current() if f'train/{name}' in logged
        else torch.as_tensor(value).item()
        for name, value in outputs.items() if 'loss' in name}
    if not all(map(math.isfinite, losses.values())):
        yield ', '.join(f'{name} {value:g}' for name, value in losses.items())
    optimizers = runner.optim_wrapper
    scales = [
        one.loss_scaler.get_scale() for one in (
            optimizers.values() if isinstance(optimizers, OptimWrapperDict)
            else [optimizers]) if hasattr(one, 'loss_scaler')]
    if any(scale < _LEAST_SCALE for scale in scales):
        yield (f'a loss scale of {min(scales):g}, with which the gradients '
               'still overflow')
    norms = logged.get('train/grad_norm')
    if norms and not scales and not math.isfinite(norms.current()):
        yield f'a gradient with norm {norms.current():g}'
    name = _diverged_weight(runner.model)
    if name is not None:
        yield f'an infinite or undefined weight in {name}'


def _diverged_weight(model: nn.Module) -> str | None:
    """Find what the training has made infinite or undefined.

    These are the weights that are trained, and the statistics of batches.
    The other buffers that are saved may be masks.
    """
    weights = {name: one.detach() for name, one in model.named_parameters()
               if one.requires_grad}
    buffers = dict(_saved_buffers(model))
    weights.update(buffers)
    if not weights:
        return None
    # A few kernels for all of them, and one result that is read.
    norms = torch._foreach_norm(list(weights.values()))
    finite = torch.stack([
        one.to(norms[0].device, torch.float32) for one in norms]).isfinite()
    if finite.all():
        return None
    # The norm of many finite numbers may overflow.
    return next((
        name for (name, one), has_finite_norm in zip(
            weights.items(), finite.tolist(), strict=True)
        if not has_finite_norm and not (
            is_finite_or_mask if name in buffers else is_finite)(one)), None)


def _saved_buffers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the buffers of floating-point numbers that are saved."""
    for place, module in model.named_modules():
        for name, one in module.named_buffers(recurse=False):
            if one.is_floating_point() and (
                    name not in module._non_persistent_buffers_set):
                yield f'{place}.{name}'.lstrip('.'), one


def describe_episodes(batch: Any) -> list[str]:
    """Describe the episodes of a batch of a data loader.

    Args:
        batch (Any): Batch of ``episode_collate`` with ``data_samples``.

    Returns:
        list[str]: The index, the classes and the images of each episode, or
        the images only if they are of no episode.
    """
    samples = batch.get('data_samples') if isinstance(batch, dict) else None
    episodes: dict[Any, list[SegDataSample]] = {}
    for one in samples or ():
        key = one.get('run'), one.get('episode')
        episodes.setdefault(key, []).append(one)
    return [_describe(*one) for one in episodes.items()]


def _describe(key: tuple, samples: Sequence[SegDataSample]) -> str:
    paths = [str(one.get('img_path')) for one in samples]
    # The quotes of repr escape what a terminal would interpret.
    names = _shorten([repr(Path(path).name) for path in paths])
    if key[1] is None:
        return f'images {names}'
    classes = ', '.join(map(repr, samples[0].get('class_names') or ()))
    return f'episode {key[1]} (classes {classes}; images {names})'


def _shorten(texts: Sequence[str]) -> str:
    left = len(texts) - _NUM_SHOWN
    return ', '.join(texts[:_NUM_SHOWN]) + f' and {left} more' * (left > 0)


def _stop(runner: Runner, found: Sequence[tuple[str, list[str]]]) -> None:
    rates = {rate for group in runner.optim_wrapper.get_lr().values()
             for rate in (group if isinstance(group, list) else [group])}
    episodes = _shorten([one for _, of_one in found for one in of_one])
    last = runner.message_hub.runtime_info.get('last_ckpt')
    kept = (
        f'the last checkpoint is {last}: set load_from to it and' if last
        else 'there is no checkpoint yet:')
    sentence = (
        f'expected finite numbers in iteration {runner.iter + 1}, with a '
        f"learning rate of {', '.join(f'{rate:g}' for rate in sorted(rates))} "
        f"on {episodes or 'this batch'}, got {found[0][0]}; {kept} lower "
        'optim_wrapper.optimizer.lr, set optim_wrapper.clip_grad, or train '
        'in float32 or bfloat16 if it was float16')
    print_log(sentence, logger='current', level=logging.ERROR)
    # The launcher ends all processes as soon as one of them has ended.
    dist.barrier()
    if not dist.is_main_process():
        raise SystemExit(1)
    raise RunError(sentence)
