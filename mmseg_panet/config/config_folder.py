"""Where the configs of this project are."""
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def config_folder() -> Path:
    """The folder of the configs.

    Returns:
        Path: ``.mim/configs`` of the installed package, or ``configs`` of a
        checkout that was not installed.
    """
    installed = _PACKAGE / '.mim/configs'
    return installed if installed.is_dir() else _PACKAGE.parent / 'configs'
