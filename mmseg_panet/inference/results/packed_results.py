"""What the inferencer returns."""
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
                 names: Sequence[str],
                 classes: tuple[str, ...],
                 pictures: Sequence[np.ndarray | None] = ()
                 ) -> dict[str, Any]:
    """Pack the results of images as ``MMSegInferencer`` does.

    Args:
        results (Sequence[Prediction | InputError]): One an image, or why it
            cannot be read.
        names (Sequence[str]): Of the images.
        classes (tuple[str, ...]): The taught classes, W.
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
    found = [
        None if isinstance(one, InputError) else one for one in results]
    packed: dict[str, list] = dict(
        predictions=[one and one.class_map for one in found],
        confidence=[one and one.confidence for one in found])
    if any(one and one.probabilities is not None for one in found):
        packed['probabilities'] = [one and one.probabilities for one in found]
    if pictures:
        packed['visualization'] = list(pictures)
    failures = {
        name: str(one) for name, one in zip(names, results, strict=True)
        if isinstance(one, InputError)}
    return dict(
        {key: column[0] if len(found) == 1 else column
         for key, column in packed.items()},
        classes=classes, failures=failures)


def to_sample(result: Prediction | InputError,
              item: ImageItem) -> SegDataSample | None:
    """A prediction as mmseg's sample; None for an image without.

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
    path = item.source if isinstance(item.source, str) else None
    sample = SegDataSample(metainfo=dict(
        classes=result.classes, ori_shape=result.class_map.shape,
        img_path=path))
    for key, value in (('pred_sem_seg', result.class_map[None]),
                       ('confidence', result.confidence[None]),
                       ('probabilities', result.probabilities)):
        sample.set_data({key: PixelData(data=torch.from_numpy(value))})
    return sample
