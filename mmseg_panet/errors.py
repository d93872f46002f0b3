"""The error of a person's input."""
import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager


class InputError(ValueError):
    """What a person handed in cannot be used.

    The message is one sentence for that person: what was expected, what came
    and the remedy. The commands print it without a traceback.
    """


def refuse(sentences: Sequence[str]) -> None:
    """Raise the first of many faults, and say how many more there are.

    Args:
        sentences (Sequence[str]): One for each file at fault.

    Raises:
        InputError: If there is one.
    """
    if sentences:
        more = f' (and {len(sentences) - 1} more files)'
        raise InputError(sentences[0] + more * (len(sentences) > 1))


def check_choice(name: str, value: object, choices: Sequence) -> None:
    """Refuse a setting that is none of those there are.

    Args:
        name (str): Name of the setting, for the message.
        value (object): What was given.
        choices (Sequence): All that it may be.

    Raises:
        InputError: If the value is none of the choices.
    """
    if value not in choices:
        raise InputError(f'{name} must be one of {choices}, got {value!r}')


def check_number(name: str, value: object, least: float = -math.inf,
                 most: float = math.inf, above: float = -math.inf,
                 integer: bool = False) -> None:
    """Refuse a setting that is no number of a range.

    Args:
        name (str): Name of the setting, for the message.
        value (object): What was given.
        least (float): The smallest that it may be. Defaults to any.
        most (float): The largest that it may be. Defaults to any.
        above (float): What it has to exceed. Defaults to nothing.
        integer (bool): Whether it has to be an int. Defaults to False.

    Raises:
        InputError: If the value is none.
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
def naming(where: object, remedy: str = 'correct or remove it',
           errors: tuple[type[Exception], ...] = (
               ValueError, TypeError, OverflowError)) -> Iterator[None]:
    """Name what a user gave where a library raises an error over it.

    Args:
        where (object): Begins the sentence: the file, and the place in it.
        remedy (str): Ends the sentence.
        errors (tuple[type[Exception], ...]): What the library raises.
            Defaults to those of numpy and pycocotools for a malformed
            annotation.

    Raises:
        InputError: In place of these errors, with their text.
    """
    try:
        yield
    except InputError:
        raise
    except errors as error:
        # Of others, such as KeyError, the text alone says nothing.
        why = error if isinstance(error, OSError | ValueError) else repr(error)
        raise InputError(f'{where}: {why}; {remedy}') from error


def loading(info: dict) -> AbstractContextManager[None]:
    """Name the files of an image whose pipeline fails, see :func:`naming`.

    Args:
        info (dict): mmseg's data info of the image.
    """
    return naming(
        f"{info['img_path']} with its mask {info['seg_map_path']} could not "
        'be loaded by the pipeline', 'replace the file, take it off the '
        'list, or correct the pipeline', (Exception,))


def shown(one: object) -> str:
    """Shorten what came to what a sentence can show, one line of text."""
    return ' '.join(str(one).split())[:60]
