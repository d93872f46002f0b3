"""The classes of a session, with their colours."""
from collections.abc import Sequence

import numpy as np

from ..annotations.class_colours import (
    check_colours,
    class_colours,
    class_palette,
)
from ..annotations.class_list import Colour, check_class_name
from ..errors import InputError

_WHERE = 'the name of the class'


class ClassTable:
    """Names of classes in the order of their labels, and their colours.

    Args:
        most (int): Largest number of classes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._colours: dict[str, Colour] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The classes; class i is label 1 + i."""
        return tuple(self._colours)

    @property
    def colours(self) -> dict[str, Colour]:
        """RGB colours by name."""
        return dict(self._colours)

    def add(self, name: str, colour: Sequence[int] | None = None) -> None:
        """Add a class.

        Args:
            name (str): A name that is not taken.
            colour (Sequence[int], optional): Red, green and blue, 0..255.
                Defaults to the colour of the name, see
                :func:`class_colours`.

        Raises:
            InputError: If the name or the colour is invalid, the name is
                taken, or there are too many classes.
        """
        self._check_free(name)
        if len(self._colours) >= self._most:
            raise InputError(
                f'expected at most {self._most} classes, got {name!r} as one '
                'more; remove another class first')
        if colour is None:
            colour = class_colours(
                [*self._colours, name], self._colours)[name]
        self.set_colour(name, colour, new=True)

    def set_colour(self, name: str, colour: Sequence[int],
                   new: bool = False) -> None:
        """Give a class another colour.

        Raises:
            InputError: If there is no such class, or the colour is invalid.
        """
        if not new:
            self.check_known(name)
        check_colours({name: colour})
        red, green, blue = map(int, colour)
        self._colours[name] = (red, green, blue)

    def rename(self, old: str, new: str) -> None:
        """Give a class another name; its label and colour do not change.

        Raises:
            InputError: If there is no such class, or the name is invalid or
                taken.
        """
        self.check_known(old)
        self._check_free(new, old)
        self._colours = {
            new if name == old else name: colour
            for name, colour in self._colours.items()}

    def remove(self, name: str) -> None:
        """Remove a class.

        Raises:
            InputError: If there is no such class.
        """
        self.check_known(name)
        del self._colours[name]

    def palette(self) -> np.ndarray:
        """Return the colours of label maps, (256, 3) uint8 RGB."""
        return class_palette(self.names, self._colours)

    def check_known(self, name: str) -> None:
        """Check that there is a class.

        Raises:
            InputError: If there is no such class.
        """
        if name not in self._colours:
            raise InputError(
                f'expected one of the classes {list(self._colours)}, got '
                f'{name!r}; add the class first')

    def _check_free(self, name: str, *other_than: str) -> None:
        check_class_name(name, _WHERE)
        if name in {*self._colours} - {*other_than}:
            raise InputError(
                f'the class {name!r} is there already; choose another name')
