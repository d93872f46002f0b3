"""The prediction for an image."""
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from ...annotations.label_type import ignored_label, label_type
from ...annotations.reserved_names import NOT_CLASSES
from ...errors import InputError
from ...models.logit_map import LogitMap, mean_probabilities, tensor_type
from ...models.small_components import clear_small_components
from ..images.image_list import ImageItem

_VALUES_AT_ONCE = 1 << 17
"""Number of probabilities in a step on a CPU: half a megabyte."""


class Prediction(NamedTuple):
    """The classes of an image's pixels.

    Attributes:
        class_map (np.ndarray): (H, W) uint8: 0 for none of the classes, i
            for ``classes[i - 1]``, 255 for undecided. With more than 254
            classes, it is uint16, with 65535 for undecided.
        confidence (np.ndarray): (H, W) float32, the probability of the most
            likely label, 0..1, including pixels where it is too low to
            decide, and pixels of small components that became "none".
        classes (tuple[str, ...]): Names of the W registered classes.
        probabilities (np.ndarray, optional): (1 + W, H, W) float32, "none"
            first; they sum to 1.
    """

    class_map: np.ndarray
    confidence: np.ndarray
    classes: tuple[str, ...]
    probabilities: np.ndarray | None = None


def predict_classes(views: Sequence[LogitMap], classes: tuple[str, ...],
                    min_confidence: float = 0.0,
                    keep_probabilities: bool = False,
                    min_area: float = 0.0,
                    earlier: Prediction | None = None,
                    smooth: float = 0.0) -> Prediction:
    """Turn logits into classes, with the softmax as probability.

    It works on some rows at a time, as the logits of all classes at the size
    of the image would take many times the memory of the image, and would not
    fit into the cache of a processor.

    Args:
        views (Sequence[LogitMap]): The views of one image, whose
            probabilities are averaged.
        classes (tuple[str, ...]): Names of the W classes.
        min_confidence (float): Pixels whose most likely class is less likely
            are undecided. Defaults to 0.
        keep_probabilities (bool): Whether the prediction holds the
            probabilities. Defaults to False.
        min_area (float): See :func:`clear_small_components`, which is
            applied last. Defaults to 0.
        earlier (Prediction, optional): The frame before this one in a video,
            with probabilities; not used if its size or its classes are
            others. Defaults to none.
        smooth (float): Weight of its probabilities, 0..1. Defaults to 0.

    Returns:
        Prediction: The prediction for the image.
    """
    height, width = views[0].size
    logits = views[0].cells
    num_labels = 1 + len(classes)
    class_map = logits.new_empty(
        (height, width), dtype=tensor_type(num_labels))
    confidence = logits.new_empty((height, width))
    kept = logits.new_empty(
        (num_labels, height, width) if keep_probabilities else 0)
    before = None
    if (earlier is not None and earlier.probabilities is not None
            and earlier.classes == classes
            and earlier.class_map.shape == (height, width)):
        before = torch.from_numpy(earlier.probabilities)
    values = _VALUES_AT_ONCE if logits.is_cpu else 256 * _VALUES_AT_ONCE
    step = max(1, values // (len(logits) * width))
    for start in range(0, height, step):
        part = slice(start, start + step)
        probabilities = mean_probabilities(views, part)
        if before is not None:
            probabilities = probabilities.lerp(
                before[:, part].to(probabilities), smooth)
        confidence[part], label = probabilities.max(0)
        if min_confidence > 0:
            label[confidence[part] < min_confidence] = ignored_label(
                num_labels)
        class_map[part] = label
        if keep_probabilities:
            kept[:, part] = probabilities
    class_map = clear_small_components(class_map.cpu(), min_area)
    return Prediction(
        class_map.numpy().astype(label_type(num_labels), copy=False),
        confidence.cpu().numpy(), classes,
        kept.cpu().numpy() if keep_probabilities else None)


def undecided_below(found: Prediction, min_confidence: float,
                    min_area: float = 0.0) -> np.ndarray:
    """Apply a confidence to a prediction that was made with a lower one.

    Args:
        found (Prediction): A prediction for an image.
        min_confidence (float): See :func:`predict_classes`.
        min_area (float): That of the prediction. Defaults to 0.

    Returns:
        np.ndarray: The class map (H, W) that :func:`predict_classes` makes
        with this confidence.
    """
    class_map = np.where(
        found.confidence < min_confidence,
        ignored_label(1 + len(found.classes)), found.class_map
    ).astype(found.class_map.dtype)
    if not min_area:
        return class_map
    num_labels = 1 + len(found.classes)
    cleared = clear_small_components(torch.from_numpy(class_map.astype(
        np.int32 if class_map.dtype == np.uint16 else np.uint8)), min_area)
    return cleared.numpy().astype(label_type(num_labels), copy=False)


def label_names(classes: Sequence[str]) -> dict[int, str]:
    """Name the labels of class maps.

    Args:
        classes (Sequence[str]): Names of the labels 1..W.

    Returns:
        dict[int, str]: 'none' for 0, the classes, 'undecided' for
        :func:`ignored_label`.
    """
    none, undecided = NOT_CLASSES
    return dict(enumerate([none, *classes])) | {
        ignored_label(1 + len(classes)): undecided}


def to_sample(result: Prediction | InputError, item: ImageItem,
              classifier: str = '', files: Mapping[str, str] | None = None
              ) -> SegDataSample | None:
    """Turn a prediction into mmseg's sample, and an error into None.

    Args:
        result (Prediction | InputError): A prediction with probabilities.
        item (ImageItem): The image.
        classifier (str): What classified it. Defaults to ''.
        files (Mapping[str, str], optional): Paths of what was written, by
            'mask' and 'overlay'. Defaults to none.

    Returns:
        SegDataSample | None: ``pred_sem_seg`` and ``confidence`` (1, H, W),
        ``probabilities`` (1 + W, H, W), and in the metainfo ``classes``,
        ``class_names`` by label, ``classifier``, ``ori_shape``, ``name``,
        ``img_path``, which is None for an array or a video, and ``files``.
    """
    if isinstance(result, InputError):
        return None
    labels = result.class_map
    if labels.dtype != np.uint8:  # torch computes little with uint16
        labels = labels.astype(np.int32)
    data = dict(
        pred_sem_seg=labels[None],
        confidence=result.confidence[None], probabilities=result.probabilities)
    return SegDataSample(
        metainfo=dict(
            classes=result.classes, ori_shape=result.class_map.shape,
            class_names=label_names(result.classes), classifier=classifier,
            name=item.name, files=dict(files or {}),
            img_path=item.source if isinstance(item.source, str) else None),
        **{key: PixelData(data=torch.from_numpy(value))
           for key, value in data.items()})
