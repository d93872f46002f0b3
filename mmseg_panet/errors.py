"""The error of a person's input."""
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


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
        others = len(sentences) - 1
        raise InputError(
            sentences[0] + (f' (and {others} more files)' if others else ''))


@contextmanager
def loading(info: dict) -> Iterator[None]:
    """Name the files of an image whose pipeline fails.

    Args:
        info (dict): mmseg's data info of the image.

    Raises:
        InputError: In place of any other error.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{info['img_path']} with its mask {info['seg_map_path']} "
            f'could not be loaded ({type(error).__name__}: {error}); '
            'replace the file, take it off the list, or correct the '
            'pipeline') from error
