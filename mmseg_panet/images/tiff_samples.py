"""The samples of a TIFF file of any type and any number of channels.

OpenCV reads at most four channels, and neither it nor Pillow reads all types.
"""
import io
import math
import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from ..errors import InputError, is_out_of_memory
from .orientation import turn
from .pixel_limit import open_unlimited
from .tiff_file import FLOAT, SIGNED, UNSIGNED, TiffFacts

(_COMPRESSION, _FILL, _STRIPS, _ROWS, _STRIP_BYTES, _PLANAR,
 _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _NODATA
 ) = 259, 266, 273, 278, 279, 284, 317, 322, 323, 324, 325, 42113
"""Tags of TIFF 6.0, and that of GDAL."""
_RAW, _DEFLATE = 1, (8, 32946)
_BY_PILLOW = (5, 32773, 34925, 50000)
"""LZW, PackBits, LZMA and Zstandard."""
_TYPES = {
    (UNSIGNED, 8): 'u1', (UNSIGNED, 16): 'u2', (UNSIGNED, 32): 'u4',
    (UNSIGNED, 64): 'u8', (SIGNED, 8): 'i1', (SIGNED, 16): 'i2',
    (SIGNED, 32): 'i4', (SIGNED, 64): 'i8', (FLOAT, 16): 'f2',
    (FLOAT, 32): 'f4', (FLOAT, 64): 'f8'}


def can_read(facts: TiffFacts) -> bool:
    """Tell whether :func:`tiff_samples` reads the compression and the type.

    Args:
        facts (TiffFacts): Facts of the file.
    """
    packed = facts.kind not in (SIGNED, FLOAT) and facts.bits < 16
    return ((facts.kind, facts.bits) in _TYPES or packed) and (
        facts.tags.get(_COMPRESSION, 1) in (_RAW, *_DEFLATE, *_BY_PILLOW)
        and facts.tags.get(_FILL, 1) == 1)


def tiff_samples(content: bytes, facts: TiffFacts, where: object,
                 bands: Sequence[int]) -> np.ndarray:
    """Read the samples of the first page as they are stored.

    Args:
        content (bytes): The file.
        facts (TiffFacts): Its facts, for which :func:`can_read` is true.
        where (object): Name of the file, for messages.
        bands (Sequence[int]): Channels to read, from 1.

    Returns:
        np.ndarray: (H, W, len(bands)) of integers or floats, with the
        orientation applied.

    Raises:
        InputError: If the file is damaged or cut short.
    """
    try:
        samples = np.concatenate(list(_planes(content, facts, bands)), axis=2)
    # A damaged file may raise any error.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        method = facts.tags.get(_COMPRESSION, 1)
        # Some builds of Pillow lack a compression.
        also = ', or save it with Deflate' * (method in _BY_PILLOW)
        raise InputError(
            f'{where} is no complete image ({error}); replace the file or '
            f'leave it out{also}') from error
    return turn(samples, facts.orientation)


def no_data(facts: TiffFacts) -> float | None:
    """Return the value that GDAL marks as no data; None without one."""
    try:
        return float(str(facts.tags[_NODATA]).strip('\0 '))
    except (KeyError, ValueError):
        return None


def _planes(content: bytes, facts: TiffFacts, bands: Sequence[int]
            ) -> Iterator[np.ndarray]:
    """Read the bands (H, W, n) of each plane that is needed."""
    separate = facts.tags.get(_PLANAR, 1) == 2
    if not separate:
        yield _plane(content, facts, 0, facts.channels, [
            band - 1 for band in bands])
        return
    for band in bands:
        yield _plane(content, facts, band - 1, 1, [0])


