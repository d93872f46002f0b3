"""The layout of a flat batch of episodes."""
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..errors import InputError
from .device_checks import is_checked_later

T = TypeVar('T')


class EpisodeLayout(NamedTuple):
    """The numbers of episodes, ways, shots and queries of a flat batch.

    An episode consists of W * S supports, way by way, followed by its Q
    queries. A batch is the concatenation of B such episodes.
    """

    episodes: int
    ways: int
    shots: int
    queries: int

    @classmethod
    def from_samples(cls, data_samples: Sequence[SegDataSample]
                     ) -> 'EpisodeLayout':
        """Read the layout from the samples' ``role`` and ``class_ids``.

        Args:
            data_samples (Sequence[SegDataSample]): Samples of a flat batch.

        Raises:
            InputError: If the samples are not a batch of equal episodes.
        """
        roles = [sample.get('role') for sample in data_samples]
        if 'support' not in roles or None in roles:
            raise InputError(
                'expected a flat batch of episodes (samples whose metainfo '
                f'has role, way and shot), got the roles {set(roles)}; use '
                "EpisodicDataset and collate_fn=dict(type='episode_collate')")
        ways = len(data_samples[0].class_ids)
        episodes = sum(
            pair == ('query', 'support')
            for pair in zip(['query', *roles[:-1]], roles, strict=True))
        length = len(roles) // episodes
        supports = roles[:length].count('support')
        layout = cls(episodes, ways, supports // ways, length - supports)
        one = [('support', ways, way) for way in range(1, 1 + ways)
               for _ in range(layout.shots)]
        one += [('query', ways, 0)] * layout.queries
        got = [
            (role, len(sample.class_ids),
             sample.get('way') if role == 'support' else 0)
            for role, sample in zip(roles, data_samples, strict=True)]
        if one * episodes != got:
            raise InputError(
                'expected episodes of equal numbers of ways, shots and '
                'queries in a batch, each its supports way by way and then '
                f'its queries, got (role, ways, way) {got}; give each kind of '
                'episode its own data loader')
        return layout

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Split a tensor of a flat batch into supports and queries.

        Args:
            x (Tensor): Tensor with a row per image, (B * (W * S + Q), ...).

        Returns:
            tuple[Tensor, Tensor]: Supports (B, W, S, ...) and queries
            (B, Q, ...), which are views if there is a single episode.
        """
        num_supports = self.ways * self.shots
        parts = _Split.apply(x, [num_supports, self.queries] * self.episodes)
        supports, queries = (
            some[0] if self.episodes == 1 else torch.cat(some)
            for some in (parts[::2], parts[1::2]))
        return (supports.unflatten(0, self[:3]),
                queries.unflatten(0, (self.episodes, self.queries)))

    def is_query(self, index: int) -> bool:
        """Check whether an image of the flat batch is a query."""
        supports = self.ways * self.shots
        return index % (supports + self.queries) >= supports

    def queries_of(self, items: Sequence[T]) -> list[T]:
        """Select the queries of a flat list, in order."""
        return [one for i, one in enumerate(items) if self.is_query(i)]

    def supports_of(self, items: Sequence[T]) -> list[T]:
        """Select the supports of a flat list, in order."""
        return [one for i, one in enumerate(items) if not self.is_query(i)]


class _Split(torch.autograd.Function):
    """``Tensor.split`` with one gradient tensor in x's memory format.

    Slices would allocate a gradient of x's size each, and ``split`` a
    contiguous one if a part is a single image.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, sizes: list[int]) -> tuple[Tensor, ...]:
        ctx.save_for_backward(x)
        ctx.sizes = sizes
        return x.split(sizes)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x, = ctx.saved_tensors
        joined = torch.empty_like(x)
        for part, gradient in zip(
                joined.split(ctx.sizes), gradients, strict=True):
            part.copy_(gradient)
        return joined, None


def check_episode(support_images: Tensor, support_masks: Tensor,
                  query_images: Tensor) -> None:
    """Check the tensors of an episode.

    Args:
        support_images (Tensor): Support images, (W, S, 3, H, W).
        support_masks (Tensor): Masks of the supports, (W, S, H, W): 1 is the
            way, 0 is not, and 255 is unknown.
        query_images (Tensor): Query images, (N, 3, H, W).

    Raises:
        InputError: If a shape or a value is invalid.
    """
    fits = (
        support_images.dim() == 5 and query_images.dim() == 4
        and support_images.numel() > 0
        and support_images.shape[2] == query_images.shape[1] == 3
        and support_masks.shape == (
            *support_images.shape[:2], *support_images.shape[3:]))
    if not fits:
        raise InputError(
            'expected support_images (W, S, 3, H, W), support_masks '
            '(W, S, H, W) and query_images (N, 3, H, W), got '
            f'{tuple(support_images.shape)}, {tuple(support_masks.shape)} '
            f'and {tuple(query_images.shape)}')
    valid = (support_masks == 0) | (support_masks == 1) | (
        support_masks == 255)
    if not support_masks.is_cpu and is_checked_later(
            valid.all(), 'expected support_masks of 1, 0 and 255'):
        return
    values = support_masks.unique().tolist()
    if not {0, 1, 255}.issuperset(values) or values == [0, 255]:
        raise InputError(
            'expected support_masks of 1 (the way), 0 (not the way) and 255 '
            f'(unknown), got the values {values[:10]}; a mask must show only '
            'the way of its support: pass mask == value')
