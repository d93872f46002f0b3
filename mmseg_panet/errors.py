"""The error for invalid user input, and checks that raise it."""
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from .deprecation import renamed
from .wording import printable


class InputError(ValueError):
    """An error in what the user passed, such as a file or a setting.

    The message is one sentence for the user: what was expected, what was
    given, and the remedy. The commands print it without a traceback. Control
    characters of names are escaped, see :func:`printable`.

    Args:
        sentence (object): The message.
    """

    def __init__(self, sentence: object = '') -> None:
        # A worker of a data loader puts lines of a traceback before it.
        super().__init__('\n'.join(map(printable, str(sentence).split('\n'))))


class RunError(RuntimeError):
    """A failure of a run, such as a diverged training, not of its input.

    The message is one sentence for the user: what was expected, what
    happened, and the remedy. The commands print it without a traceback and
    exit with code 1.
    """


class WriteError(OSError):
    """A file or a folder that cannot be written.

    The message is one sentence with the path and the remedy. It is an
    OSError with ``errno``, so that a caller for whom the file is optional
    can catch it. The commands print it without a traceback.

    Args:
        sentence (str): The message.
        errno (int, optional): Number of the error, of the module ``errno``.
    """

    def __init__(self, sentence: str, errno: int | None = None) -> None:
        super().__init__(sentence)
        self.errno = errno

    def __reduce__(self) -> tuple:
        """Let a worker send the error to its parent."""
        return type(self), (str(self), self.errno)


NO_MEMORY = (
    'there is too little memory; take a smaller batch or smaller images, or '
    'end other programs')
"""What went wrong if :func:`is_out_of_memory`, with the remedy."""
_ALLOCATORS = (
    'DefaultCPUAllocator', 'not enough memory', 'allocate memory',
    'Insufficient memory', 'out of memory')
"""Words of torch's and OpenCV's errors of a failed allocation."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error is a failed allocation.

    numpy and Python raise a MemoryError, torch a RuntimeError on a CPU and
    an OutOfMemoryError on a GPU, and OpenCV its only error.
    """
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) or type(error).__name__ == 'error'
    ) and any(words in str(error) for words in _ALLOCATORS)


def is_lost_process(error: BaseException) -> bool:
    """Tell whether an error of torch.distributed is about other processes."""
    # Its types are named Dist...Error. The backend gloo has none.
    return isinstance(error, RuntimeError) and (
        type(error).__name__.startswith('Dist')
        or 'gloo/transport' in str(error))


def out_of_memory(name: str) -> InputError:
    """Return the error of an image for which there is too little memory."""
    return InputError(
        f'{name} does not fit into memory; make it smaller, or leave it out')


def raise_first(sentences: Sequence[str]) -> None:
    """Raise the first of several errors, and say how many more there are.

    Args:
        sentences (Sequence[str]): One message for each invalid file.

    Raises:
        InputError: If there is at least one message.
    """
    if sentences:
        number = len(sentences) - 1
        more = f' (and {number} more file{"s" * (number > 1)})'
        raise InputError(sentences[0] + more * (number > 0))


def check_choice(name: str, value: object, choices: Sequence) -> None:
    """Check that a setting is one of its allowed values.

    Args:
        name (str): Name of the setting, for the message.
        value (object): Value to check.
        choices (Sequence): All allowed values.

    Raises:
        InputError: If the value is not one of the choices.
    """
    if value not in choices:
        raise InputError(f'{name} must be one of {choices}, got {value!r}')


def check_number(name: str, value: object, least: float = -math.inf,
                 most: float = math.inf, above: float = -math.inf,
                 integer: bool = False) -> None:
    """Check that a setting is a finite number within a range.

    Args:
        name (str): Name of the setting, for the message.
        value (object): Value to check.
        least (float): Inclusive lower bound. Defaults to no bound.
        most (float): Inclusive upper bound. Defaults to no bound.
        above (float): Exclusive lower bound. Defaults to no bound.
        integer (bool): Whether the value must be an int. Defaults to False.

    Raises:
        InputError: If the value is not such a number.
    """
    kinds = int if integer else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not (
            least <= value <= most and above < value < math.inf):
        wanted = ' and '.join(
            f'{word} {bound:g}' for word, bound in (
                ('at least', least), ('above', above), ('at most', most))
            if math.isfinite(bound))
        kind = 'an integer' if integer else 'a number'
        raise InputError(
            f"expected {name} as {f'{kind} {wanted}'.strip()}, got {value!r}")


@contextmanager
def error_context(where: object, remedy: str = 'correct or remove it',
                  errors: tuple[type[Exception], ...] = (
                      ValueError, TypeError, OverflowError, RecursionError)
                  ) -> Iterator[None]:
    """Turn the errors of a library into an error that names the input.

    Args:
        where (object): Start of the message: the file, and the place in it.
        remedy (str): End of the message.
        errors (tuple[type[Exception], ...]): Types of the errors to
            replace. Defaults to those that numpy and pycocotools raise for a
            malformed annotation.

    Raises:
        InputError: In place of these errors, with their text.
    """
    try:
        yield
    except InputError:
        raise
    except errors as error:
        # The text of others, such as KeyError, is no explanation by itself.
        why = error if isinstance(error, OSError | ValueError) else repr(error)
        raise InputError(f'{where}: {why}; {remedy}') from error


def loading_context(info: dict) -> AbstractContextManager[None]:
    """Name the files of an image if its pipeline fails.

    Args:
        info (dict): mmseg's data info of the image.

    Returns:
        AbstractContextManager[None]: The :func:`error_context` of the files.
    """
    return error_context(
        f"{info['img_path']} with its mask {info['seg_map_path']} could not "
        'be loaded by the pipeline', 'replace the file, take it off the '
        'list, or correct the pipeline', (Exception,))


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """Sort names by their similarity to a name, the most similar first.

    Example:
        >>> nearest_first('Discriminant', ['Auto', 'DiscriminantHead'])
        ['DiscriminantHead', 'Auto']
    """
    return sorted(known, reverse=True, key=lambda one: SequenceMatcher(
        None, name.lower(), one.lower()).ratio())


def abbreviate(value: object) -> str:
    """Shorten a value to one line of at most 60 characters for a message."""
    try:
        text = str(value)
    except (RecursionError, ValueError):  # nested deeply, or a huge integer
        text = f'a {type(value).__name__}'
    return ' '.join(text.split())[:60]


if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {
        'loading': 'loading_context',
        'naming': 'error_context',
        'refuse': 'raise_first',
        'shown': 'abbreviate'})
