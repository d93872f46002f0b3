"""A linear classifier of the cells of a feature map."""
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..repetition import repeated
from ..temperature import calibrated_scale

_EPS = 1e-8
"""Smallest norm, as in torch.nn.functional.cosine_similarity."""


class LinearClassifier(nn.Module):
    """A 1x1 convolution: ``scale * (weight @ cell + bias)``.

    Args:
        weight (Tensor): Weight (K, C), or (B, K, C) of B episodes.
        bias (Tensor, optional): Bias (K,) or (B, K). Defaults to None.
        normalise (bool): Whether to divide cells by their norm first.
            Defaults to False.
        scale (float): Inverse temperature. Defaults to 1.

    Raises:
        ValueError: If the shapes are inconsistent.

    Example:
        >>> classifier = LinearClassifier(torch.tensor([[1., 0.], [0., 2.]]))
        >>> classifier(torch.tensor([3., 5.]).view(1, 2, 1, 1)).flatten()
        tensor([ 3., 10.])
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None = None,
                 normalise: bool = False, scale: float = 1.0) -> None:
        super().__init__()
        if weight.dim() not in (2, 3) or (
                bias is not None and bias.shape != weight.shape[:-1]):
            raise ValueError(
                'expected a weight (K, C) or (B, K, C) and a bias without C, '
                f'got {tuple(weight.shape)} and '
                f'{bias if bias is None else tuple(bias.shape)}')
        # They belong to a support set and not to a checkpoint.
        self.register_buffer('weight', weight, persistent=False)
        self.register_buffer('bias', bias, persistent=False)
        self.normalise = normalise
        self.scale = scale

    @property
    def num_classes(self) -> int:
        """The number of classes K, including the background."""
        return self.weight.shape[-2]

    def calibrate(self, means: Tensor) -> None:
        """Multiply the weight and the bias by the scale that calibrates.

        Args:
            means (Tensor): Means of the classes' cells, in the shape of the
                weight.
        """
        factor = calibrated_scale(self.weight, means)[..., None]  # (B, 1)
        self.weight = factor[..., None] * self.weight
        self.bias = None if self.bias is None else factor * self.bias
        self.scale = 1.0

    def forward(self, features: Tensor) -> Tensor:
        """Compute the logits of every class at every cell.

        Args:
            features (Tensor): Features (N, C, h, w) in any memory format, of
                N / B images per episode, episode by episode.

        Returns:
            Tensor: Logits (N, K, h, w); (B, K, h, w) for a single image.

        Raises:
            ValueError: If the shapes are inconsistent.
        """
        weight = self.weight.reshape(-1, *self.weight.shape[-2:])  # (B, K, C)
        number, images = weight.shape[0], features.shape[0]
        if features.dim() != 4 or features.shape[1] != weight.shape[2] or (
                images > 1 and images % number):
            raise ValueError(
                'expected features (N, C, h, w) of as many channels as the '
                'weight (K, C) or (B, K, C), N a multiple of B, got '
                f'{tuple(features.shape)} and {tuple(self.weight.shape)}')
        times = 1 if images == 1 else images // number
        # A single image is classified by all episodes as B * K classes.
        weight = weight.flatten(0, 1)[None] if images == 1 else (
            repeated(weight, times))
        if self.normalise:
            logits = _unit_product(features, weight)
        else:
            logits = torch.bmm(weight, features.flatten(2))
            logits = logits.reshape(*logits.shape[:2], *features.shape[2:])
        if images == 1:
            logits = logits[0].unflatten(0, (number, -1))
        if self.bias is not None:
            bias = repeated(self.bias.reshape(number, -1), times)
            logits = logits + bias[..., None, None]
        return self.scale * logits


def _unit_product(features: Tensor, weight: Tensor) -> Tensor:
    """Compute products with vectors, divided by the features' norms."""
    if torch.is_grad_enabled() and (
            features.requires_grad or weight.requires_grad):
        return _UnitProduct.apply(features, weight)
    products, _ = _divided_product(features, weight)
    # torch.onnx would record the number of images of an unflatten.
    return products.reshape(*products.shape[:2], *features.shape[2:])


def _divided_product(features: Tensor, weight: Tensor
                     ) -> tuple[Tensor, Tensor]:
    """Return the products (N, K, h*w), and the norms (N, 1, h, w)."""
    norms = features.norm(dim=1, keepdim=True).clamp_min(_EPS)
    products = torch.bmm(weight, features.flatten(2)) / norms.flatten(2)
    return products, norms


class _UnitProduct(torch.autograd.Function):
    """The products of :func:`_unit_product` with their gradients.

    Autograd would allocate five tensors of the features' size in the
    backward pass, but one is enough. Dividing K products is cheaper than
    normalising C channels.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor) -> Tensor:
        products, norms = _divided_product(features, weight)
        ctx.save_for_backward(features, weight, norms, products)
        return products.unflatten(2, features.shape[2:])  # (N, K, h, w)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        features, weight, norms, products = ctx.saved_tensors
        gradient = gradient.flatten(2)  # (N, K, h*w)
        # d (w . F / |F|) / d F = (w - (w . F / |F|) * F / |F|) / |F|
        along = (gradient * products).sum(1, keepdim=True)  # (N, 1, h*w)
        gradient = gradient / norms.flatten(2)
        # A clamped norm is a constant.
        free = (norms > _EPS) / norms.square()
        to_features = features * (-along.unflatten(2, norms.shape[2:]) * free)
        # flatten copies for some strides, so the result is assigned.
        to_features = to_features.flatten(2).baddbmm_(
            weight.transpose(1, 2), gradient)
        to_weight = torch.bmm(
            gradient, features.flatten(2).transpose(1, 2))  # (N, K, C)
        return to_features.view_as(features), to_weight
