"""Warnings for the user."""
import logging

from mmengine.logging import print_log

from .wording import printable

_given: set[str] = set()
"""Kinds of warnings that this process has given."""


def warn(sentence: str) -> None:
    """Log a warning: what was assumed, and how to choose otherwise."""
    print_log(printable(sentence), 'current', logging.WARNING)


def warn_once(sentence: str, kind: str | None = None) -> None:
    """Log a warning, unless one of its kind was logged by this process.

    Args:
        sentence (str): The warning.
        kind (str, optional): Name of the kind. Defaults to the sentence.
    """
    if (kind or sentence) not in _given:
        _given.add(kind or sentence)
        warn(sentence)
