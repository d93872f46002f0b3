"""The record of a folder of results: what its masks were made with."""
from pathlib import Path

RECORD = 'made_with.txt'
PICTURES = ('masks', 'overlays', 'yolo')
"""Subfolders of a folder of results, which hold no photographs."""


def holds_results(folder: Path) -> bool:
    """Tell whether results were written into a folder."""
    return (folder / RECORD).is_file()


def is_result(file: Path, root: Path) -> bool:
    """Tell whether an image is a result, and no photograph.

    Args:
        file (Path): Path of an image below ``root``.
        root (Path): The folder that is searched. It may itself be a folder of
            masks, which the user then names on purpose.

    Returns:
        bool: Whether ``file`` lies in one of :data:`PICTURES` of a folder
        of results, at any depth below ``root``.
    """
    folders = file.parts[len(root.parts):-1]
    return any(
        name in PICTURES and holds_results(
            root.joinpath(*folders[:depth]))
        for depth, name in enumerate(folders))
