"""Counting the pixels of intersections and unions."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError


@dataclass(frozen=True)
class EpisodeCounts:
    """Pixels of one episode, summed over its queries.

    Attributes:
        run (int): The run it belongs to.
        episode (int): Its index in the run.
        class_ids (tuple[int, ...]): The class of each way, (W,).
        intersection (np.ndarray): (W + 2,) int64: of every way, then of the
            foreground (any way) and of the background.
        union (np.ndarray): (W + 2,), likewise.
    """

    run: int
    episode: int
    class_ids: tuple[int, ...]
    intersection: np.ndarray
    union: np.ndarray


def count_pixels(prediction: Tensor, ground_truth: Tensor, num_ways: int,
                 ignore_index: int = 255,
                 count_absent: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Intersections and unions of one query.

    A way's false positives count whether or not the ground truth shows the
    way, unless ``count_absent`` is off; ignored pixels count nowhere.

    Args:
        prediction (Tensor): (H, W), episode labels 0..W.
        ground_truth (Tensor): (H, W), episode labels 0..W and
            ``ignore_index``.
        num_ways (int): W.
        ignore_index (int): Defaults to 255.
        count_absent (bool): False leaves out what the ground truth does not
            show (a way, the foreground, the background), as the released
            code of PANet does. Defaults to True.

    Returns:
        tuple[np.ndarray, np.ndarray]: Intersection and union, each (W + 2,)
        int64, as in :class:`EpisodeCounts`.

    Raises:
        InputError: If the sizes differ.

    Example:
        >>> import torch
        >>> count_pixels(torch.tensor([[1, 1, 0, 1]]),
        ...              torch.tensor([[1, 0, 0, 255]]), num_ways=1)
        (array([1, 1, 1]), array([2, 2, 2]))
    """
    if prediction.shape != ground_truth.shape:
        raise InputError(
            f'the prediction is {tuple(prediction.shape)} but the ground '
            f'truth {tuple(ground_truth.shape)}: put LoadAnnotations after '
            'the resize in query_pipeline')
    classes = 1 + num_ways
    valid = ground_truth != ignore_index
    pairs = ground_truth[valid].long() * classes + prediction[valid].long()
    confusion = pairs.bincount(minlength=classes**2).cpu().numpy()
    return intersection_and_union(
        confusion.reshape(classes, classes), count_absent)


def intersection_and_union(confusion: np.ndarray, count_absent: bool = True
                           ) -> tuple[np.ndarray, np.ndarray]:
    """What confusion matrices of queries say of each way.

    Args:
        confusion (np.ndarray): (..., 1 + W, 1 + W) int64, pixels by
            (ground truth, prediction), background first.
        count_absent (bool): See :func:`count_pixels`. Defaults to True.

    Returns:
        tuple[np.ndarray, np.ndarray]: Intersection and union, each
        (..., W + 2) int64, as in :class:`EpisodeCounts`.
    """
    hits = confusion.diagonal(axis1=-2, axis2=-1)  # (..., 1 + W)
    shown = confusion.sum(-1)
    unions = confusion.sum(-2) + shown - hits
    everything = shown.sum(-1)
    # Confusing two ways is right about the foreground.
    foreground = confusion[..., 1:, 1:].sum((-2, -1))
    intersection = _ways_fore_back(hits, foreground)
    union = _ways_fore_back(unions, everything - hits[..., 0])
    if not count_absent:
        areas = _ways_fore_back(shown, everything - shown[..., 0])
        union = union * (areas > 0)
    return intersection, union


def _ways_fore_back(classes: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """From (..., 1 + W), background first, to (..., W + 2)."""
    return np.concatenate(
        [classes[..., 1:], foreground[..., None], classes[..., :1]], axis=-1)


def label_confusion(predictions: Tensor, ground_truth: Tensor, num_ways: int,
                    num_labels: int) -> Tensor:
    """Count the predictions of many episodes against one ground truth.

    Args:
        predictions (Tensor): uint8 (E, H, W), 0 to W.
        ground_truth (Tensor): (H, W), 0 to num_labels - 1 and 255, ignored.
        num_ways (int): W.
        num_labels (int): T.

    Returns:
        Tensor: int64 (E, T, 1 + W), pixels by (ground truth, prediction).
    """
    expected = ground_truth.flatten()
    # As a product of matrices: float32 counts exactly up to 2^24 pixels.
    dtype = torch.float32 if expected.numel() <= 2**24 else torch.float64
    labels = torch.arange(num_labels, device=expected.device)
    shown = (expected == labels[:, None]).to(dtype)  # (T, P)
    ways = [
        (predictions == way).flatten(1).to(dtype) @ shown.T  # (E, T)
        for way in range(1, 1 + num_ways)]
    background = shown.sum(1) - sum(ways)
    return torch.stack([background, *ways], dim=2).round().long()


def episode_confusion(confusion: np.ndarray, class_ids: Sequence[int],
                      ways: Sequence[int]) -> np.ndarray:
    """Turn the classes of a ground truth into the ways of one episode.

    Args:
        confusion (np.ndarray): (1 + n, 1 + W), see :func:`label_confusion`;
            label 0 of the ground truth is any class but the n.
        class_ids (Sequence[int]): The n classes.
        ways (Sequence[int]): The episode's W classes.

    Returns:
        np.ndarray: (1 + W, 1 + W), by (ground truth, prediction).

    Example:
        Of the classes 7 and 9 in the image, the episode asks for 9 alone, so
        7 is background:

        >>> confusion = np.array([[50, 1], [20, 2], [3, 30]])
        >>> episode_confusion(confusion, class_ids=[7, 9], ways=[9])
        array([[70,  3],
               [ 3, 30]])
    """
    of_class = dict(zip(class_ids, confusion[1:], strict=True))
    absent = np.zeros_like(confusion[0])
    of_ways = [of_class.get(class_id, absent) for class_id in ways]
    return np.stack([confusion.sum(0) - sum(of_ways), *of_ways])
