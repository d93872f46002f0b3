import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_panet.datasets import class_index, image_cache
from mmseg_panet.datasets.cache import cache_folder, cache_key, read_or_build

CONTEXT = multiprocessing.get_context('fork')
TIME = 60


@pytest.fixture
def infos(tmp_path):
    infos = []
    for i in range(3):
        image, mask = tmp_path / f'{i}.jpg', tmp_path / f'{i}.png'
        Image.fromarray(np.full((4, 6, 3), i, np.uint8)).save(image)
        Image.fromarray(np.full((4, 6), i, np.uint8)).save(mask)
        infos.append(dict(
            img_path=str(image), seg_map_path=str(mask), label_map=None,
            reduce_zero_label=False, seg_fields=[]))
    return infos


def counts(infos, folder):
    return class_index.load_class_index(
        infos, 3, LoadAnnotations(), folder).counts


def pictures(infos, folder):
    cache = image_cache.load_image_cache(
        infos, [LoadImageFromFile()], folder)
    return np.stack([cache.restore(i)['img'] for i in range(3)])


def report(load, module, infos, folder, building, go_on, results):
    """Build with a delay in a separate process, and put the result."""
    builds = []
    build = module._build

    def late(*args):
        builds.append(1)
        building.set()
        assert go_on.wait(TIME)
        return build(*args)

    module._build = late
    results.put((load(infos, folder), len(builds)))


@pytest.mark.parametrize(('load', 'module'), [
    (counts, class_index), (pictures, image_cache)])
def test_of_two_processes_one_builds_and_the_other_waits_for_it(
        load, module, infos, tmp_path):
    building = [CONTEXT.Event(), CONTEXT.Event()]
    go_on, results = CONTEXT.Event(), CONTEXT.Queue()
    processes = [
        CONTEXT.Process(target=report, args=(
            load, module, infos, tmp_path / 'cache', event, go_on, results))
        for event in building]
    processes[0].start()
    assert building[0].wait(TIME)
    processes[1].start()
    # Without the lock, the second process would build within this time.
    assert not building[1].wait(1)
    go_on.set()
    found = [results.get(timeout=TIME) for _ in processes]
    for process in processes:
        process.join(TIME)
        assert process.exitcode == 0
    assert sorted(number for _, number in found) == [0, 1]
    expected = load(infos, tmp_path / 'alone')
    for result, _ in found:
        np.testing.assert_array_equal(result, expected)


def test_a_builder_that_was_killed_releases_its_lock(infos, tmp_path):
    building, go_on = CONTEXT.Event(), CONTEXT.Event()
    process = CONTEXT.Process(target=report, args=(
        counts, class_index, infos, tmp_path / 'cache', building, go_on,
        CONTEXT.Queue()))
    process.start()
    assert building.wait(TIME)
    process.kill()
    process.join(TIME)
    before = time.monotonic()
    assert counts(infos, tmp_path / 'cache').sum() == 72
    assert time.monotonic() - before < TIME


def test_a_folder_that_cannot_be_written_needs_no_lock(
        tmp_path):
    (tmp_path / 'cache').write_text('a file in place of the folder')
    found = read_or_build(
        tmp_path / 'cache', 'kind/key', lambda path: None,
        lambda path: 'built')
    assert found == 'built'


def test_the_folder_is_given_or_from_the_variable_or_the_system(
        tmp_path, monkeypatch):
    monkeypatch.setenv('MMSEG_PANET_CACHE', str(tmp_path / 'variable'))
    assert cache_folder(tmp_path / 'given') == tmp_path / 'given'
    assert cache_folder() == tmp_path / 'variable'
    monkeypatch.setenv('HOME', str(tmp_path))
    assert cache_folder('~/given') == tmp_path / 'given'
    monkeypatch.delenv('MMSEG_PANET_CACHE')
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    if sys.platform == 'linux':
        assert cache_folder() == tmp_path / '.cache/mmseg_panet'


def test_the_key_does_not_depend_on_the_working_directory(
        infos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    relative = [
        info | {key: Path(info[key]).name
                for key in ('img_path', 'seg_map_path')} for info in infos]
    assert cache_key(relative, 1) == cache_key(infos, 1)
    assert cache_key(infos, 2) != cache_key(infos, 1)
    assert cache_key(infos[::-1], 1) != cache_key(infos, 1)
