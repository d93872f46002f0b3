"""Measurements that need a GPU."""
from statistics import median

import torch
from mmengine.optim import AmpOptimWrapper

from .case import Case, build_model, noise_batch
from .evaluation import our_evaluation
from .memory import peak_bytes
from .row import Row
from .timing import default_rounds, in_turn, medians, ratio_of, timed
from .training import backbone_alone, our_step, prepared


def measure(case: Case, device: torch.device) -> list[Row]:
    """Time training in each precision and evaluation in float32, as shipped.

    Training in bfloat16 is compared with the backbone alone.
    """
    batch, rounds = noise_batch(case), default_rounds(device)
    model = build_model(case, None, device)
    images, _ = prepared(model, batch)
    step, step_on_gpu = (
        our_step(model, some, AmpOptimWrapper, dtype='bfloat16')
        for some in (batch, model.data_preprocessor.cast_data(batch)))
    training = in_turn({
        'backbone': timed(
            backbone_alone(model, images, torch.bfloat16), device),
        'step': timed(step, device),
        'step, batch on the GPU': timed(step_on_gpu, device),
    }, rounds)
    rows = []
    for name, required in (('step', 90), ('step, batch on the GPU', None)):
        throughput = ratio_of(training['backbone'], training[name])
        rows.append(Row(
            'bf16 training throughput', str(case), f'{name} / backbone alone',
            *(100 * part for part in throughput), rounds, unit='%',
            at_least=required, seconds=medians(training)))
    rows.append(_pace('training, bf16', case, training['step'], step, device))
    for name, other in (
            ('fp16', our_step(model, batch, AmpOptimWrapper,
                              dtype='float16', loss_scale='dynamic')),
            ('float32', our_step(model, batch))):
        seconds = in_turn({name: timed(other, device)}, rounds)[name]
        rows.append(_pace(f'training, {name}', case, seconds, other, device))
    evaluate = our_evaluation(
        build_model(case, None, device).eval(), batch)
    seconds = in_turn({'evaluation': timed(evaluate, device)}, rounds)
    rows.append(_pace(
        'evaluation, float32', case, seconds['evaluation'], evaluate, device))
    return rows


def _pace(name: str, case: Case, seconds: list[float], call: object,
          device: torch.device) -> Row:
    """Report the episodes per second and the peak of memory."""
    return Row(
        f'pace of {name}', str(case), '', case.batch / median(seconds),
        case.batch / max(seconds), case.batch / min(seconds), len(seconds),
        unit=' episodes/s', seconds={'batch': median(seconds)},
        remark=f'peak memory {peak_bytes(call, device) / 1e9:.2f} GB')
