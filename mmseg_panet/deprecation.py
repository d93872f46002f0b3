"""Deprecation of old names, which keep working for one version."""
import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Build the ``__getattr__`` of a module with renamed attributes.

    Example::

        __getattr__ = renamed(__name__, {'old_name': 'new_name'})

    Args:
        module (str): ``__name__`` of the module.
        names (Mapping[str, str]): New names by old names. A new name with
            dots is that of an attribute of another module, such as
            ``'mmseg_panet.files.write_lines'``.

    Returns:
        Callable[[str], Any]: Function that returns the attribute of the new
        name with a ``DeprecationWarning``. It raises an AttributeError for
        other names, as PEP 562 requires.
    """
    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(
                f'module {module!r} has no attribute {name!r}')
        new = names[name]
        warn_renamed(f'{module}.{name}', new, DeprecationWarning)
        place, _, attribute = new.rpartition('.')
        return getattr(importlib.import_module(place or module), attribute)

    return find


def warn_renamed(old: str, new: str,
                 category: type[Warning] = FutureWarning) -> None:
    """Warn that an old name was used.

    Args:
        old (str): The old name, which was used.
        new (str): The new name.
        category (type[Warning]): Category of the warning. Use
            ``DeprecationWarning`` for names in code, which Python displays
            only to programmers. Defaults to ``FutureWarning``, for names
            that users of the commands type.
    """
    warnings.warn(
        f'{old} is now called {new}; the old name will be removed in '
        'the next minor version', category, stacklevel=3)
