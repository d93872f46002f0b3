import re
import zipfile

import numpy as np
import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.evaluation import EpisodeCounts
from mmseg_panet.evaluation.episode_table import EpisodeTable

COUNTS = [
    EpisodeCounts(1, 0, (3, 9), np.array([1, 2, 3, 4]), np.array([5] * 4)),
    EpisodeCounts(0, 1, (9, 4), np.array([5, 6, 7, 8]), np.array([9] * 4)),
    EpisodeCounts(0, 0, (4, 3), np.array([0, 1, 1, 2]), np.array([2] * 4)),
]


def test_episodes_are_in_the_order_of_run_and_episode():
    table = EpisodeTable.from_counts(COUNTS)
    assert table.runs.tolist() == [0, 0, 1]
    assert table.episodes.tolist() == [0, 1, 0]
    assert table.class_ids.tolist() == [[4, 3], [9, 4], [3, 9]]
    assert table.intersection.tolist() == [
        [0, 1, 1, 2], [5, 6, 7, 8], [1, 2, 3, 4]]
    assert table.union.tolist() == [[2] * 4, [9] * 4, [5] * 4]


def test_a_table_that_was_written_is_read(tmp_path):
    table = EpisodeTable.from_counts(COUNTS)
    table.write(tmp_path / 'result.npz')
    again = EpisodeTable.read(tmp_path / 'result.npz')
    for name, array in vars(table).items():
        other = getattr(again, name)
        assert other.dtype == array.dtype == np.int64, name
        assert np.array_equal(other, array), name
    assert [path.name for path in tmp_path.iterdir()] == ['result.npz']


def test_equal_tables_are_equal_bytes_in_any_order_at_any_time(tmp_path):
    EpisodeTable.from_counts(COUNTS).write(tmp_path / 'a.npz')
    EpisodeTable.from_counts(COUNTS[::-1]).write(tmp_path / 'b.npz')
    assert (tmp_path / 'a.npz').read_bytes() == (
        tmp_path / 'b.npz').read_bytes()
    # The zip file has no time stamps.
    with zipfile.ZipFile(tmp_path / 'a.npz') as file:
        assert {info.date_time for info in file.infolist()} == {
            (1980, 1, 1, 0, 0, 0)}


def test_an_interrupted_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'result.npz'
    EpisodeTable.from_counts(COUNTS).write(path)
    before = path.read_bytes()

    def interrupt(file, **arrays):
        file.write(b'half')
        raise KeyboardInterrupt

    monkeypatch.setattr(np, 'savez_compressed', interrupt)
    with pytest.raises(KeyboardInterrupt):
        EpisodeTable.from_counts(COUNTS[:1]).write(path)
    assert path.read_bytes() == before


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)


INCOMPLETE = r'a complete episode table \(.+\)'
OTHER_ARRAYS = (
    r'an episode table: expected int64 arrays \(E,\), \(E,\), \(E, W\), '
    r'\(E, W \+ 2\), \(E, W \+ 2\), got int64 .+')


@pytest.mark.parametrize(('spoil', 'expected'), [
    (lambda path: path.unlink(), INCOMPLETE),
    (cut, INCOMPLETE),
    (flip, INCOMPLETE),
    (lambda path: path.write_bytes(b''), INCOMPLETE),
    (lambda path: path.write_text('{"mIoU": 1}'), INCOMPLETE),
    (lambda path: np.save(path.open('wb'), np.zeros(3)), INCOMPLETE),
    (lambda path: np.savez(path, counts=np.zeros((3, 4))), INCOMPLETE),
    (lambda path: np.savez(path, **{
        **vars(EpisodeTable.from_counts(COUNTS)), 'runs': np.zeros(2, int)}),
     OTHER_ARRAYS),
    (lambda path: np.savez(path, **{
        **vars(EpisodeTable.from_counts(COUNTS)), 'union': np.ones((3, 4))}),
     OTHER_ARRAYS),
    (lambda path: np.savez(path, **{
        name: np.zeros(0, int)
        for name in vars(EpisodeTable.from_counts(COUNTS))}), INCOMPLETE),
    (lambda path: np.savez(path, **{
        **vars(EpisodeTable.from_counts(COUNTS)),
        'class_ids': np.array([[4, 3], [9], [3, 9]], dtype=object)}),
     INCOMPLETE),
], ids=['missing', 'cut', 'flipped', 'empty', 'json', 'npy', 'other arrays',
        'too few runs', 'floats', 'no episodes', 'ragged'])
def test_a_damaged_or_foreign_file_is_refused_in_one_sentence(
        tmp_path, spoil, expected):
    path = tmp_path / 'result.npz'
    EpisodeTable.from_counts(COUNTS).write(path)
    spoil(path)
    with pytest.raises(InputError) as caught:
        EpisodeTable.read(path)
    # The message is one line, as '.' does not match a line break.
    assert re.fullmatch(
        rf'{re.escape(str(path))} is not {expected}; `mmseg-panet test --out` '
        'writes one beside its result', str(caught.value))


def test_a_table_that_fills_the_memory_is_refused(tmp_path):
    with zipfile.ZipFile(
            tmp_path / 'a.npz', 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr('runs.npy', bytes(1000))
    data = bytearray((tmp_path / 'a.npz').read_bytes())
    place = data.index(b'PK\x01\x02') + 24  # the size, in the directory
    data[place:place + 4] = (1 << 30).to_bytes(4, 'little')
    (tmp_path / 'a.npz').write_bytes(data)
    with pytest.raises(InputError, match='at most 100 times as many'):
        EpisodeTable.read(tmp_path / 'a.npz')


@pytest.mark.parametrize(('intersection', 'union'), [(-1, 4), (5, 4)])
def test_counts_that_no_prediction_has_are_refused(
        tmp_path, intersection, union):
    table = EpisodeTable.from_counts(COUNTS)
    table.intersection[1, 0], table.union[1, 0] = intersection, union
    table.write(tmp_path / 'result.npz')
    with pytest.raises(InputError, match=(
            rf'from 0 to their unions, got \[{intersection}, .* in row 1; ')):
        EpisodeTable.read(tmp_path / 'result.npz')
