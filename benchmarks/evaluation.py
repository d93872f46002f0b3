"""The evaluation of a batch of episodes: ours and the peer's."""
import torch
from mmengine.evaluator import Evaluator
from torch import nn

from . import peer
from .case import Case, build_model, noise_batch
from .row import Row
from .timing import default_rounds, in_turn, medians, ratio_of, timed
from .training import Call, prepared


def our_evaluation(model: nn.Module, batch: dict) -> Call:
    """Run mmengine's ``test_step`` and the metric, as its test loop does."""
    evaluator = Evaluator(dict(type='FewShotIoUMetric'))

    @torch.no_grad()
    def evaluate() -> None:
        outputs = model.test_step(batch)
        evaluator.process(data_samples=outputs, data_batch=batch)

    return evaluate


def measure(case: Case, device: torch.device, at_least: float | None = None,
            limit: float | None = None) -> list[Row]:
    """Time the peer in contiguous format, and ours as shipped."""
    batch = noise_batch(case)
    model = build_model(case, False, device).eval()
    images, labels = prepared(model, batch)
    rounds = default_rounds(device)
    seconds = in_turn({
        'peer': timed(
            peer.evaluation(model.backbone, images, labels, case), device),
        'ours': timed(our_evaluation(
            build_model(case, None, device).eval(), batch), device),
    }, rounds, limit)
    return [Row(
        'evaluation of an episode', str(case), 'peer / ours',
        *ratio_of(seconds['peer'], seconds['ours']), rounds,
        at_least=at_least, seconds=medians(seconds))]
