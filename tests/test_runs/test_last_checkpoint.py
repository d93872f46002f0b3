import re
import shutil
from pathlib import Path

import pytest
import torch

from mmseg_panet.errors import InputError
from mmseg_panet.runs import last_checkpoint as module
from mmseg_panet.runs.last_checkpoint import NOTE, last_checkpoint


@pytest.fixture
def logged(monkeypatch):
    """The lines of the log."""
    lines: list[str] = []
    monkeypatch.setattr(
        module, 'print_log', lambda line, **settings: lines.append(line))
    return lines


@pytest.fixture
def run(tmp_path):
    """A work dir with the checkpoints of iterations 2, 10 and 20."""
    folder = tmp_path / 'run'
    folder.mkdir()
    for step in (2, 10, 20):
        torch.save(dict(step=step), folder / f'iter_{step}.pth')
    torch.save({}, folder / 'best_mIoU_iter_90.pth')
    (folder / NOTE).write_text(str(folder / 'iter_20.pth'))
    return folder


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def test_the_checkpoint_of_the_note_is_used(run, logged):
    assert last_checkpoint(run) == str(run / 'iter_20.pth')
    # It may be an older one, if this is what the note says.
    (run / NOTE).write_text(str(run / 'iter_2.pth'))
    assert last_checkpoint(run) == str(run / 'iter_2.pth')
    assert not logged


def test_the_one_before_a_cut_checkpoint_is_used_and_noted(run, logged):
    cut(run / 'iter_20.pth')
    assert last_checkpoint(run) == str(run / 'iter_10.pth')
    assert (run / NOTE).read_text() == str(run / 'iter_10.pth')
    assert logged == [
        f'the checkpoint {run}/iter_20.pth is cut off, as its process was '
        f'killed; the training resumes from {run}/iter_10.pth']
    assert last_checkpoint(run) == str(run / 'iter_10.pth')
    assert len(logged) == 1
    cut(run / 'iter_10.pth')
    (run / 'iter_2.pth').write_bytes(b'')
    with pytest.raises(
            InputError, match='iter_10.pth is cut off, .*, and .*run has no '
            'complete checkpoint; copy one there, or train without --resume'):
        last_checkpoint(run)


@pytest.mark.parametrize(('note', 'problem'), [
    (None, 'last_checkpoint does not exist; the'),
    ('', 'last_checkpoint is empty, as its process was killed; the'),
    ('elsewhere/iter_30.pth', 'the checkpoint elsewhere/iter_30.pth, to '
     'which .*last_checkpoint refers, does not exist; the')])
def test_without_a_note_of_a_checkpoint_the_latest_one_is_used(
        run, logged, note, problem):
    (run / NOTE).unlink()
    if note is not None:
        (run / NOTE).write_text(note)
    cut(run / 'iter_20.pth')
    assert last_checkpoint(run) == str(run / 'iter_10.pth')
    line, = logged
    assert re.search(problem, line)
    assert line.endswith(f'the training resumes from {run}/iter_10.pth')


def test_a_work_dir_that_was_moved_resumes_from_the_same_checkpoint(
        run, tmp_path, logged):
    (run / NOTE).write_text(str(run / 'iter_10.pth'))
    shutil.move(run, tmp_path / 'moved')
    assert last_checkpoint(tmp_path / 'moved') == str(
        tmp_path / 'moved/iter_10.pth')
    assert len(logged) == 1


@pytest.mark.parametrize(('note', 'problem'), [
    (None, 'does not exist'), ('', 'is empty, as its process was killed')])
def test_without_checkpoints_a_training_starts_from_the_beginning(
        tmp_path, logged, note, problem):
    if note is not None:
        (tmp_path / NOTE).write_text(note)
    assert last_checkpoint(tmp_path) is None
    assert logged == [
        f'{tmp_path}/last_checkpoint {problem}; the training starts from the '
        'beginning']
    # mmengine would resume from the empty path.
    assert not (tmp_path / NOTE).exists()


def test_a_checkpoint_that_was_removed_is_not_replaced_by_the_beginning(
        tmp_path):
    (tmp_path / NOTE).write_text('gone/iter_3.pth')
    with pytest.raises(
            InputError, match='gone/iter_3.pth, to which .* does not exist, '
            'and .* has no complete checkpoint; copy one there, or'):
        last_checkpoint(tmp_path)
