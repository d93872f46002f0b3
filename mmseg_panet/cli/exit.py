"""What the command line tools have in common."""
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InputError


@contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Print bad input as one line and exit with 2, without a traceback."""
    try:
        yield
    except (InputError, OSError) as error:
        # A loader's worker wraps the message in its traceback.
        sentence = str(error).strip().splitlines()[-1]
        sentence = sentence.removeprefix(
            f'{InputError.__module__}.{InputError.__name__}: ')
        print(f'error: {sentence}', file=sys.stderr)
        sys.exit(2)
