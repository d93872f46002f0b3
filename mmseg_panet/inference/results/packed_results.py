"""Results in memory, packed as mmseg packs them."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from ...errors import InputError
from ..images.image_list import ImageItem
from .prediction import Prediction


def pack_results(results: Sequence[Prediction | InputError],
                 items: Sequence[ImageItem], classes: tuple[str, ...],
                 pictures: Sequence[np.ndarray | None] = ()
                 ) -> dict[str, Any]:
    """Pack the results of images as ``MMSegInferencer`` does.

    Args:
        results (Sequence[Prediction | InputError]): One an image, or why it
            cannot be read.
        items (Sequence[ImageItem]): The images.
        classes (tuple[str, ...]): The registered classes, W.
        pictures (Sequence[np.ndarray | None]): Overlays, or none.

    Returns:
        dict[str, Any]: ``predictions``, class maps (H, W) uint8: 0 none of
        the classes, i the i-th of ``classes``, 255 undecided; ``confidence``
        (H, W) float32; where they were asked for ``probabilities``
        (1 + W, H, W) float32, "none" first, and ``visualization`` (H, W, 3)
        uint8 RGB. Each is a list, with None for an image that cannot be read,
        unless there is one image. ``classes`` are the names, ``failures`` the
        sentences about images that cannot be read, by name.
    """
    # An InputError has none of these.
    packed: dict[str, list] = {
        key: [getattr(one, name, None) for one in results]
        for key, name in (
            ('predictions', 'class_map'), ('confidence', 'confidence'),
            ('probabilities', 'probabilities'))}
    if all(one is None for one in packed['probabilities']):
        del packed['probabilities']
    if pictures:
        packed['visualization'] = list(pictures)
    failures = {
        item.name: str(one) for item, one in zip(items, results, strict=True)
        if isinstance(one, InputError)}
    return dict(
        {key: column[0] if len(results) == 1 else column
         for key, column in packed.items()},
        classes=classes, failures=failures)


def to_sample(result: Prediction | InputError,
              item: ImageItem) -> SegDataSample | None:
    """Turn a prediction into mmseg's sample, and an error into None.

    Args:
        result (Prediction | InputError): With probabilities.
        item (ImageItem): The image.

    Returns:
        SegDataSample | None: ``pred_sem_seg`` and ``confidence`` (1, H, W),
        ``probabilities`` (1 + W, H, W), and in the metainfo ``classes``,
        ``ori_shape`` and ``img_path``, None of an array or a video.
    """
    if isinstance(result, InputError):
        return None
    data = dict(
        pred_sem_seg=result.class_map[None],
        confidence=result.confidence[None], probabilities=result.probabilities)
    return SegDataSample(
        metainfo=dict(
            classes=result.classes, ori_shape=result.class_map.shape,
            img_path=item.source if isinstance(item.source, str) else None),
        **{key: PixelData(data=torch.from_numpy(value))
           for key, value in data.items()})
