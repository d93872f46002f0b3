"""Coding of the masks that Label Studio's brush stores.

The format is that of the package rle-pack of npm.
"""
from typing import Any

import numpy as np

from ...errors import abbreviate

_CHANNELS = 4
"""Red, green, blue and alpha, of which alpha is the mask."""
_LENGTHS = (3, 4, 8, 16)
"""Bits of the four kinds of lengths that are written."""


def brush_mask(runs: Any, size: tuple[int, int]) -> np.ndarray:
    """Decode the mask of a brush.

    The bits of the bytes, the highest first, are a number of 32 bits, which
    counts the values; the bits of a value less 1, as 5 bits; and the bits of
    each of four kinds of lengths less 1, as 4 bits each. Records follow,
    until there are all values. A record is a bit, the kind of its length as
    2 bits, the length less 1, and a value that is repeated so often if the
    bit is 1, or otherwise that number of values.

    Args:
        runs (Any): Bytes as a list of integers, from JSON.
        size (tuple[int, int]): H and W of the image.

    Returns:
        np.ndarray: Mask, (H, W) bool: where alpha is above 0.

    Raises:
        ValueError: If the bytes are malformed, or are of another size; also
            TypeError.
    """
    if not isinstance(runs, list):
        raise ValueError(
            f'expected rle as a list of bytes, got {abbreviate(runs)}')
    bits = _Bits(bytes(runs))
    number = bits.read(32)
    expected = size[0] * size[1] * _CHANNELS
    if number != expected:
        raise ValueError(
            f'expected the {_CHANNELS} channels of {size[1]}x{size[0]} '
            f'pixels, {expected} values, got {number}')
    width = bits.read(5) + 1
    lengths = [bits.read(4) + 1 for _ in range(4)]
    values = np.zeros(number, bool)
    start = 0
    while start < number:
        repeats = bits.read(1)
        length = bits.read(lengths[bits.read(2)]) + 1
        end = min(start + length, number)
        values[start:end] = (
            bits.read(width) > 0 if repeats
            else bits.read_all(end - start, width))
        start = end
    return values[_CHANNELS - 1::_CHANNELS].reshape(size)


def brush_runs(mask: np.ndarray) -> list[int]:
    """Encode a mask as :func:`brush_mask` decodes it.

    Each run of pixels is one or more records of repeated values: 255 in all
    channels in the mask, and 0 elsewhere.

    Args:
        mask (np.ndarray): (H, W) bool.

    Returns:
        list[int]: Bytes as a list of integers, for JSON.

    Example:
        >>> brush_runs(np.array([[False, True]]))
        [0, 0, 0, 8, 57, 27, 252, 96, 17, 255, 128]
    """
    values = mask.ravel()
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]) + 1, mask.size)
    bits = [f'{_CHANNELS * mask.size:032b}', f'{7:05b}',
            *(f'{width - 1:04b}' for width in _LENGTHS)]
    start = 0
    for end in ends.tolist():
        value = '1' * 8 if values[start] else '0' * 8
        left = _CHANNELS * (end - start)
        while left:
            length = min(left, 1 << _LENGTHS[-1])
            kind = next(i for i, width in enumerate(_LENGTHS)
                        if length <= 1 << width)
            bits.append(
                f'1{kind:02b}{length - 1:0{_LENGTHS[kind]}b}{value}')
            left -= length
        start = end
    text = ''.join(bits)
    text += '0' * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, 'big'))


class _Bits:
    """A stream of bits, the highest bit of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._bits = np.unpackbits(np.frombuffer(data, np.uint8))
        self._text = bytes(self._bits + ord('0')).decode('ascii')
        self._place = 0

    def read(self, width: int) -> int:
        """Read a number of some bits."""
        end = self._place + width
        if end > len(self._text):
            raise ValueError('expected more bytes of rle, as it ends early')
        value = int(self._text[self._place:end], 2)
        self._place = end
        return value

    def read_all(self, number: int, width: int) -> np.ndarray:
        """Read numbers, and tell which are above 0."""
        end = self._place + number * width
        if end > len(self._text):
            raise ValueError('expected more bytes of rle, as it ends early')
        bits = self._bits[self._place:end].reshape(number, width)
        self._place = end
        return np.any(bits, axis=1)
