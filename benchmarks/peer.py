"""The peer: PANet, computed in the plain way.

Written from the equations of the paper, in the order in which its released
code works: all images through the backbone at once, then loops over episodes,
ways and shots. Every pooling resizes the features to the mask,
prototypes are matched one by one, and the evaluation counts pixels as sets of
coordinates. The equations are those of ``tests/plain_panet.py``.
"""
from collections.abc import Callable, Iterator

import torch
from plain_panet import (
    alignment_loss,
    match,
    prototypes_of,
    segmentation_loss,
    up,
)
from torch import Tensor, nn

from .case import Case


def training_losses(backbone: nn.Module, images: Tensor, labels: Tensor,
                    case: Case) -> tuple[Tensor, Tensor]:
    """Compute the two losses of a batch, means over its episodes.

    Args:
        backbone (nn.Module): Its last output is used.
        images (Tensor): (B * (W * S + 1), 3, H, W), normalised.
        labels (Tensor): (B * (W * S + 1), H, W), episode labels.
        case (Case): B, W and S.

    Returns:
        tuple[Tensor, Tensor]: Segmentation and alignment loss.
    """
    losses = []
    for supports, support_labels, queries, query_labels in _episodes(
            backbone, images, labels, case):
        prototypes = prototypes_of(supports, support_labels)
        logits = [match(query, prototypes) for query in queries]
        losses.append(torch.stack([
            segmentation_loss(logits, query_labels),
            alignment_loss(
                supports, support_labels, queries, query_labels, logits)]))
    segmentation, alignment = torch.stack(losses).mean(0)
    return segmentation, alignment


def training_step(backbone: nn.Module, optimizer: torch.optim.Optimizer,
                  images: Tensor, labels: Tensor,
                  case: Case) -> Callable[[], None]:
    """Make a step: forward, losses, backward, update."""

    def step() -> None:
        sum(training_losses(backbone, images, labels, case)).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


@torch.no_grad()
def predict(backbone: nn.Module, images: Tensor, labels: Tensor,
            case: Case) -> list[Tensor]:
    """Segment the query of every episode; arguments as for training.

    Returns:
        list[Tensor]: B times (H, W), episode labels.
    """
    predictions = []
    for supports, support_labels, queries, _ in _episodes(
            backbone, images, labels, case):
        logits = match(queries[0], prototypes_of(supports, support_labels))
        predictions.append(up(logits, labels.shape[1:]).argmax(0))
    return predictions


def count(prediction: Tensor, ground_truth: Tensor,
          num_ways: int) -> list[tuple[int, int]]:
    """Count intersection and union of every label by sets of coordinates.

    Args:
        prediction (Tensor): (H, W), episode labels.
        ground_truth (Tensor): (H, W), episode labels, 255 left out.
        num_ways (int): W.

    Returns:
        list[tuple[int, int]]: 1 + W pairs, background first.
    """
    valid = ground_truth != 255
    counts = []
    for label in range(1 + num_ways):
        predicted, true = (
            _coordinates((labels == label) & valid)
            for labels in (prediction, ground_truth))
        counts.append((len(predicted & true), len(predicted | true)))
    return counts


def _coordinates(mask: Tensor) -> set[tuple[int, int]]:
    rows, columns = mask.nonzero(as_tuple=True)
    return set(zip(rows.tolist(), columns.tolist(), strict=True))


def evaluation(backbone: nn.Module, images: Tensor, labels: Tensor,
               case: Case) -> Callable[[], None]:
    """Make the evaluation of all episodes of a batch."""
    query_labels = labels.unflatten(0, (case.batch, -1))[:, -1]

    def evaluate() -> None:
        predictions = predict(backbone, images, labels, case)
        for pair in zip(predictions, query_labels, strict=True):
            count(*pair, case.ways)

    return evaluate


def _episodes(backbone: nn.Module, images: Tensor, labels: Tensor,
              case: Case) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Yield supports, their labels, query and its labels by episode."""
    features = backbone(images)[-1].chunk(case.batch)
    ways_and_shots = (case.ways, case.shots)
    for maps, part in zip(features, labels.chunk(case.batch), strict=True):
        yield (maps[:-1].unflatten(0, ways_and_shots),
               part[:-1].unflatten(0, ways_and_shots),
               maps[-1:], part[-1:])
