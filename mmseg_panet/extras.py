"""The extras: packages that only some subcommands need."""
from importlib.util import find_spec

from .errors import InputError


def require_extra(extra: str, *modules: str) -> None:
    """Check that the packages of an extra are installed.

    Args:
        extra (str): Name of the extra in ``setup.py``.
        *modules (str): Names of the modules that it brings.

    Raises:
        InputError: If one is missing.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise InputError(
            f"expected the packages of the extra '{extra}', got no "
            f"{' and no '.join(missing)}; pip install "
            f'"mmseg_panet[{extra}]"')
