"""Prototypes: masked averages of support features (PANet, section 3.2)."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

POOL_AT = ('image', 'feature')
EPS = 1e-5
"""Added to a mask's area, as in the released code of the paper."""


def resize_matrix(in_size: int,
                  out_size: int,
                  align_corners: bool = False,
                  *,
                  like: Tensor | None = None) -> Tensor:
    """The linear resize of one axis as a matrix.

    Bilinear resizing is separable, so ``up(F) = A_h @ F @ A_w.T``.

    Args:
        in_size (int): Length of the axis before the resize.
        out_size (int): Length of the axis after it.
        align_corners (bool): As in :func:`torch.nn.functional.interpolate`.
        like (Tensor, optional): Gives the dtype and device.

    Returns:
        Tensor: ``A`` of shape (out_size, in_size); its rows sum to 1.
    """
    dtype, device = (None, None) if like is None else (like.dtype, like.device)
    eye = torch.eye(in_size, dtype=dtype, device=device)
    columns = F.interpolate(
        eye[None], out_size, mode='linear', align_corners=align_corners)
    return columns[0].T  # (out_size, in_size)


def pooling_weights(masks: Tensor,
                    size: Sequence[int],
                    pool_at: str = 'image',
                    align_corners: bool = False) -> Tensor:
    """Weights with which the cells of a feature map enter a masked sum.

    ``pool_at='image'`` is the paper's equation 1, ``sum_xy up(F) * M``. As
    ``up`` is linear this equals ``sum F * up^T(M)``: the adjoint of the
    resize is applied to the mask, and features are never resized.
    ``pool_at='feature'`` resizes the mask to the feature map instead
    (bilinear, corners aligned), as most re-implementations do.

    Args:
        masks (Tensor): (..., H, W), floating, in [0, 1].
        size (Sequence[int]): (h, w) of the feature map.
        pool_at (str): 'image' or 'feature'.
        align_corners (bool): Of ``up``, with ``pool_at='image'``.

    Returns:
        Tensor: (..., h, w). Its sum over (h, w) is the pooled area.

    Raises:
        ValueError: If ``pool_at`` is unknown.
    """
    if pool_at not in POOL_AT:
        raise ValueError(f"pool_at must be one of {POOL_AT}, got '{pool_at}'")
    (height, width), (h, w) = masks.shape[-2:], tuple(size)
    if (height, width) == (h, w):
        return masks
    if pool_at == 'feature':
        down_h = resize_matrix(height, h, align_corners=True, like=masks)
        down_w = resize_matrix(width, w, align_corners=True, like=masks)
    else:
        down_h = resize_matrix(h, height, align_corners, like=masks).T
        down_w = resize_matrix(w, width, align_corners, like=masks).T
    return down_h @ masks @ down_w.T  # (..., h, w)


def masked_sums(features: Tensor, weights: Tensor) -> Tensor:
    """Weighted sums of features over their cells.

    Args:
        features (Tensor): (N, C, h, w), in any memory format.
        weights (Tensor): (N, M, h, w).

    Returns:
        Tensor: (N, M, C), ``sum_xy F * w``.
    """
    cells = features.flatten(2)  # (N, C, h*w)
    weights = weights.flatten(2)  # (N, M, h*w)
    # The order of the product is the memory format of its gradient.
    if features.stride(1) == 1:
        return torch.bmm(weights, cells.transpose(1, 2))
    return torch.bmm(cells, weights.transpose(1, 2)).transpose(1, 2)


