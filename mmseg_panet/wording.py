"""Words of messages: numbers with their nouns, and names that are safe."""
import unicodedata

_UNSAFE = {'Cc', 'Cs', 'Zl', 'Zp'}
"""Unicode categories: control characters, surrogates, line breaks."""
_BIDI = frozenset('\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e'
                  '\u2066\u2067\u2068\u2069')
"""Characters that change the direction of the text around them (Unicode
Standard Annex 9, section 2)."""


def is_unsafe(letter: str) -> bool:
    """Tell whether a character changes how the text around it is shown.

    They are control characters, line breaks, bidirectional controls and
    lone surrogates, which UTF-8 cannot store.
    """
    return unicodedata.category(letter) in _UNSAFE or letter in _BIDI


def printable(name: object) -> str:
    r"""Escape what a name would do to a terminal, a list or a log.

    Args:
        name (object): A name or a path, of which ``str`` is taken.

    Returns:
        str: The name with a backslash escape for each :func:`is_unsafe`
        character. Letters of all languages are kept.

    Example:
        >>> print(printable('cat\x1b[31m'))
        cat\x1b[31m
    """
    return ''.join(
        letter.encode('unicode_escape').decode() if is_unsafe(letter)
        else letter for letter in str(name))


def counted(number: int, noun: str, plural: str = '') -> str:
    """Write a number with its noun.

    Args:
        number (int): The number.
        noun (str): The noun in the singular.
        plural (str): The noun in the plural. Defaults to the singular with
            an 's'.

    Example:
        >>> counted(1, 'class', 'classes'), counted(2, 'mask')
        ('1 class', '2 masks')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