def _plane(content: bytes, facts: TiffFacts, plane: int, channels: int,
           chosen: list[int]) -> np.ndarray:
    """Decode the strips or tiles of a plane, and put them together."""
    tags, (height, width) = facts.tags, facts.size
    if _TILES in tags:
        tile = int(tags[_TILE_HEIGHT]), int(tags[_TILE_WIDTH])
        places, lengths = tags[_TILES], tags[_TILE_BYTES]
    else:
        tile = min(int(tags.get(_ROWS, height)), height), width
        places, lengths = tags[_STRIPS], tags[_STRIP_BYTES]
    if min(tile) < 1 or tile[0] > 2 * height + 512 or (
            tile[1] > 2 * width + 512):
        raise ValueError(f'tiles of {tile[1]}x{tile[0]} pixels')
    down, across = math.ceil(height / tile[0]), math.ceil(width / tile[1])
    result: np.ndarray | None = None
    for number in range(down * across):
        place = plane * down * across + number
        top, left = number // across * tile[0], number % across * tile[1]
        rows = tile[0] if _TILES in tags else min(tile[0], height - top)
        start, length = int(places[place]), int(lengths[place])
        if start + length > len(content):
            raise ValueError('it is cut short')
        part = _decode(
            content[start:start + length], facts, rows, tile[1], channels)
        if result is None:
            result = np.zeros((height, width, len(chosen)), part.dtype)
        result[top:top + rows, left:left + tile[1]] = part[
            :height - top, :width - left, chosen]
    assert result is not None
    return result


def _decode(data: bytes, facts: TiffFacts, height: int, width: int,
            channels: int) -> np.ndarray:
    """Decode a strip or a tile, (height, width, channels)."""
    row = -(-width * channels * facts.bits // 8)
    data = _unpack(data, facts.tags.get(_COMPRESSION, 1), height, row)
    if len(data) < height * row:
        raise ValueError('it is cut short')
    rows = np.frombuffer(data, np.uint8, height * row).reshape(height, row)
    if (facts.kind, facts.bits) not in _TYPES:  # packed, high bits first
        bits = np.unpackbits(rows, axis=1)[:, :width * channels * facts.bits]
        values = bits.reshape(height, width, channels, facts.bits).dot(
            1 << np.arange(facts.bits - 1, -1, -1, dtype=np.uint16))
        return values.astype(np.uint16)
    name = _TYPES[facts.kind, facts.bits]
    order = facts.order
    predictor = facts.tags.get(_PREDICTOR, 1)
    if predictor == 3:
        # Adobe's technical note 3: differences of bytes, high bytes first.
        spread = np.cumsum(
            rows.reshape(height, -1, channels), axis=1, dtype=np.uint8)
        size = facts.bits // 8
        rows = np.ascontiguousarray(
            spread.reshape(height, size, -1).swapaxes(1, 2)).reshape(
                height, row)
        order = '>'
    shape = height, width, channels
    if predictor == 2:
        whole = rows.view(f'{order}u{facts.bits // 8}').reshape(shape)
        native = np.dtype(f'u{facts.bits // 8}')
        return np.cumsum(whole, axis=1, dtype=native).view(name)
    return rows.view(order + name).reshape(shape).astype(name)


def _unpack(data: bytes, compression: int, height: int, row: int) -> bytes:
    """Undo the compression of a strip or a tile."""
    if compression == _RAW:
        return data
    if compression in _DEFLATE:
        return zlib.decompressobj().decompress(data, height * row)
    # Pillow decodes the bytes as a grey image of 8 bits.
    tags = [(256, 4, row), (257, 4, height), (258, 3, 8),
            (259, 3, compression), (262, 3, 1), (273, 4, 8), (277, 3, 1),
            (278, 4, height), (279, 4, len(data))]
    directory = struct.pack('<H', len(tags)) + b''.join(
        struct.pack('<HHII', tag, kind, 1, value)
        for tag, kind, value in tags) + bytes(4)
    padding = bytes(len(data) % 2)
    file = io.BytesIO(
        b'II*\0' + struct.pack('<I', 8 + len(data + padding)) + data + padding
        + directory)
    with open_unlimited(file, ('TIFF',)) as picture:
        return picture.tobytes()
