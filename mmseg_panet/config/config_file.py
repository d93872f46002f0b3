"""The file of a config, and its data loaders."""
import re
from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config, ConfigDict

from ..errors import InputError
from ..files import StrPath
from .bundled_configs import RENAMED, config_files, find_config
from .spelling import check_spelling


def read_config(config: StrPath) -> Config:
    """Read a config from a file.

    Args:
        config (str | os.PathLike): Path or name of the config, see
            :func:`find_config`.

    Raises:
        InputError: If the config does not exist, cannot be read, or has a
            misspelt key.
    """
    path = find_config(config)
    try:
        cfg = Config.fromfile(path)
    # A config is Python code, which can raise any error.
    except Exception as error:
        hint = ''.join(
            f' ({old} is now called {new})' for old, new in RENAMED.items()
            if f'{old}.py' in str(error)) or _nearest_base(error)
        order = '' if str(path).endswith('.py') else (
            ', or give CONFIG and CHECKPOINT in this order')
        raise InputError(
            f'{path} could not be read as a config ({type(error).__name__}: '
            f'{error}){hint}; correct it{order}') from error
    check_spelling(cfg)
    return cfg


def _nearest_base(error: Exception) -> str:
    """Name the files that are similar to a missing base."""
    missing = re.search(
        r"""(?:file "|No such file or directory: ')(.+)["']""", str(error))
    if not missing or not isinstance(error, FileNotFoundError):
        return ''
    base = Path(missing[1])
    files = [one.name for one in base.parent.glob('*.py')] or [
        one.name for one in config_files().values()]
    nearest = get_close_matches(base.name, sorted(files), 3, 0.7)
    return f", but there is {', '.join(nearest)}" if nearest else ''


def data_loaders(cfg: Config) -> list[ConfigDict]:
    """List the data loaders of a config that are set.

    Raises:
        InputError: If one is not a dict.
    """
    names = [f'{mode}_dataloader' for mode in ('train', 'val', 'test')]
    loaders = {name: cfg[name] for name in names if cfg.get(name)}
    for name, loader in loaders.items():
        if not isinstance(loader, dict):
            raise InputError(
                f'expected {name} as a dict, got {loader!r}; correct it')
    return list(loaders.values())
