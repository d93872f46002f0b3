"""Mixtures of what a user gives and of what is added to it."""
import torch
from torch import Tensor


def mixture(seen: Tensor, is_added: Tensor, share: float) -> Tensor:
    """Share a class out among its images, with a fixed share for some.

    Args:
        seen (Tensor): bool (N,), which images show the class at all.
        is_added (Tensor): bool (N,), which images have ``share`` together,
            whatever their number.
        share (float): 0..1. Where only images of one kind show the class,
            they are all of it.

    Returns:
        Tensor: float64 (N,), 0 where the class is not seen; the others add
        up to 1.
    """
    shares = torch.zeros(
        len(seen), dtype=torch.float64, device=seen.device)
    for kind, of_kind in ((~is_added, 1 - share), (is_added, share)):
        some = seen & kind
        shares += of_kind * some / some.sum().clamp_min(1)
    total = shares.sum().clamp_min(torch.finfo(shares.dtype).tiny)
    return shares / total
