"""The bar that long work draws."""
from rich.console import Console
from rich.progress import Progress


def progress_bar(show: bool) -> Progress:
    """A bar as mmengine's inferencers draw it, but on standard error.

    Args:
        show (bool): Whether to draw it at all.

    Returns:
        Progress: A context, see rich.
    """
    return Progress(console=Console(stderr=True), disable=not show)
