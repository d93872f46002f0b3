"""Detection of methods that a subclass overrides."""
from collections.abc import Iterable
from inspect import getattr_static


def overridden(part: object, base: type, names: Iterable[str]) -> list[str]:
    """Find the methods of a class that an instance overrides.

    Args:
        part (object): Instance of the class or of a subclass.
        base (type): The class.
        names (Iterable[str]): Names of methods and properties to compare.

    Returns:
        list[str]: Names that a subclass overrides, or that are set on the
        instance itself.
    """
    return [
        name for name in names
        if getattr_static(part, name, None)
        is not getattr_static(base, name, None)]


def difference(part: object, base: type, names: Iterable[str]) -> str:
    """Describe how an instance differs from an expected class.

    Args:
        part (object): Instance to check.
        base (type): The expected class.
        names (Iterable[str]): Names of the methods and properties that must
            not be overridden.

    Returns:
        str: Description for a message; empty if nothing differs.
    """
    kind = type(part).__name__
    if not isinstance(part, base):
        return kind
    changed = ', '.join(overridden(part, base, names))
    return f'{kind} that overrides {changed}' if changed else ''
