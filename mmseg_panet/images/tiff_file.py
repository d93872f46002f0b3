"""The directories of a TIFF file: facts that OpenCV does not report."""
import os
from typing import IO, Any, NamedTuple

from PIL.TiffImagePlugin import ImageFileDirectory_v2

_MAGIC = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
"""The first bytes of TIFF and BigTIFF, whatever the suffix."""
(_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _CHANNELS,
 _EXTRA, _FORMAT) = 254, 256, 257, 258, 262, 274, 277, 338, 339
"""Tags of TIFF 6.0."""
_NO_PAGE = 1 | 4
"""Bits of a kind: a smaller version of another page, or its mask."""
_BIG = 43
"""The version of BigTIFF, whose header is twice as long."""
_RGB, _CMYK = 2, 5
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
"""Values of SampleFormat."""


class TiffFacts(NamedTuple):
    """Facts from the directories of a TIFF file.

    Attributes:
        bits (int): Bits of a channel in the first page.
        pages (int): Number of pages, without thumbnails and masks.
        size (tuple[int, int]): Stored H and W of the first page.
        channels (int): Channels of the first page.
        kind (int): :data:`UNSIGNED`, :data:`SIGNED`, :data:`FLOAT` or
            another value of SampleFormat.
        alpha (bool): Whether the last channel is an opacity.
        tags (Any): All tags of the first page, as Pillow holds them.
        order (str): Order of bytes, '<' or '>'.
    """

    bits: int
    pages: int
    size: tuple[int, int]
    channels: int
    kind: int
    alpha: bool
    tags: Any
    order: str

    @property
    def colours(self) -> int:
        """Channels of a viewer's picture, without the opacity."""
        cmyk = self.tags.get(_PHOTOMETRIC) == _CMYK and self.channels < 6
        return 3 if cmyk else self.channels - self.alpha

    @property
    def orientation(self) -> int:
        """Orientation, 1..8, see :func:`orientation_of`."""
        found = self.tags.get(_ORIENTATION, 1)
        return found if found in range(1, 9) else 1

    @property
    def oriented_size(self) -> tuple[int, int]:
        """H and W with the orientation applied."""
        height, width = self.size
        return (height, width) if self.orientation < 5 else (width, height)

    @property
    def is_usual(self) -> bool:
        """Whether its values are of 8 or 16 bits from 0, or of a palette."""
        return self.kind not in (SIGNED, FLOAT, 5, 6) and (
            self.bits in (1, 2, 4, 8, 16))


def tiff_facts(file: IO[bytes]) -> TiffFacts | None:
    """Read the directories of a TIFF file, without its pixels.

    Args:
        file (IO): The file, open for reading in bytes.

    Returns:
        TiffFacts | None: None if it is no TIFF by its content, or damaged.
    """
    header = file.read(8)
    if header[:4] not in _MAGIC:
        return None
    try:
        order = '<' if header[:2] == b'II' else '>'
        length = file.seek(0, os.SEEK_END)
        file.seek(8)
        if _BIG in header[2:4]:
            header += file.read(8)
        page = ImageFileDirectory_v2(header)
        seen: set[int] = set()
        kinds: list[int] = []
        first: Any = None
        while page.next and page.next not in seen:
            if page.next >= length:  # it is cut short
                return None
            seen.add(page.next)
            file.seek(page.next)
            page.load(file)
            kinds.append(int(page.get(_SUBFILE, 0)))
            if first is None:
                first = {tag: page[tag] for tag in page}
        return _facts(first, kinds, order)
    # A damaged directory may raise any error.
    except Exception:
        return None


def _facts(tags: dict, kinds: list[int], order: str) -> TiffFacts:
    channels = int(tags.get(_CHANNELS, 1))
    extra = tags.get(_EXTRA)
    # Some writers leave the tag out where the fourth channel is an opacity.
    alpha = channels in (2, 4) and (
        extra[-1:] in ((1,), (2,)) if extra is not None
        else channels == 4 and tags.get(_PHOTOMETRIC) == _RGB)
    return TiffFacts(
        max(tags.get(_BITS, (1,))),
        sum(not kind & _NO_PAGE for kind in kinds),
        (int(tags[_HEIGHT]), int(tags[_WIDTH])), channels,
        int(max(tags.get(_FORMAT, (UNSIGNED,)))), alpha, tags, order)
