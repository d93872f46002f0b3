"""What the inferencer says about an image."""
from typing import NamedTuple

import numpy as np
from torch import Tensor

UNDECIDED = 255


class Prediction(NamedTuple):
    """The classes of an image's pixels.

    Attributes:
        class_map (np.ndarray): (H, W) uint8: 0 where it is none of the
            taught classes, i for ``classes[i - 1]``, 255 where it is
            undecided.
        confidence (np.ndarray): (H, W) float32, the probability of what is
            most likely, 0..1; also where that is too low to decide.
        classes (tuple[str, ...]): The taught classes, W.
        probabilities (np.ndarray, optional): (1 + W, H, W) float32, "none"
            first; they sum to 1.
    """

    class_map: np.ndarray
    confidence: np.ndarray
    classes: tuple[str, ...]
    probabilities: np.ndarray | None = None


def predict_classes(logits: Tensor,
                    classes: tuple[str, ...],
                    min_confidence: float = 0.0,
                    keep_probabilities: bool = False) -> Prediction:
    """Turn logits into classes, with the softmax as probability.

    Args:
        logits (Tensor): (1 + W, H, W), background first.
        classes (tuple[str, ...]): W names.
        min_confidence (float): Pixels whose most likely class is less likely
            are undecided. Defaults to 0.
        keep_probabilities (bool): Whether the prediction holds them.

    Returns:
        Prediction: Of the image.
    """
    probabilities = logits.softmax(0)
    confidence, label = probabilities.max(0)
    if min_confidence > 0:
        label[confidence < min_confidence] = UNDECIDED
    return Prediction(
        label.byte().cpu().numpy(), confidence.cpu().numpy(), classes,
        probabilities.cpu().numpy() if keep_probabilities else None)
