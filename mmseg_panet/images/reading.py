"""How the samples of image files become 8 bits of three channels."""
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..wording import counted

_MOST_BANDS = 65535
Stretch = tuple[float, float] | str


@dataclass(frozen=True)
class ImageReading:
    """The bands of image files that are read, and their stretch to 8 bits.

    It applies to files of all formats, but not to arrays and videos.

    Args:
        bands (Sequence[int], optional): The bands that become red, green and
            blue, or one for grey, from 1 as in GDAL. Defaults to None: all
            of at most three, without an opacity.
        stretch (tuple[float, float] | str, optional): The stored values
            (low, high) that become 0 and 255, with those between them in
            proportion and those outside cut off; or the share that is cut
            off at each end of each band of each image, such as '2%'.
            Defaults to None: the range of the type, of 8 or 16 bits.
    """

    bands: tuple[int, ...] | None = None
    stretch: Stretch | None = None

    @classmethod
    def of(cls, bands: Sequence[int] | int | None = None,
           stretch: Any = None) -> 'ImageReading':
        """Check settings.

        Args:
            bands (Sequence[int] | int, optional): See the class.
            stretch (Sequence[float | str] | str, optional): See the class;
                also a list of strings, as of a command.

        Raises:
            InputError: If the bands or the stretch are invalid.
        """
        if isinstance(bands, int):
            bands = (bands,)
        if bands is not None:
            if len(bands) not in (1, 3) or not all(
                    type(band) is int and 0 < band <= _MOST_BANDS
                    for band in bands):
                raise InputError(
                    'expected bands (--bands) as one number or three, from '
                    f'1, got {bands!r}; correct them')
            bands = tuple(bands)
        return cls(bands, None if stretch is None else _checked(stretch))

    def __bool__(self) -> bool:
        return self != ImageReading()

    def settings(self) -> dict[str, Any]:
        """Return the settings that are not the default, for JSON."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items() if value is not None}

    def bands_of(self, channels: int, colours: int,
                 name: object) -> tuple[int, ...]:
        """Return the bands of an image to read, from 1.

        Args:
            channels (int): Number of its channels.
            colours (int): Number of these without an opacity.
            name (object): Name of the file, for messages.

        Raises:
            InputError: If it has more bands than a picture, or fewer than
                were chosen.
        """
        if self.bands is None and colours not in (1, 3):
            raise InputError(
                f'{name}: expected one channel or three, got {colours}; '
                'choose those of red, green and blue, or one, with --bands '
                '(bands=(3, 2, 1))')
        bands = self.bands or tuple(range(1, 1 + colours))
        if max(bands) > channels:
            raise InputError(
                f'{name}: expected the bands {list(bands)}, got an image of '
                f'{counted(channels, "channel")}; correct --bands (bands)')
        return bands

    def apply(self, samples: np.ndarray, name: object, bits: int,
              missing: float | None = None) -> np.ndarray:
        """Stretch samples to 8 bits.

        Values that are not finite, or that mark missing data, become 0. They
        do not count for a stretch in per cent.

        Args:
            samples (np.ndarray): (H, W, 1 or 3), integers or floats.
            name (object): Name of the file, for messages.
            bits (int): Bits of a sample, which may be fewer than its array
                has.
            missing (float, optional): Value that marks missing data.
                Defaults to None.

        Returns:
            np.ndarray: (H, W, 3) uint8 BGR.

        Raises:
            InputError: If there is no stretch, and the values are not of 8
                or 16 bits from 0.
        """
        if self.stretch is None and (
                samples.dtype.kind != 'u' or bits not in (8, 16)):
            raise _unstretched(samples, name, bits, missing)
        eight = np.empty(samples.shape, np.uint8)
        for band in range(samples.shape[2]):
            eight[..., band] = self._stretched(samples[..., band], missing)
        return np.ascontiguousarray(
            np.broadcast_to(eight[..., ::-1], (*samples.shape[:2], 3)))

    def _stretched(self, values: np.ndarray,
                   missing: float | None) -> np.ndarray:
        valid = _valid(values, missing)
        if self.stretch is None:
            low, high = 0.0, float(np.iinfo(values.dtype).max)
        elif isinstance(self.stretch, str):
            share = float(self.stretch[:-1])
            some = values[valid]
            low, high = np.percentile(
                some.astype(np.float64), (share, 100 - share)
            ) if some.size else (0.0, 0.0)
        else:
            low, high = self.stretch
        # A constant band has no range; its values become 0.
        span = high - low if high > low else np.inf
        wanted = np.where(valid, values, low).astype(np.float64)
        return np.rint((wanted.clip(low, high) - low) * 255 / span).astype(
            np.uint8)


def _valid(values: np.ndarray, missing: float | None) -> np.ndarray:
    """Tell which values are finite and do not mark missing data."""
    valid = np.isfinite(values)
    if missing is not None:
        # The value of a file is rounded to its type.
        with np.errstate(over='ignore', invalid='ignore'):
            valid &= values != np.float64(missing).astype(values.dtype)
    return valid


def _unstretched(samples: np.ndarray, name: object, bits: int,
                 missing: float | None) -> InputError:
    some = samples[_valid(samples, missing)]
    kind = dict(f='floating-point numbers', i='signed integers').get(
        samples.dtype.kind, 'integers')
    least, most = (some.min(), some.max()) if some.size else (0, 1)
    low, high = map(_shown, (least, most if most > least else least + 1))
    return InputError(
        f'{name}: expected values of 8 or 16 bits from 0, got {kind} of '
        f'{bits} bits, {_shown(least)}..{_shown(most)}; say which of them '
        f'become black and white with --stretch {low} {high} (stretch=({low}, '
        f'{high})), or convert it to 8 bits')


def _shown(value: Any) -> str:
    """Format a number without an exponent, which a command would refuse."""
    text = f'{float(value):.6g}'
    return text if 'e' not in text else np.format_float_positional(
        float(value), 6, unique=False, fractional=False, trim='-')


def _checked(stretch: Any) -> Stretch:
    one = stretch[0] if isinstance(
        stretch, (list, tuple)) and len(stretch) == 1 else stretch
    if isinstance(one, str) and re.fullmatch(r'\d+(\.\d+)?%', one) and (
            float(one[:-1]) < 50):
        return one
    try:
        low, high = map(float, stretch)
        if isinstance(stretch, str) or not (
                np.isfinite([low, high]).all() and low < high):
            raise ValueError
    except (TypeError, ValueError) as error:
        raise InputError(
            'expected stretch (--stretch) as two numbers, the lower one '
            "first, or a share below 50% such as '2%', got "
            f'{stretch!r}; correct it') from error
    return low, high
