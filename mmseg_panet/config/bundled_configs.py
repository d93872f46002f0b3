"""The configs that come with the package, which can be given by name."""
import os
import re
from difflib import get_close_matches
from pathlib import Path

from ..deprecation import warn_renamed
from ..errors import InputError
from ..files import StrPath

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / '.mim/configs', _PACKAGE.parent / 'configs')
"""Folders of the configs in an installed wheel and in a checkout."""
RENAMED = {
    'panet_r18-d8_toy': 'panet_r18-d8_1xb4-800iters_toy3i-128x128',
    'panet_r18-d8_msrc7i': 'panet_r18-d8_1xb4-600iters_msrc7i-225x225',
    'panet_r18-d8-s23_msrc7i': 'panet_r18-d8-s23_1xb4-600iters_msrc7i-225x225',
    'panet_r18-d8-discriminant_msrc7i':
        'discriminant_r18-d8_1xb4-400iters_msrc7i-225x225',
    'panet_r50-d8_pascal5i': 'panet_r50-d8-no-align_1xb4-6k_pascal5i-473x473',
    'panet_r50-d8-s23_pascal5i':
        'panet_r50-d8-s23-no-align_1xb4-6k_pascal5i-473x473',
    'panet_r50-d8-discriminant_pascal5i':
        'discriminant_r50-d8_1xb4-6k_pascal5i-473x473',
    'panet_r50-d8_coco20i': 'panet_r50-d8-no-align_1xb4-6k_coco20i-473x473',
    'panet_r50-d8_coco20i-contiguous':
        'panet_r50-d8-no-align_1xb4-6k_coco20i-contiguous-473x473',
    'panet_r50-d8_fss1000': 'panet_r50-d8-no-align_1xb4-6k_fss1000-473x473',
    'panet_r101-d8_pascal5i':
        'panet_r101-d8-no-align_1xb4-6k_pascal5i-473x473',
    'panet_vgg16-d8_pascal5i': 'panet_vgg16-d8_1xb1-30k_pascal5i-417x417',
}
"""Maps old names of configs, which work for one version, to new ones."""


def config_folder() -> Path:
    """Find the folder of the configs that come with the package.

    Raises:
        InputError: If the package was installed without them.
    """
    for folder in _FOLDERS:
        # Another package may have installed a folder named configs.
        if (folder / '_base_/protocols').is_dir():
            return folder
    raise InputError(
        f'expected the configs of mmseg_panet in {_FOLDERS[0]}, but this '
        'folder does not exist; install the package again')


def config_files() -> dict[str, Path]:
    """Map the names of the configs that come with the package to files."""
    return {
        path.stem: path for path in sorted(config_folder().glob('[!_]*/*.py'))}


def find_config(config: StrPath) -> Path:
    """Find the file of a config.

    Args:
        config (str | os.PathLike): Path of a file, or name of a config that
            comes with the package. ``mmseg_panet::panet/`` or
            ``configs/panet/`` may precede the name, and ``.py`` may follow
            it. Old names work and give a ``FutureWarning``.

    Returns:
        Path: Path of the file.

    Raises:
        InputError: If there is no such config. The message has the most
            similar names.
    """
    if os.path.isfile(config):
        return Path(config)
    given = Path(config).as_posix()
    files = config_files()
    *folders, name = re.sub(
        '^(mmseg_panet::|(.*/)?configs/)', '', given).split('/')
    name = name.removesuffix('.py')
    new = RENAMED.get(name, name)
    # In another checkout, only a config that was renamed can be meant: a
    # wrong path must not give another file of the same name.
    is_here = '/configs/' not in given
    # Old names begin with the name of their folder.
    if new in files and folders in ([], [name.split('_')[0]]) and (
            is_here or new != name):
        if new != name:
            warn_renamed(f'the config {name}', new)
        return files[new]
    nearest = get_close_matches(new, files, n=3, cutoff=0.3) or list(files)
    raise InputError(
        f'the config {config} does not exist; correct the path, or give the '
        'name of a config that comes with mmseg_panet, such as '
        f"{', '.join(nearest)}")
