"""The calibration of confidences."""
import numpy as np

BINS = 15
"""Guo et al., On calibration of modern neural networks, 2017."""


class Reliability:
    """Counts the pixels and the correct pixels of images, by confidence."""

    def __init__(self) -> None:
        self.pixels, self.right, self.confidence = np.zeros((3, BINS))

    def add(self, confidence: np.ndarray, right: np.ndarray) -> None:
        """Count some pixels.

        Args:
            confidence (np.ndarray): (n,), 0..1.
            right (np.ndarray): bool (n,).
        """
        which = np.minimum((confidence * BINS).astype(int), BINS - 1)
        for total, weights in ((self.pixels, None), (self.right, right),
                               (self.confidence, confidence)):
            total += np.bincount(which, weights, BINS)

    def error(self) -> float:
        """Return the expected calibration error, in percent."""
        apart = np.abs(self.confidence - self.right).sum()
        return float(100 * apart / self.pixels.sum())

    def below(self, confidence: float) -> tuple[float, float]:
        """Return how many pixels are below, and how many others are right.

        Args:
            confidence (float): Of a bin's edge.

        Returns:
            tuple[float, float]: Percentages of all, and of those above.
        """
        edge = round(confidence * BINS)
        return (float(100 * self.pixels[:edge].sum() / self.pixels.sum()),
                float(100 * self.right[edge:].sum()
                      / self.pixels[edge:].sum()))
