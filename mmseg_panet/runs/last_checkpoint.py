"""The checkpoint from which a training resumes."""
import logging
import re
from pathlib import Path

from mmengine.logging import print_log

from ..errors import InputError
from ..files import write_atomic
from ..models.checkpoint_file import is_complete

NOTE = 'last_checkpoint'
"""Name of the file in which mmengine records the path of a checkpoint."""
_STEP = re.compile(r'(?:iter|epoch)_(\d+)\.pth')


def last_checkpoint(work_dir: str | Path) -> str | None:
    """Find the last complete checkpoint of a work dir.

    A killed process may leave a checkpoint that is cut off, or an empty note;
    a work dir may have been moved. The note is then corrected, as mmengine
    reads it, and the log says why.

    Args:
        work_dir (str | Path): Folder of a training.

    Returns:
        str | None: Path of the checkpoint that the note refers to. None
        without checkpoints, with which a training starts from the beginning.

    Raises:
        InputError: If the note refers to a checkpoint that is missing, or
            if none is complete.
    """
    note = Path(work_dir, NOTE)
    noted = note.read_text(
        errors='replace').strip() if note.is_file() else None
    if noted and Path(noted).is_file() and is_complete(noted):
        return noted
    problem = _describe(note, noted)
    steps = {
        int(match[1]): path for path in note.parent.glob('*.pth')
        if (match := _STEP.fullmatch(path.name)) and path.is_file()}
    paths = [steps[step] for step in sorted(steps, reverse=True)]
    if noted:  # The work dir may have been moved.
        paths.insert(0, note.parent / Path(noted).name)
    found = next(
        (path for path in paths if path.is_file() and is_complete(path)), None)
    if found is None and (noted or steps):
        raise InputError(
            f'{problem}, and {work_dir} has no complete checkpoint; copy one '
            'there, or train without --resume to start from the beginning')
    start = f'resumes from {found}' if found else 'starts from the beginning'
    print_log(f'{problem}; the training {start}', logger='current',
              level=logging.WARNING)
    if found is None:
        note.unlink(missing_ok=True)
        return None
    write_atomic(note, str(found).encode())
    return str(found)


def _describe(note: Path, noted: str | None) -> str:
    """Describe why the checkpoint of a note cannot be used."""
    if noted is None:
        return f'{note} does not exist'
    if not noted:
        return f'{note} is empty, as its process was killed'
    if Path(noted).is_file():
        return f'the checkpoint {noted} is cut off, as its process was killed'
    return f'the checkpoint {noted}, to which {note} refers, does not exist'
