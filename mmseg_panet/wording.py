"""Words of messages that depend on a number."""


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
