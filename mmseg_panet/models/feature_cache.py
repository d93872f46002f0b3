"""A cache of the backbone's outputs, for images that pass it again."""
import hashlib
from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor


class FeatureCache:
    """Wraps ``extract_feat`` of a model, so that an image passes it once.

    An image is known by its preprocessed pixels. The outputs that were not
    used for the longest time are removed first.

    Args:
        extract (Callable): ``extract_feat`` of a model whose weights do not
            change: (N, 3, H, W) to feature maps (N, C, h, w).
        megabytes (float): Memory for outputs, on the device of the model.

    Example:
        >>> cache = FeatureCache(lambda images: (images.mean(1),), megabytes=1)
        >>> images = torch.rand(2, 3, 4, 4)
        >>> bool((cache(images)[0] == cache(images)[0]).all()), len(cache)
        (True, 2)
    """

    def __init__(self, extract: Callable[[Tensor], tuple[Tensor, ...]],
                 megabytes: float) -> None:
        self._extract = extract
        self._limit = megabytes * 1e6
        self._kept: OrderedDict[bytes, tuple[Tensor, ...]] = OrderedDict()
        self.bytes = 0
        """Size of all outputs that are kept."""

    def __len__(self) -> int:
        """Return the number of images whose outputs are kept."""
        return len(self._kept)

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Compute feature maps, as ``extract_feat`` does.

        Args:
            images (Tensor): Preprocessed images (N, 3, H, W).

        Returns:
            tuple[Tensor, ...]: Feature maps (N, C, h, w) of each level.
        """
        keys = [
            hashlib.sha256(
                f'{tuple(image.shape)}{image.dtype}'.encode()
                + image.cpu().contiguous().view(torch.uint8).numpy().tobytes()
            ).digest() for image in images]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        new = {key: i for i, key in enumerate(keys) if key not in found}
        if new:
            levels = self._extract(images[list(new.values())])
            # Rows are copied, as a view would keep the entire batch.
            found |= {
                key: tuple(level[i].clone() for level in levels)
                for i, key in enumerate(new)}
        for key in keys:
            self._keep(key, found[key])
        return tuple(
            torch.stack(level) for level in zip(
                *(found[key] for key in keys), strict=True))

    def _keep(self, key: bytes, maps: tuple[Tensor, ...]) -> None:
        """Keep the outputs of an image as the latest ones."""
        if key not in self._kept:
            self._kept[key] = maps
            self.bytes += _size(maps)
        self._kept.move_to_end(key)
        while self.bytes > self._limit:
            self.bytes -= _size(self._kept.popitem(last=False)[1])


def _size(maps: tuple[Tensor, ...]) -> int:
    return sum(one.numel() * one.element_size() for one in maps)
