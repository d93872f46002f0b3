import shutil
import stat
import struct
import zipfile

import numpy as np
import pytest

from mmseg_panet.archive import (
    check_archive,
    check_unpacked_size,
    unpack,
)
from mmseg_panet.errors import InputError


def write(path, *entries):
    """Write a .zip of (name or ZipInfo, bytes)."""
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        for name, data in entries:
            file.writestr(name, data)
    return path


def link(name, target, kind=stat.S_IFLNK):
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3  # Unix
    entry.external_attr = (kind | 0o777) << 16
    return entry, target


def declare(path, size):
    """State another unpacked size of the first entry, in both headers."""
    data = bytearray(path.read_bytes())
    data[22:26] = struct.pack('<I', size)
    start = data.index(b'PK\x01\x02')
    data[start + 24:start + 28] = struct.pack('<I', size)
    path.write_bytes(data)


def refused(tmp_path, sentence):
    """Assert that the archive is refused before a file is written."""
    with pytest.raises(InputError, match=sentence) as caught:
        unpack(tmp_path / 'a.zip', tmp_path / 'out')
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'out').exists()


def test_files_and_folders_are_unpacked_to_the_byte(tmp_path):
    write(tmp_path / 'a.zip', ('a/', b''), ('a/b.txt', b'x'), ('c', b'yy'),
          ('a/deep/d.zip', b'PK\x03\x04 is not unpacked'))
    unpack(tmp_path / 'a.zip', tmp_path / 'out')
    found = {str(path.relative_to(tmp_path / 'out')): path.read_bytes()
             for path in (tmp_path / 'out').rglob('*') if path.is_file()}
    assert found == {'a/b.txt': b'x', 'c': b'yy',
                     'a/deep/d.zip': b'PK\x03\x04 is not unpacked'}


def test_separators_of_windows_make_folders(tmp_path):
    write(tmp_path / 'a.zip', ('a\\', b''), ('a\\b\\c.txt', b'x'))
    unpack(tmp_path / 'a.zip', tmp_path / 'out')
    assert (tmp_path / 'out/a/b/c.txt').read_bytes() == b'x'
    write(tmp_path / 'a.zip', ('a\\b', b'x'), ('a/b', b'y'))
    with pytest.raises(InputError, match='twice'):
        unpack(tmp_path / 'a.zip', tmp_path / 'other')


@pytest.mark.parametrize('name', [
    '../a', 'a/../../b', 'a/../b', '/etc/a', 'C:/a', 'C:a', '..\\a', '\\a',
    '//server/share/a', 'a\0.txt'])
def test_an_entry_outside_the_folder_is_refused(tmp_path, name):
    entry = zipfile.ZipInfo('x' * len(name))
    write(tmp_path / 'a.zip', ('first', b''), (entry, b''))
    data = (tmp_path / 'a.zip').read_bytes()
    (tmp_path / 'a.zip').write_bytes(
        data.replace(b'x' * len(name), name.encode()))
    refused(tmp_path, 'cannot be unpacked: its entry .* lies outside')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.zip']


@pytest.mark.parametrize('kind', [
    stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_a_link_or_a_device_is_refused(tmp_path, kind):
    write(tmp_path / 'a.zip', link('masks', '/etc', kind),
          ('masks/passwd', b'x'))
    refused(tmp_path, "its entry 'masks' is a link or a device")


@pytest.mark.parametrize(('names', 'sentence'), [
    (['a/b', 'a/b'], "the entry 'a/b' twice"),
    (['a/b', 'a//b'], "the entry 'a//b' twice"),
    (['a/b', './a/b'], "the entry './a/b' twice"),
    (['a', 'a/b'], "'a' is a file and also a folder"),
    (['a/b', 'a'], "the entry 'a' twice"),
    (['a', 'a/'], "the entry 'a/' twice"),
])
@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_a_name_that_occurs_twice_is_refused(tmp_path, names, sentence):
    write(tmp_path / 'a.zip', *((name, b'x') for name in names))
    refused(tmp_path, sentence)


def test_other_methods_of_compression_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w', zipfile.ZIP_LZMA) as file:
        file.writestr('a', b'x' * 100)
    refused(tmp_path, 'compressed by the method 14')


def test_a_bomb_is_refused_by_its_ratio(tmp_path):
    write(tmp_path / 'a.zip', ('a.json', bytes(10 << 20)))
    check_unpacked_size(tmp_path / 'a.zip')  # 1000 times its size, but 10 MB
    declare(tmp_path / 'a.zip', 101 << 20)
    refused(tmp_path, f'but {101 << 20} when it is unpacked: expected at most')
    with pytest.raises(InputError, match='expected at most 100 times as many'):
        check_unpacked_size(tmp_path / 'a.zip')


def test_what_is_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    write(tmp_path / 'a.zip', ('a', b'x' * 5000), ('b', b''))
    usage = shutil.disk_usage(tmp_path)

    def free(size):
        monkeypatch.setattr(
            shutil, 'disk_usage', lambda path: usage._replace(free=size))

    free(3 * 4096 - 1)
    refused(tmp_path, r'a\.zip has 0 MB when it is unpacked, but 0 MB are')
    free(3 * 4096)  # two blocks and one
    unpack(tmp_path / 'a.zip', tmp_path / 'out')
    assert (tmp_path / 'out/a').stat().st_size == 5000


def test_an_entry_is_no_larger_than_it_states(tmp_path):
    write(tmp_path / 'a.zip', ('a', bytes(10 << 20)))
    declare(tmp_path / 'a.zip', 10)
    with pytest.raises(InputError, match='cannot be unpacked: .*CRC'):
        unpack(tmp_path / 'a.zip', tmp_path / 'out')
    assert (tmp_path / 'out/a').stat().st_size <= 10


def test_a_cut_or_flipped_archive_is_unpacked_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    write(tmp_path / 'good.zip', ('a/b.txt', b'some text ' * 30),
          ('a/c.txt', bytes(rng.integers(0, 256, 300, np.uint8))))
    good = (tmp_path / 'good.zip').read_bytes()
    refusals = 0
    for number in range(300):
        data = bytearray(good)
        if number % 3:
            for place in rng.integers(0, len(data), 1 + number % 4):
                data[place] = rng.integers(0, 256)
        else:
            del data[rng.integers(0, len(data)):]
        (tmp_path / 'a.zip').write_bytes(data)
        out = tmp_path / f'out/{number}'
        out.parent.mkdir(exist_ok=True)
        try:
            unpack(tmp_path / 'a.zip', out)
        except InputError as error:
            refusals += 1
            assert '\n' not in str(error)
    assert refusals > 100
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'a.zip', 'good.zip', 'out']


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    write(tmp_path / 'a.zip', ('x' * 300, b''))
    with pytest.raises(InputError, match=r'a\.zip cannot be unpacked: File n'):
        unpack(tmp_path / 'a.zip', tmp_path / 'out')


def test_only_archives_of_another_kind_are_refused(tmp_path):
    for name in ('a.tar', 'a.tar.gz', 'a.TGZ', 'a.7z', 'a.rar'):
        (tmp_path / name).write_bytes(b'x')
        with pytest.raises(InputError, match=rf'{name}: .*unpack it'):
            check_archive(tmp_path / name)
    (tmp_path / 'folder.tar').mkdir()
    for name in ('a.zip', 'a.json', 'folder.tar', 'absent.tar'):
        check_archive(tmp_path / name)
