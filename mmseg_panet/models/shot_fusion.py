"""From several shots to one prediction."""
import torch
from torch import Tensor

from .logit_map import LogitMap

SHOT_FUSIONS = ('mean_prototypes', 'mean_logits', 'vote')


def fuse_shots(shots: LogitMap, fusion: str, threshold: float = 0.5
               ) -> tuple[LogitMap, Tensor]:
    """Fuse what single shots, or all of them at once, say of an image.

    Args:
        shots (LogitMap): (..., G, K, h, w), G shots; with 'mean_prototypes'
            one classifier of all of them.
        fusion (str): One of :data:`SHOT_FUSIONS`.
        threshold (float): See :func:`vote`.

    Returns:
        tuple[LogitMap, Tensor]: The mean of the logits (..., K, h, w), and
        the labels uint8 (..., H, W).
    """
    mean = LogitMap(shots.cells.mean(-4), shots.resize)
    if fusion != 'vote':
        return mean, mean.labels()
    return mean, vote(
        shots.labels(), shots.cells.shape[-3] - 1, threshold)


def vote(labels: Tensor, num_ways: int, threshold: float = 0.5) -> Tensor:
    """Let the predictions of all shots vote (HSNet, section 4.4).

    A pixel is given to the way that most shots see there, if its votes are
    at least ``threshold`` of the most votes that any pixel of the image has
    for any way; otherwise it is background.

    Args:
        labels (Tensor): (..., S, H, W), episode labels predicted from each
            shot.
        num_ways (int): W.
        threshold (float): In (0, 1]. Defaults to 0.5, as in the released
            code of HSNet.

    Returns:
        Tensor: uint8 (..., H, W), episode labels.

    Example:
        >>> shots = torch.tensor([[[1, 1, 0]], [[1, 0, 0]], [[1, 0, 0]]])
        >>> vote(shots, num_ways=1)
        tensor([[1, 0, 0]], dtype=torch.uint8)
    """
    # As int16, as sums of int64 over many episodes leave the caches.
    votes = torch.stack([
        (labels == way).sum(-3, dtype=torch.int16)
        for way in range(1, 1 + num_ways)])
    most, way = votes.max(0)  # (..., H, W) each
    share = most / most.amax((-2, -1), keepdim=True).clamp_min(1)
    return torch.where(share >= threshold, way + 1, 0).to(torch.uint8)
