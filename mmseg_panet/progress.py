"""Progress bars on standard error."""
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

T = TypeVar('T')


def progress_bar(show: bool = True) -> Progress:
    """Build a progress bar like mmengine's inferencers, on standard error.

    Args:
        show (bool): Whether to display the bar. Defaults to True.

    Returns:
        Progress: The progress bar of rich, a context manager.
    """
    return Progress(console=Console(stderr=True), disable=not show)


def track(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Iterate over items and show a progress bar.

    Args:
        items (Iterable[T]): Items to iterate over.
        total (int): Number of items.
        what (str): Description of the work, such as 'checking 3 masks'.

    Yields:
        T: The items, in their order.
    """
    # On a separate line: a log file gets the bar only when it is complete.
    print(what, file=sys.stderr)
    with progress_bar() as bar:
        yield from bar.track(items, total, description='')
