"""Facts of a TIFF file that OpenCV does not report."""
import os
from pathlib import Path
from typing import NamedTuple

from PIL.TiffImagePlugin import ImageFileDirectory_v2

_SUFFIXES = ('.tif', '.tiff')
_SUBFILE, _WIDTH, _HEIGHT, _BITS = 254, 256, 257, 258
"""Tags of TIFF 6.0: a page's kind and size, and the bits of each channel."""
_NO_PAGE = 1 | 4
"""Bits of a kind: a smaller version of another page, or its mask."""
_BIG = 43
"""The version of BigTIFF, whose header is twice as long."""


class TiffFacts(NamedTuple):
    """Facts from the directories of a TIFF file.

    Attributes:
        bits (int): Bits of a channel in the first page.
        pages (int): Number of pages, without thumbnails and masks.
        size (tuple[int, int]): H and W of the first page.
    """

    bits: int
    pages: int
    size: tuple[int, int]


def tiff_facts(path: str) -> TiffFacts | None:
    """Read the directories of a TIFF file, without its pixels.

    Args:
        path (str): Path of an image.

    Returns:
        TiffFacts | None: None if it is no TIFF by its suffix, or damaged.
    """
    if Path(path).suffix.lower() not in _SUFFIXES:
        return None
    try:
        with open(path, 'rb') as file:
            header = file.read(8)
            if _BIG in header[2:4]:
                header += file.read(8)
            page = ImageFileDirectory_v2(header)
            bits, size, seen = 0, (0, 0), set()
            kinds: list[int] = []
            length = os.fstat(file.fileno()).st_size
            while page.next and page.next not in seen:
                if page.next >= length:  # it is cut short
                    return None
                seen.add(page.next)
                file.seek(page.next)
                page.load(file)
                bits = bits or max(page.get(_BITS, (1,)))
                if not kinds:
                    size = int(page[_HEIGHT]), int(page[_WIDTH])
                kinds.append(int(page.get(_SUBFILE, 0)))
    # A damaged directory may raise any error.
    except Exception:
        return None
    return TiffFacts(
        bits, sum(not kind & _NO_PAGE for kind in kinds), size)