def masked_average_pool(features: Tensor,
                        masks: Tensor,
                        pool_at: str = 'image',
                        align_corners: bool = False) -> Tensor:
    """Mean of the features under a mask (PANet, equation 1).

    ``p = sum_xy up(F) * M / (sum_xy M + 1e-5)``, ``up`` the bilinear resize
    of the features to the size of the mask. No tensor of size (C, H, W) is
    made: see :func:`pooling_weights`.

    Args:
        features (Tensor): (N, C, h, w).
        masks (Tensor): (N, H, W), bool or in [0, 1]. An empty mask gives a
            zero vector; callers that must not go on with one check first.
        pool_at (str): 'image' or 'feature', see :func:`pooling_weights`.
            Defaults to 'image'.
        align_corners (bool): Of the resize. Defaults to False.

    Returns:
        Tensor: (N, C), in the dtype of the features.

    Raises:
        ValueError: If the shapes do not fit, or ``pool_at`` is unknown.

    Example:
        >>> features = torch.tensor([[[[1., 3.], [5., 7.]]]])
        >>> masks = torch.tensor([[[True, True], [False, False]]])
        >>> masked_average_pool(features, masks).round()
        tensor([[2.]])
    """
    if features.dim() != 4 or masks.dim() != 3 or len(features) != len(masks):
        raise ValueError(
            'expected features (N, C, h, w) and masks (N, H, W), got '
            f'{tuple(features.shape)} and {tuple(masks.shape)}')
    # The area of a mask is soon more than float16 can hold.
    full = features.float() if features.element_size() < 4 else features
    weights = pooling_weights(
        masks.to(full), full.shape[-2:], pool_at, align_corners)
    sums = masked_sums(full, weights[:, None])[:, 0]
    pooled = sums / (weights.sum((1, 2)) + EPS)[:, None]
    return pooled.to(features.dtype)


def class_masks(labels: Tensor, num_ways: int) -> Tensor:
    """One mask a class; ignored pixels (255) are in none.

    Args:
        labels (Tensor): (..., H, W), episode labels.
        num_ways (int): W.

    Returns:
        Tensor: bool (..., 1 + W, H, W), background first.
    """
    classes = torch.arange(1 + num_ways, device=labels.device)
    return labels.unsqueeze(-3) == classes[:, None, None]


def pool_supports(features: Tensor,
                  labels: Tensor,
                  ways: Tensor,
                  pool_at: str = 'image',
                  align_corners: bool = False) -> Tensor:
    """What each support gives: its background's and its own way's mean.

    Args:
        features (Tensor): (N, C, h, w).
        labels (Tensor): (N, H, W), episode labels: 0, 1..W, 255.
        ways (Tensor): (N,), the way that each support shows, 1..W.
        pool_at (str): See :func:`masked_average_pool`.
        align_corners (bool): See :func:`masked_average_pool`.

    Returns:
        Tensor: (N, 2, C), background first.
    """
    masks = torch.stack([labels == 0, labels == ways[:, None, None]], dim=1)
    weights = pooling_weights(
        masks.to(features), features.shape[-2:], pool_at, align_corners)
    # Both masks of a support share one product with its features.
    sums = masked_sums(features, weights)
    return sums / (weights.sum((2, 3)) + EPS)[..., None]


def support_prototypes(features: Tensor,
                       labels: Tensor,
                       pool_at: str = 'image',
                       align_corners: bool = False) -> Tensor:
    """Prototypes of the background and of every way (PANet, equations 1, 2).

    A way's prototype is the mean over its own shots; the background's is the
    mean, over the supports of all ways, of what belongs to no way.

    Args:
        features (Tensor): (B, W, S, C, h, w).
        labels (Tensor): (B, W, S, H, W), episode labels: 0, 1..W, 255.
        pool_at (str): See :func:`masked_average_pool`.
        align_corners (bool): See :func:`masked_average_pool`.

    Returns:
        Tensor: (B, 1 + W, C), background first.
    """
    episodes, ways, shots = labels.shape[:3]
    own_way = torch.arange(1, 1 + ways, device=labels.device)
    pooled = pool_supports(
        features.flatten(0, 2), labels.flatten(0, 2),
        own_way.repeat_interleave(shots).repeat(episodes),
        pool_at, align_corners)  # (B*W*S, 2, C)
    pooled = pooled.unflatten(0, (episodes, ways, shots))
    background, foreground = pooled.unbind(3)  # (B, W, S, C) each
    return torch.cat([
        background.mean((1, 2))[:, None],  # (B, 1, C)
        foreground.mean(2),  # (B, W, C)
    ], dim=1)
