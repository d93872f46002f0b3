"""Checks of the path of a folder of results, before the work begins."""
import os
from pathlib import Path

from ...annotations.formats.class_folders import list_pairs
from ...errors import InputError
from ...files import StrPath, check_folder
from .record import PICTURES, holds_results


def check_writable(out_dir: Path) -> None:
    """Check that all results can be written, before the model is loaded.

    Args:
        out_dir (Path): Folder of results, which is created.

    Raises:
        InputError: If it or a folder of it is not writable.
    """
    check_folder(out_dir)
    for folder in (out_dir / name for name in PICTURES):
        if os.path.lexists(folder):
            check_folder(folder)


def refuse_support_folder(path: StrPath, support: StrPath | None) -> None:
    """Refuse to write pictures among the examples, which they would break.

    Args:
        path (str | os.PathLike): Folder of results, or a picture.
        support (str | os.PathLike, optional): The examples; only a folder
            can break.

    Raises:
        InputError: If the path is that folder, or lies in it.
    """
    if support is None or not Path(support).is_dir():
        return
    if Path(path).resolve().is_relative_to(Path(support).resolve()):
        raise InputError(
            f'expected a path outside the folder of the examples {support}, '
            f'got {path}, where results would be read as examples the next '
            'time; choose another path')


def refuse_foreign_files(out_dir: Path, *names: str) -> None:
    """Refuse to write into folders that hold files from elsewhere.

    Args:
        out_dir (Path): Folder of results.
        *names (str): Names of folders in it.

    Raises:
        InputError: If it holds no results, and one of the folders has files.
    """
    if holds_results(out_dir):
        return
    for folder in map(out_dir.joinpath, names):
        if any(folder.glob('*')):
            raise InputError(
                f'{folder} holds files that were not written here and might '
                'be written over; name another folder for the results')


def refuse_class_folders(out_dir: Path) -> None:
    """Refuse a folder that consists of examples by class.

    Args:
        out_dir (Path): Folder of results, which need not exist.

    Raises:
        InputError: If it is such a folder.
    """
    try:
        classes = list(list_pairs(out_dir))
    except InputError:
        return
    raise InputError(
        f'expected a folder for results, got {out_dir}, which holds examples '
        f'of the classes {classes}, and where results would be read as '
        'examples the next time; name another folder')
