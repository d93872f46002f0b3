"""The largest number of pixels of an image, also for OpenCV and Pillow."""
import os

from PIL import Image

MAX_PIXELS = 2**28
"""Pixels of the largest image that is read, unless a variable says more.

The largest photographs have 200 million.
"""
_OF_PILLOW = 1024**3 // 4 // 3
"""Pillow's own limit."""
VARIABLE = 'MMSEG_PANET_MAX_PIXELS'
"""Environment variable with another number of pixels."""


def limit_opencv() -> None:
    """Give OpenCV the limit, unless its own variable is set.

    OpenCV reads it when it is imported, and ends at one that is no number.
    """
    value = os.environ.get(VARIABLE, '')
    os.environ.setdefault(
        'OPENCV_IO_MAX_IMAGE_PIXELS',
        value if value.isdecimal() else str(MAX_PIXELS))


def limit_pillow() -> None:
    """Give Pillow the limit, unless the program has set one.

    mmseg reads masks with Pillow, which warns above a third and refuses above
    two thirds of our limit.
    """
    if Image.MAX_IMAGE_PIXELS == _OF_PILLOW:
        value = os.environ.get(VARIABLE, '')
        Image.MAX_IMAGE_PIXELS = max(
            _OF_PILLOW, int(value) if value.isdecimal() else MAX_PIXELS)
