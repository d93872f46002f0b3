"""Configs as files."""
import os

from mmengine.config import Config, ConfigDict

from ..errors import InputError


def read_config(path: str | os.PathLike) -> Config:
    """Read a config.

    Args:
        path (str | os.PathLike): A file.

    Raises:
        InputError: If it does not exist or cannot be read.
    """
    if not os.path.isfile(path):
        raise InputError(
            f'the config {path} does not exist; configs/panet has those of '
            'this project')
    try:
        return Config.fromfile(path)
    # A config is Python: it can raise anything.
    except Exception as error:
        raise InputError(
            f'{path} could not be read as a config ({type(error).__name__}: '
            f'{error}); correct it') from error


def data_loaders(cfg: Config) -> list[ConfigDict]:
    """The data loaders that a config has, of training, validation and test."""
    modes = ('train', 'val', 'test')
    return [*filter(None, (cfg.get(f'{mode}_dataloader') for mode in modes))]
