"""From the predictions of single shots to one of all of them."""
import torch
from torch import Tensor

SHOT_FUSIONS = ('mean_prototypes', 'mean_logits', 'vote')


def vote(labels: Tensor, num_ways: int, threshold: float = 0.5) -> Tensor:
    """Let the predictions of all shots vote (HSNet, section 4.4).

    A pixel is given to the way that most shots see there, if its votes are
    at least ``threshold`` of the most votes that any pixel of the image has
    for any way; otherwise it is background.

    Args:
        labels (Tensor): (S, H, W), episode labels predicted from each shot.
        num_ways (int): W.
        threshold (float): In (0, 1]. Defaults to 0.5, as in the released
            code of HSNet.

    Returns:
        Tensor: (H, W), episode labels.

    Example:
        >>> shots = torch.tensor([[[1, 1, 0]], [[1, 0, 0]], [[1, 0, 0]]])
        >>> vote(shots, num_ways=1)
        tensor([[1, 0, 0]])
    """
    votes = torch.stack(
        [(labels == way).sum(0) for way in range(1, 1 + num_ways)])
    most, way = votes.max(0)  # (H, W) each
    share = most / votes.max().clamp_min(1)
    return torch.where(share >= threshold, way + 1, 0)
