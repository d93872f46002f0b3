"""The configs that come with the package, by their names."""
import os
import re
from difflib import get_close_matches
from pathlib import Path

from ..deprecation import warn_renamed
from ..errors import InputError
from ..files import StrPath

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / '.mim/configs', _PACKAGE.parent / 'configs')
"""Where the configs are in an installed wheel, and in a checkout."""
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
"""Old names of configs, which work for one version, and the new ones."""


def config_folder() -> Path:
    """Find the folder of the configs that come with the package.

    Raises:
        InputError: If the package was installed without them.
    """
    for folder in _FOLDERS:
        # Another package may have a folder named configs beside ours.
        if (folder / '_base_/protocols').is_dir():
            return folder
    raise InputError(
        f'expected the configs of mmseg_panet in {_FOLDERS[0]}, got no such '
        'folder; install the package again')


def config_files() -> dict[str, Path]:
    """List the configs that come with the package, by their names."""
    return {
        path.stem: path for path in sorted(config_folder().glob('[!_]*/*.py'))}


def find_config(config: StrPath) -> Path:
    """Find a config.

    Args:
        config (str | os.PathLike): A file, or the name of a config that
            comes with the package, which ``mmseg_panet::panet/`` or
            ``configs/panet/`` may precede. The suffix ``.py`` of a name is
            optional. Old names work with a FutureWarning.

    Returns:
        Path: The file.

    Raises:
        InputError: If there is no such config. The sentence has the names
            that are nearest.
    """
    if os.path.isfile(config):
        return Path(config)
    given = Path(config).as_posix()
    files = config_files()
    *folders, name = re.sub(
        '^(mmseg_panet::|(.*/)?configs/)', '', given).split('/')
    name = name.removesuffix('.py')
    new = RENAMED.get(name, name)
    # The folder of an old name is that of its first part.
    if new in files and folders in ([], [name.split('_')[0]]):
        if new != name:
            warn_renamed(f'the config {name}', new)
        return files[new]
    nearest = get_close_matches(new, files, n=3, cutoff=0.3) or list(files)
    raise InputError(
        f'the config {config} does not exist; correct the path, or name one '
        f"of those that come with mmseg_panet, such as {', '.join(nearest)}")
