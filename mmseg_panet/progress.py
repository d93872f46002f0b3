"""How far long work has come, on standard error."""
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

T = TypeVar('T')


def progress_bar(show: bool = True) -> Progress:
    """Make a bar as mmengine's inferencers do, but on standard error.

    Args:
        show (bool): Whether it is to be seen. Defaults to True.

    Returns:
        Progress: A context, see rich.
    """
    return Progress(console=Console(stderr=True), disable=not show)


def track(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Say what is done with items, and show how far it has come.

    Args:
        items (Iterable[T]): Taken one by one.
        total (int): How many there are.
        what (str): Such as 'checking 3 masks'.

    Yields:
        T: The items.
    """
    # A line of its own: a log sees the bar only when it is full.
    print(what, file=sys.stderr)
    with progress_bar() as bar:
        yield from bar.track(items, total, description='')
