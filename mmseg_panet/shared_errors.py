"""Errors of one process of a launcher, which end all of them."""
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.dist import all_gather_object

from .errors import InputError, RunError


@contextmanager
def shared_errors() -> Iterator[None]:
    """Raise an error of one process in all of them.

    Otherwise the others would wait for it in their next exchange, for as long
    as the timeout of the process group. All processes must enter the context
    together, and exchange nothing in its block.

    Raises:
        InputError: If one process raised it, the first of several.
        RunError: As above.
        OSError: As above, for example a WriteError.
    """
    own = None
    try:
        yield
    except (InputError, RunError, OSError) as error:
        own = error
    found = [one for one in all_gather_object(own) if one is not None]
    if found:
        raise own or found[0]
