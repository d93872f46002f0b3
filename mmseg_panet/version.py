"""The version of mmseg_panet, which setup.py reads here, and of its stack."""
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

__version__ = '0.1.0'

_STACK = ('torch', 'numpy', 'opencv-python', 'mmengine', 'mmcv',
          'mmsegmentation')
"""What a figure depends on; the last three may be those of OneDL."""


def versions() -> dict[str, str]:
    """The versions of this package and of what its figures depend on.

    Returns:
        dict[str, str]: By the names of the packages, without OneDL's prefix;
        those that are not installed are left out.
    """
    found = {'mmseg_panet': __version__}
    for package in _STACK:
        for name in (f'onedl-{package}', package):
            with suppress(PackageNotFoundError):
                found.setdefault(package, version(name))
    return found
