"""The record of a folder of results: what its masks were made with."""
from pathlib import Path

RECORD = 'made_with.txt'
SEVERAL = 'several'
"""The record of a folder whose masks have different fingerprints."""
CONTACT_SHEETS = 'contact_sheets'
PICTURES = ('masks', 'overlays', 'yolo', CONTACT_SHEETS)
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


def record_fault(out_dir: Path, fingerprint: str) -> str | None:
    """Say why results of a fingerprint cannot be added to a folder."""
    record = out_dir / RECORD
    found = (record.read_text(errors='replace').strip()
             if record.is_file() else None)
    if found == fingerprint or not any((out_dir / 'masks').glob('**/*.png')):
        return None
    what = 'masks from elsewhere' if found is None else (
        'masks of another model, other examples or other settings')
    return (f'{out_dir} holds {what}, which are not mixed with new ones; '
            'name another folder, or remove it')
