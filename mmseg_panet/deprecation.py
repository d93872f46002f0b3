"""Old names that keep working for one version."""
import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Make the ``__getattr__`` of a module that still knows old names.

    Example::

        __getattr__ = renamed(__name__, {'old_name': 'new_name'})

    Args:
        module (str): The module's ``__name__``.
        names (Mapping[str, str]): The new name of each old one. A new name
            with dots is a name in another module,
            ``'mmseg_panet.files.write_file'``.

    Returns:
        Callable[[str], Any]: It returns what the new name stands for, with a
        ``DeprecationWarning``, and raises AttributeError for other names, as
        PEP 562 asks.
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
        old (str): The name that was used.
        new (str): The name to use.
        category (type[Warning]): ``DeprecationWarning`` for what
            programmers write, which Python shows to them alone. Defaults to
            ``FutureWarning``, for what users of the commands type.
    """
    warnings.warn(
        f'{old} is now called {new}; the old name goes in the next minor '
        'version', category, stacklevel=3)
