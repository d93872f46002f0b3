"""The largest number of pixels of an image, also for OpenCV."""
import os

MAX_PIXELS = 2**28
"""Pixels of the largest image that is read, unless a variable says more.

The largest photographs have 200 million.
"""
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
