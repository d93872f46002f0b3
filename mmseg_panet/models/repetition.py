"""The repetition of what an episode has for each of its images."""
from torch import Tensor

from ..stacks import is_recording


def repeated(tensor: Tensor, each: int) -> Tensor:
    """Repeat the entries of episodes for their images.

    Args:
        tensor (Tensor): Entries (B, ...) of B episodes.
        each (int): Number of images per episode.

    Returns:
        Tensor: Entries (B * each, ...), episode by episode.

    Example:
        >>> import torch
        >>> repeated(torch.tensor([1, 2]), 2)
        tensor([1, 1, 2, 2])
    """
    if is_recording() and tensor.shape[0] == 1:
        # The exporters record an expansion as one node for any batch.
        return tensor.expand(each, *tensor.shape[1:])
    # repeat_interleave would copy large matrices even for one image each.
    return tensor if each == 1 else tensor.repeat_interleave(each, 0)
