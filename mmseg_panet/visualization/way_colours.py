"""The colours of the ways of an episode, by their numbers."""
import colorsys

import numpy as np


def way_colour(way: int) -> tuple[int, int, int]:
    """Give the RGB colour of a way, 1.., far from those before it."""
    # Steps of the golden ratio never come near an earlier hue soon.
    hue = (0.98 + 0.618034 * (way - 1)) % 1
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, 1.0)
    return int(255 * red), int(255 * green), int(255 * blue)


PALETTE = np.array(
    [(0, 0, 0), *map(way_colour, range(1, 255)), (128, 128, 128)], np.uint8)
"""RGB colours of episode labels, (256, 3)."""
