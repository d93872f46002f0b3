"""Fusion of several shots into one prediction."""
import torch
from torch import Tensor

from .logit_map import LogitMap

SHOT_FUSIONS = ('mean_prototypes', 'mean_logits', 'vote')


def fuse_shots(shots: LogitMap, fusion: str, threshold: float = 0.5
               ) -> tuple[LogitMap, Tensor]:
    """Fuse the logits of an image by single shots or by all of them.

    Args:
        shots (LogitMap): Logit map (..., G, K, h, w) of G shots; with
            'mean_prototypes', G is 1 for the classifier of all shots.
        fusion (str): One of :data:`SHOT_FUSIONS`.
        threshold (float): Threshold of the vote, see :func:`vote`. Defaults
            to 0.5.

    Returns:
        tuple[LogitMap, Tensor]: The mean of the logits, (..., K, h, w), and
        the labels, (..., H, W) uint8.
    """
    mean = LogitMap(shots.cells.mean(-4), shots.resize)
    if fusion != 'vote':
        return mean, mean.labels()
    return mean, vote(
        shots.labels(), shots.cells.shape[-3] - 1, threshold)


def vote(labels: Tensor, num_ways: int, threshold: float = 0.5) -> Tensor:
    """Combine the predictions of all shots by a vote (HSNet, section 4.4).

    A pixel is assigned to the way with the most votes if these are at least
    ``threshold`` times the largest number of votes of any pixel of the image
    for any way. Otherwise it is background.

    Args:
        labels (Tensor): Episode labels that each shot predicts,
            (..., S, H, W).
        num_ways (int): Number of ways W.
        threshold (float): Threshold in (0, 1]. Defaults to 0.5, as in the
            released code of HSNet.

    Returns:
        Tensor: Episode labels, (..., H, W) uint8.

    Example:
        >>> shots = torch.tensor([[[1, 1, 0]], [[1, 0, 0]], [[1, 0, 0]]])
        >>> vote(shots, num_ways=1)
        tensor([[1, 0, 0]], dtype=torch.uint8)
    """
    # Sums of int64 over many episodes would not fit into the caches.
    votes = torch.stack([
        (labels == way).sum(-3, dtype=torch.int16)
        for way in range(1, 1 + num_ways)])
    most, way = votes.max(0)  # (..., H, W) each
    share = most / most.amax((-2, -1), keepdim=True).clamp_min(1)
    return torch.where(share >= threshold, way + 1, 0).to(torch.uint8)
