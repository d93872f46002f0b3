"""What a subclass replaces."""
from collections.abc import Iterable
from inspect import getattr_static


def overridden(part: object, base: type, names: Iterable[str]) -> list[str]:
    """Find the methods of a class that an instance replaces.

    Args:
        part (object): Of the class or of one derived from it.
        base (type): The class.
        names (Iterable[str]): The methods and properties to look at.

    Returns:
        list[str]: Those of the names that mean something else to the
        instance, be it by its class or by an attribute of its own.
    """
    return [
        name for name in names
        if getattr_static(part, name, None)
        is not getattr_static(base, name, None)]


def difference(part: object, base: type, names: Iterable[str]) -> str:
    """Name a part that is not what is expected; '' where it is.

    Args:
        part (object): An instance.
        base (type): The class that is expected.
        names (Iterable[str]): Methods and properties that are relied on.
    """
    kind = type(part).__name__
    if not isinstance(part, base):
        return kind
    changed = ', '.join(overridden(part, base, names))
    return f'{kind} that overrides {changed}' if changed else ''
