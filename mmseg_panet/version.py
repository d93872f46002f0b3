"""The versions of mmseg_panet, which setup.py reads here, and of its stack."""
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

__version__ = '0.1.0'

_STACK = ('torch', 'numpy', 'opencv-python', 'mmengine', 'mmcv',
          'mmsegmentation')
"""Packages that results depend on; the last three may be those of OneDL."""


def versions() -> dict[str, str]:
    """Collect the versions of this package and of its main dependencies.

    Returns:
        dict[str, str]: Versions by the names of the installed packages,
        without OneDL's prefix.
    """
    found = {'mmseg_panet': __version__}
    for package in _STACK:
        for name in (f'onedl-{package}', package):
            with suppress(PackageNotFoundError):
                found.setdefault(package, version(name))
    return found
