"""Mixtures of supports and of added images with fixed weights."""
import torch
from torch import Tensor


def mixture(seen: Tensor, is_added: Tensor, share: float) -> Tensor:
    """Compute the weights of a class's images, with a fixed total for some.

    Args:
        seen (Tensor): Whether each image shows the class, (N,) bool.
        is_added (Tensor): Whether each image is an added one, (N,) bool. The
            added images have the total weight ``share``, for any number of
            them.
        share (float): Weight of the added images in [0, 1]. If only images
            of one kind show the class, their total weight is 1.

    Returns:
        Tensor: Weights (N,) in float64, which are 0 for images that do not
        show the class and otherwise add up to 1.

    Example:
        >>> mixture(torch.tensor([True] * 3),
        ...         torch.tensor([False, True, True]), share=0.5)
        tensor([0.5000, 0.2500, 0.2500], dtype=torch.float64)
    """
    shares = torch.zeros(
        len(seen), dtype=torch.float64, device=seen.device)
    for kind, of_kind in ((~is_added, 1 - share), (is_added, share)):
        some = seen & kind
        shares += of_kind * some / some.sum().clamp_min(1)
    total = shares.sum().clamp_min(torch.finfo(shares.dtype).tiny)
    return shares / total
