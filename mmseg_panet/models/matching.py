"""Matching of features against prototypes (PANet, section 3.3)."""
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

DISTANCES = ('cosine', 'squared_euclidean')
COSINE_EPS = 1e-8
"""Smallest norm divided by, as in torch.nn.functional.cosine_similarity."""


def match_prototypes(features: Tensor,
                     prototypes: Tensor,
                     scale: float = 20.0,
                     distance: str = 'cosine') -> Tensor:
    """Logits of every class at every cell (PANet, equation 3).

    ``scale * cos(F(x, y), p_k)`` or ``-scale * |F(x, y) - p_k|^2``; a softmax
    over k gives probabilities.

    Args:
        features (Tensor): (N, C, h, w).
        prototypes (Tensor): (N, K, C), one set an image, or (K, C), one set
            for all of them.
        scale (float): The paper's alpha; its code has 20, later ones 10.
            Defaults to 20.
        distance (str): 'cosine' or 'squared_euclidean'. Defaults to
            'cosine'.

    Returns:
        Tensor: Logits (N, K, h, w).

    Raises:
        ValueError: If the shapes do not fit, or the distance is unknown.

    Example:
        >>> features = torch.tensor([1., 0.]).view(1, 2, 1, 1)
        >>> prototypes = torch.tensor([[2., 0.], [0., 3.], [-1., 0.]])
        >>> match_prototypes(features, prototypes, scale=10).flatten()
        tensor([ 10.,   0., -10.])
    """
    fits = features.dim() == 4 and prototypes.shape[-1] == features.shape[1]
    if not fits or prototypes.dim() not in (2, 3) or (
            prototypes.dim() == 3 and len(prototypes) != len(features)):
        raise ValueError(
            'expected features (N, C, h, w) and prototypes (N, K, C) or '
            f'(K, C), got {tuple(features.shape)} and '
            f'{tuple(prototypes.shape)}')
    if prototypes.dim() == 2:
        prototypes = prototypes.expand(len(features), -1, -1)
    if distance == 'cosine':
        return scale * cosine_similarity(features, prototypes)
    if distance == 'squared_euclidean':
        cells = features.flatten(2).transpose(1, 2)  # (N, h*w, C)
        # Not by |a|^2 - 2ab + |b|^2, which cancels in float32.
        distances = torch.cdist(
            cells, prototypes,
            compute_mode='donot_use_mm_for_euclid_dist')  # (N, h*w, K)
        logits = -scale * distances.square().transpose(1, 2)
        return logits.unflatten(2, features.shape[2:])  # (N, K, h, w)
    raise ValueError(
        f"distance must be one of {DISTANCES}, got '{distance}'")


def cosine_similarity(features: Tensor, prototypes: Tensor) -> Tensor:
    """Cosine of every cell with every prototype.

    Args:
        features (Tensor): (N, C, h, w), in any memory format.
        prototypes (Tensor): (N, K, C).

    Returns:
        Tensor: (N, K, h, w), in [-1, 1]; 0 with a vector of zeros.
    """
    # Dividing the K products costs less than normalising C channels.
    directions = F.normalize(prototypes, dim=2, eps=COSINE_EPS)
    return _Cosine.apply(features, directions)


class _Cosine(torch.autograd.Function):
    """Products with unit vectors, divided by the norms of the features.

    By hand, as autograd would make five tensors of the features' size on the
    way back, where one will do.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, directions: Tensor) -> Tensor:
        norms = features.norm(dim=1, keepdim=True).clamp_min(COSINE_EPS)
        cells = features.flatten(2)  # (N, C, h*w)
        cosines = torch.bmm(directions, cells) / norms.flatten(2)
        ctx.save_for_backward(features, directions, norms, cosines)
        return cosines.unflatten(2, features.shape[2:])  # (N, K, h, w)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        features, directions, norms, cosines = ctx.saved_tensors
        gradient = gradient.flatten(2)  # (N, K, h*w)
        # d cos / d F = (direction - cos * F / |F|) / |F|
        along = (gradient * cosines).sum(1, keepdim=True)  # (N, 1, h*w)
        gradient = gradient / norms.flatten(2)
        # Where the norm was clamped it is a constant.
        free = (norms > COSINE_EPS) / norms.square()
        to_features = features * (-along.unflatten(2, norms.shape[2:]) * free)
        # Not in place of a view: with strange strides flatten copies.
        to_features = to_features.flatten(2).baddbmm_(
            directions.transpose(1, 2), gradient)
        to_directions = torch.bmm(
            gradient, features.flatten(2).transpose(1, 2))  # (N, K, C)
        return to_features.view_as(features), to_directions
