"""The type of labels: 8 bits, or 16 bits for more than 254 classes."""
import numpy as np

IGNORED = 255
"""Label of 8 bits that is ignored, unknown or undecided."""
WIDE_IGNORED = 65535
"""The same for labels of 16 bits, where 255 is a label like others."""
MOST_CLASSES = WIDE_IGNORED - 1
"""Maximum number of classes beside the background."""


def label_type(num_labels: int) -> np.dtype:
    """Choose the type of the labels 0..num_labels - 1.

    Args:
        num_labels (int): Number of classes with the background.

    Returns:
        np.dtype: uint8 for up to 255 labels, and uint16 for more.

    Example:
        >>> label_type(255), label_type(256)
        (dtype('uint8'), dtype('uint16'))
    """
    return np.dtype(np.uint8 if num_labels <= IGNORED else np.uint16)


def ignored_label(num_labels: int) -> int:
    """Return the label of ignored pixels beside 0..num_labels - 1.

    Args:
        num_labels (int): Number of classes with the background.

    Returns:
        int: 255 for up to 255 labels, and 65535 for more.
    """
    return IGNORED if num_labels <= IGNORED else WIDE_IGNORED


def ignored_of(dtype: np.dtype) -> int:
    """Return the label of ignored pixels in an array of a type.

    Args:
        dtype (np.dtype): Type of the labels.

    Returns:
        int: 65535 for uint16. 255 for all others: the loaders of mmseg and
        of other projects mark ignored pixels with it in any type.
    """
    return WIDE_IGNORED if dtype == np.uint16 else IGNORED
