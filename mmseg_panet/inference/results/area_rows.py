"""The table of a summary: the share of each class in each image."""
from collections.abc import Sequence

import numpy as np

from ...annotations.label_type import ignored_label
from ...annotations.reserved_names import NOT_CLASSES
from ...visualization.legend import percent
from ...wording import counted

_MOST_ROWS = 10
"""Images, and classes, of the table."""


def area_rows(names: Sequence[str], class_maps: Sequence[np.ndarray | None],
              classes: Sequence[str]) -> list[list[str]]:
    """Write the share of each class in each image, as there is room.

    Args:
        names (Sequence[str]): Names of the images.
        class_maps (Sequence[np.ndarray | None]): (H, W) each; None for an
            image that cannot be read.
        classes (Sequence[str]): Names of the labels 1..W.

    Returns:
        list[list[str]]: The cells of the rows, of which the first one is the
        head of the table.
    """
    columns = [NOT_CLASSES[0], *classes, NOT_CLASSES[1]]
    undecided = ignored_label(len(columns) - 1)
    shares = [
        None if labels is None else np.bincount(
            labels.ravel(), minlength=1 + undecided) * 100 / labels.size
        for labels in class_maps[:_MOST_ROWS]]
    labels = [*range(len(columns) - 1), undecided]
    sums = sum((one for one in shares if one is not None),
               np.zeros(1 + undecided))
    present = [i for i, label in enumerate(labels) if sums[label] > 0]
    largest = sorted(present, key=lambda i: -sums[labels[i]])
    chosen = sorted(largest[:_MOST_ROWS])
    left_out = len(present) - len(chosen)
    rows = [[
        'image', *(columns[i] for i in chosen),
        *([f"({counted(left_out, 'more class', 'more classes')})"]
          if left_out else [])]]
    for name, share in zip(names, shares, strict=False):
        cells = ['-' if share is None else percent(share[labels[i]])
                 for i in chosen]
        rows.append([name, *cells, *([''] if left_out else [])])
    if len(names) > _MOST_ROWS:
        more = len(names) - _MOST_ROWS
        rows.append([f'({more} more)', *[''] * (len(rows[0]) - 1)])
    return rows
