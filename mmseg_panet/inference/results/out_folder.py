"""The folder of results, and the record of what they were made with."""
from pathlib import Path

from mmengine.dist import all_gather_object, is_main_process

from ...errors import InputError
from ...files import write_lines
from .prediction_files import read_summary, remove_parts

_RECORD = 'made_with.txt'


def prepare_folder(out_dir: Path, fingerprint: str) -> None:
    """Make a folder ready for results, on all processes of a launcher.

    What a killed process left half-written is removed.

    Args:
        out_dir (Path): Is made if need be.
        fingerprint (str): Of all that the results depend on.

    Raises:
        InputError: If it holds results of another fingerprint, or the
            processes differ in theirs.
    """
    fault = None
    if is_main_process():
        fault = _fault(out_dir, fingerprint)
        if fault is None:
            take_over(out_dir, fingerprint)
    faults, fingerprints = zip(
        *all_gather_object((fault, fingerprint)), strict=True)
    if faults[0] is not None:
        raise InputError(faults[0])
    if len(set(fingerprints)) > 1:
        raise InputError(
            'the processes have different weights or classes, but their '
            'masks lie in one folder; give a checkpoint in place of random '
            'weights, and a bank that one process has made')


def take_over(out_dir: Path, fingerprint: str) -> None:
    """Make a folder ready for results that replace what it holds.

    Results of another fingerprint that stay make it a folder that
    :func:`prepare_folder` refuses.

    Args:
        out_dir (Path): Is made if need be.
        fingerprint (str): See :func:`prepare_folder`.

    Raises:
        InputError: If it holds masks that are none of ours.
    """
    if not (out_dir / _RECORD).is_file():
        for mask in (out_dir / 'masks').glob('**/*.png'):
            read_summary(mask)
    mixed = _fault(out_dir, fingerprint) is not None
    out_dir.mkdir(parents=True, exist_ok=True)
    remove_parts(out_dir)
    if mixed:
        (out_dir / _RECORD).unlink(missing_ok=True)
    else:
        write_lines(out_dir / _RECORD, [fingerprint])


def _fault(out_dir: Path, fingerprint: str) -> str | None:
    """Why results of a fingerprint cannot be added to a folder."""
    if next((out_dir / 'masks').glob('**/*.png'), None) is None:
        return None
    record = out_dir / _RECORD
    found = record.read_text().strip() if record.is_file() else None
    if found == fingerprint:
        return None
    what = 'masks from elsewhere' if found is None else (
        'masks of another model, other supports or other settings')
    return (f'{out_dir} holds {what}, which are not mixed with new ones; '
            'name another folder, or remove it')
