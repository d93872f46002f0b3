"""The counting of the pixels in intersections and unions."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError


@dataclass(frozen=True)
class EpisodeCounts:
    """The pixel counts of one episode, summed over its queries.

    Attributes:
        run (int): Run of the episode.
        episode (int): Index of the episode in its run.
        class_ids (tuple[int, ...]): Class of each way, (W,).
        intersection (np.ndarray): Pixels in the intersection of prediction
            and ground truth, (W + 2,) int64: of every way, then of the
            foreground (any way) and of the background.
        union (np.ndarray): Pixels in the union, (W + 2,) int64, in the same
            order.
    """

    run: int
    episode: int
    class_ids: tuple[int, ...]
    intersection: np.ndarray
    union: np.ndarray


def count_pixels(prediction: Tensor, ground_truth: Tensor, num_ways: int,
                 ignore_index: int = 255,
                 count_absent: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Count the pixels in the intersections and unions of one query.

    Args:
        prediction (Tensor): Episode labels 0 to W, (H, W).
        ground_truth (Tensor): Episode labels 0 to W and ``ignore_index``,
            (H, W).
        num_ways (int): Number of ways, W.
        ignore_index (int): Label of pixels that are not counted. Defaults to
            255.
        count_absent (bool): Whether false positives count for a way, the
            foreground or the background even if the ground truth does not
            show it. The released code of PANet does not count them. Defaults
            to True.

    Returns:
        tuple[np.ndarray, np.ndarray]: Intersection and union, each (W + 2,)
        int64, as in :class:`EpisodeCounts`.

    Raises:
        InputError: If the sizes of prediction and ground truth differ.

    Example:
        >>> import torch
        >>> count_pixels(torch.tensor([[1, 1, 0, 1]]),
        ...              torch.tensor([[1, 0, 0, 255]]), num_ways=1)
        (array([1, 1, 1]), array([2, 2, 2]))
    """
    if prediction.shape != ground_truth.shape:
        raise InputError(
            'expected a prediction of the shape of the ground truth, '
            f'{tuple(ground_truth.shape)}, got {tuple(prediction.shape)}; '
            'put LoadAnnotations after the resize in query_pipeline')
    classes = 1 + num_ways
    valid = ground_truth != ignore_index
    pairs = ground_truth[valid].long() * classes + prediction[valid].long()
    confusion = pairs.bincount(minlength=classes**2).cpu().numpy()
    return intersection_and_union(
        confusion.reshape(classes, classes), count_absent)


def intersection_and_union(confusion: np.ndarray, count_absent: bool = True
                           ) -> tuple[np.ndarray, np.ndarray]:
    """Compute intersections and unions from confusion matrices.

    Args:
        confusion (np.ndarray): Pixels by (ground truth, prediction),
            (..., 1 + W, 1 + W) int64, with the background first.
        count_absent (bool): Whether false positives of absent ways count, see
            :func:`count_pixels`. Defaults to True.

    Returns:
        tuple[np.ndarray, np.ndarray]: Intersection and union, each
        (..., W + 2) int64, as in :class:`EpisodeCounts`.
    """
    hits = confusion.diagonal(axis1=-2, axis2=-1)  # (..., 1 + W)
    shown = confusion.sum(-1)
    unions = confusion.sum(-2) + shown - hits
    everything = shown.sum(-1)
    # A pixel of another way is wrong for the way, not for the foreground.
    foreground = confusion[..., 1:, 1:].sum((-2, -1))
    intersection = _ways_fore_back(hits, foreground)
    union = _ways_fore_back(unions, everything - hits[..., 0])
    if not count_absent:
        areas = _ways_fore_back(shown, everything - shown[..., 0])
        union = union * (areas > 0)
    return intersection, union


def _ways_fore_back(classes: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """Reorder (..., 1 + W), background first, to (..., W + 2)."""
    return np.concatenate(
        [classes[..., 1:], foreground[..., None], classes[..., :1]], axis=-1)


def label_confusion(predictions: Tensor, ground_truth: Tensor, num_ways: int,
                    num_labels: int) -> Tensor:
    """Compute the confusion of many episodes with one ground truth.

    Args:
        predictions (Tensor): Episode labels 0 to W, uint8 (E, H, W).
        ground_truth (Tensor): Labels 0 to T - 1, and 255 for ignored pixels,
            (H, W).
        num_ways (int): Number of ways, W.
        num_labels (int): Number of labels of the ground truth, T.

    Returns:
        Tensor: Pixels by (ground truth, prediction), int64 (E, T, 1 + W).
    """
    expected = ground_truth.flatten()
    # A matrix product counts fast. float32 is exact up to 2^24 pixels.
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
    """Map the classes of a ground truth to the ways of one episode.

    Args:
        confusion (np.ndarray): Pixels by (ground truth, prediction),
            (1 + n, 1 + W), see :func:`label_confusion`. Label 0 of the ground
            truth is every class other than the n classes.
        class_ids (Sequence[int]): Ids of the n classes.
        ways (Sequence[int]): Ids of the W classes of the episode.

    Returns:
        np.ndarray: Pixels by (ground truth, prediction), (1 + W, 1 + W).

    Example:
        The image shows the classes 7 and 9. The episode has the class 9 only,
        so 7 is background:

        >>> confusion = np.array([[50, 1], [20, 2], [3, 30]])
        >>> episode_confusion(confusion, class_ids=[7, 9], ways=[9])
        array([[70,  3],
               [ 3, 30]])
    """
    of_class = dict(zip(class_ids, confusion[1:], strict=True))
    absent = np.zeros_like(confusion[0])
    of_ways = [of_class.get(class_id, absent) for class_id in ways]
    return np.stack([confusion.sum(0) - sum(of_ways), *of_ways])
