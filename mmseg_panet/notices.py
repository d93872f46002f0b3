"""Warnings for the user."""
import logging

from mmengine.logging import print_log

from .wording import printable


def warn(sentence: str) -> None:
    """Show a warning: what was assumed, and how to choose otherwise."""
    print_log(printable(sentence), logger='current', level=logging.WARNING)
