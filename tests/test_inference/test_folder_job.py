import csv
import errno
import json
import os
import pkgutil
import shutil
import signal
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from image_files import read_video, write_huge_png, write_video
from mmengine.dist import get_rank
from PIL import Image
from process_runs import in_processes

from mmseg_panet.datasets.folder import FolderDataset
from mmseg_panet.errors import InputError, WriteError
from mmseg_panet.images.reading import ImageReading
from mmseg_panet.inference.folder_job import segment_images
from mmseg_panet.inference.images.image_list import ImageItem, list_images
from mmseg_panet.inference.images.image_source import VideoFrame
from mmseg_panet.inference.results.mask_file import read_mask
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.locks import folder_lock

ALL = dict(overlay=True, csv=True, coco=True, show_progress=False)


class Bright:
    """Takes what is brighter than the mean of its batch for its class."""

    classes = ('bright',)
    reading = ImageReading()

    def __init__(self, of='these supports'):
        self.of = of
        self.calls = []

    def palette(self):
        return np.arange(256).repeat(3).reshape(256, 3).astype(np.uint8)

    def fingerprint(self):
        return self.of

    def predict(self, images, channel_order):
        assert channel_order == 'bgr'  # Files are read so.
        self.calls.append(len(images))
        mean = np.mean([image.mean() for image in images])
        return [
            Prediction((image[..., 0] > mean).astype(np.uint8),
                       image[..., 1].astype(np.float32) / 255, self.classes)
            for image in images]


@pytest.fixture
def photos(tmp_path):
    """Seven images of different sizes, of which number 3 is broken."""
    folder = tmp_path / 'photos'
    folder.mkdir()
    for i in range(7):
        image = np.random.default_rng(i).integers(
            0, 256, (10 + i, 20, 3), np.uint8)
        Image.fromarray(image).save(folder / f'{i}.png')
    (folder / '3.png').write_bytes((folder / '3.png').read_bytes()[:99])
    # Older than whatever is written from now on.
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    return folder


def files(out_dir):
    return {
        path.relative_to(out_dir).as_posix(): path.read_bytes()
        for path in out_dir.rglob('*') if path.is_file()}


def test_a_broken_image_is_a_failure_and_all_others_get_their_files(
        photos, tmp_path):
    failures = segment_images(
        Bright(), list_images(photos), tmp_path / 'out', batch_size=2, **ALL)
    assert [failure.name for failure in failures] == ['3']
    assert '3.png is no complete image' in failures[0].sentence
    good = [i for i in range(7) if i != 3]
    assert set(files(tmp_path / 'out')) == {
        'made_with.txt', 'classes.txt', 'areas.csv', 'coco.json',
        *(f'masks/{i}.png' for i in good),
        *(f'overlays/{i}.jpg' for i in good)}
    for i in good:
        mask = read_mask(tmp_path / f'out/masks/{i}.png')
        assert mask.shape == (10 + i, 20)


def test_only_what_is_asked_for_is_written(photos, tmp_path):
    segment_images(Bright(), list_images(photos), tmp_path / 'out',
                   show_progress=False)
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {
        'made_with.txt', 'classes.txt', 'masks'}


# Batches are 0 and 1, 2 and the broken 3, 4 and 5, 6, of two files an image.
@pytest.mark.parametrize(
    ('writes', 'batches_left'), [(0, 4), (3, 4), (4, 3), (9, 3), (11, 2)])
def test_interrupted_and_started_again_it_gives_the_same_files(
        photos, tmp_path, monkeypatch, writes, batches_left):
    images = list_images(photos)
    segment_images(Bright(), images, tmp_path / 'once', batch_size=2, **ALL)

    left = [writes]
    replace = os.replace

    def interrupted(*args):
        left[0] -= 1
        if left[0] < -2:  # the record and the class list come first
            raise KeyboardInterrupt
        replace(*args)
    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', interrupted)
        with pytest.raises(KeyboardInterrupt):
            segment_images(
                Bright(), images, tmp_path / 'out', batch_size=2, **ALL)
    assert len(files(tmp_path / 'out')) == 2 + writes
    again = Bright()
    segment_images(again, images, tmp_path / 'out', batch_size=2, **ALL)
    assert files(tmp_path / 'out') == files(tmp_path / 'once')
    assert len(again.calls) == batches_left


EXPORTED = dict(export=['coco', 'labelme', 'yolo'], show_progress=False)


# Of six images, labelme and YOLO have six files and links, and COCO one.
@pytest.mark.parametrize('writes', [0, 1, 4, 10])
def test_an_interrupted_export_becomes_complete(
        photos, tmp_path, monkeypatch, writes):
    images = list_images(photos)
    segment_images(Bright(), images, tmp_path / 'once', **EXPORTED)
    segment_images(Bright(), images, tmp_path / 'out', show_progress=False)
    before = files(tmp_path / 'out')

    left = [writes]
    replace = os.replace

    def interrupted(*args):
        left[0] -= 1
        if left[0] < -2:  # the record and the class list come first
            raise KeyboardInterrupt
        replace(*args)
    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', interrupted)
        with pytest.raises(KeyboardInterrupt):
            segment_images(Bright(), images, tmp_path / 'out', **EXPORTED)
    assert len(files(tmp_path / 'out')) == len(before) + writes
    again = Bright()
    segment_images(again, images, tmp_path / 'out', **EXPORTED)
    assert not again.calls
    assert files(tmp_path / 'out') == files(tmp_path / 'once')
    exported = json.loads(
        (tmp_path / 'out' / 'coco' / 'instances.json').read_text())
    assert [one['file_name'] for one in exported['images']] == [
        f'{i}.png' for i in range(7) if i != 3]
    assert len(exported['annotations']) > 6


def test_the_images_of_yolo_are_not_segmented_again(photos):
    out = photos / 'out'
    images = list_images(photos, leave_out=out)
    segment_images(Bright(), images, out, **EXPORTED)
    assert (out / 'yolo' / 'images' / '0.png').exists()
    assert list_images(photos) == images


def test_a_frame_of_a_video_is_not_exported_to_labelme(photos, tmp_path):
    frame = ImageItem('clip/000001', VideoFrame(None, 1))
    images = [*list_images(photos), frame]
    with pytest.raises(InputError, match='got clip/000001, an array, a fra'):
        segment_images(Bright(), images, tmp_path / 'out', **EXPORTED)
    assert not (tmp_path / 'out').exists()


def test_what_is_finished_is_not_computed_again(photos, tmp_path):
    (photos / '3.png').unlink()
    images = list_images(photos)
    once, again = Bright(), Bright()
    segment_images(once, images, tmp_path / 'out', show_progress=False)
    segment_images(again, images, tmp_path / 'out', show_progress=False)
    assert (len(once.calls), again.calls) == (6, [])


def test_overlays_asked_for_later_are_made(photos, tmp_path):
    images = list_images(photos)
    segment_images(Bright(), images, tmp_path / 'out', show_progress=False)
    segment_images(Bright(), images, tmp_path / 'out', **ALL)
    assert len(list((tmp_path / 'out/overlays').iterdir())) == 6


def test_another_style_renews_overlays_and_keeps_masks(photos, tmp_path):
    out = tmp_path / 'out'
    segment_images(Bright(), list_images(photos), out, **ALL)
    before, calls = files(out), Bright()
    segment_images(calls, list_images(photos), out, opacity=0.9, names=True,
                   **ALL)
    assert calls.calls == []
    after = files(out)
    assert {name for name in after if after[name] != before[name]} == {
        f'overlays/{i}.jpg' for i in range(7) if i != 3}
    # As if they had been made with it in the first place.
    segment_images(Bright(), list_images(photos), tmp_path / 'other',
                   opacity=0.9, names=True, **ALL)
    assert files(tmp_path / 'other') == after


def test_overlays_of_another_style_are_named_and_not_mixed_silently(
        photos, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.inference.folder_job.print_log',
        lambda text, *args: said.append(text))
    out = tmp_path / 'out'
    items = list_images(photos)
    segment_images(Bright(), items[:2], out, overlay=True, legend=False)
    segment_images(Bright(), items[4:], out, overlay=True)
    assert any('2 overlays of other images in another style' in one
               for one in said)


def test_a_job_on_videos_writes_them_and_a_contact_sheet(tmp_path):
    for name, number in (('a', 6), ('b', 4)):
        write_video(tmp_path / f'{name}.avi', number)
    items = list_images([tmp_path / 'a.avi', tmp_path / 'b.avi'],
                        frame_step=2)
    out = tmp_path / 'out'
    assert not segment_images(
        Bright(), items, out, video='mp4', contact_sheet=True, csv=True)
    assert set(files(out)) == {
        'made_with.txt', 'classes.txt', 'areas.csv',
        'contact_sheets/001.jpg', 'overlays/a.mp4', 'overlays/b.mp4',
        *(f'masks/a/00000{i}.png' for i in (0, 2, 4)),
        *(f'masks/b/00000{i}.png' for i in (0, 2))}
    assert [len(read_video(out / f'overlays/{name}.mp4')[0])
            for name in 'ab'] == [6, 4]
    # Again, with the masks as they are.
    calls = Bright()
    segment_images(calls, items, out, video='mp4', legend=False)
    assert not calls.calls
    assert read_video(out / 'overlays/a.mp4')[0][0].shape == (48, 64, 3)


def test_a_damaged_video_is_a_failure_and_nothing_else_is_lost(tmp_path):
    for name in 'ab':
        write_video(tmp_path / f'{name}.avi', 6)
    items = list_images([tmp_path / 'a.avi', tmp_path / 'b.avi'])
    write_video(tmp_path / 'a.avi', 4)
    failures = segment_images(
        Bright(), items, tmp_path / 'out', video='mp4')
    assert [one.name for one in failures] == [
        'a/000004', 'a/000005', 'overlays/a.mp4']
    assert '2 frames of 6 cannot be read' in failures[-1].sentence
    assert [len(read_video(tmp_path / f'out/overlays/{name}.mp4')[0])
            for name in 'ab'] == [4, 6]


def test_a_changed_image_is_computed_again_and_one_that_broke_has_no_mask(
        photos, tmp_path):
    images = list_images(photos)
    segment_images(Bright(), images, tmp_path / 'out', **ALL)
    Image.new('RGB', (5, 5)).save(photos / '3.png')
    (photos / '0.png').write_bytes(b'')
    for name in ('0', '3'):
        os.utime(photos / f'{name}.png', (4e9, 4e9))
    again = Bright()
    failures = segment_images(again, images, tmp_path / 'out', **ALL)
    assert [failure.name for failure in failures] == ['0']
    assert again.calls == [1]
    assert read_mask(tmp_path / 'out/masks/3.png').shape == (5, 5)
    assert not (tmp_path / 'out/masks/0.png').exists()
    assert not (tmp_path / 'out/overlays/0.jpg').exists()
    assert '\n0,' not in (tmp_path / 'out/areas.csv').read_text()


def test_a_mask_of_another_image_is_not_taken_for_its_own(tmp_path):
    """It has the same name and size, and is older than the first mask."""
    for folder, colour in (('one', 'white'), ('other', 'black')):
        (tmp_path / folder).mkdir()
        Image.new('RGB', (6, 4), colour).save(tmp_path / folder / 'a.bmp')
    images = [list_images(tmp_path / folder) for folder in ('one', 'other')]
    calls = []
    for some in (*images, images[1]):
        job = Bright()
        segment_images(job, some, tmp_path / 'out', show_progress=False)
        calls.append(len(job.calls))
    assert calls == [1, 1, 0]


def test_an_array_is_known_by_its_pixels(tmp_path):
    grey = np.full((4, 5), 7, np.uint8)
    calls = []
    for array in (grey, grey.copy(), grey + 1):
        job = Bright()
        segment_images(job, list_images(array), tmp_path, show_progress=False)
        calls.append(len(job.calls))
    assert calls == [1, 0, 1]


def test_a_name_too_long_for_a_mask_fails_alone(tmp_path):
    images = [ImageItem(name, np.zeros((4, 5), np.uint8))
              for name in ('x' * 252, 'y' * 251)]
    failure, = segment_images(Bright(), images, tmp_path, show_progress=False)
    assert failure.name == 'x' * 252
    assert 'too long a name' in failure.sentence
    assert (tmp_path / f"masks/{'y' * 251}.png").is_file()


def test_masks_of_something_else_are_never_mixed_with_new_ones(
        photos, tmp_path):
    images = list_images(photos)
    segment_images(Bright(), images, tmp_path / 'out', show_progress=False)
    before = files(tmp_path / 'out')
    with pytest.raises(InputError, match='masks of another model, other'):
        segment_images(Bright('others'), images, tmp_path / 'out', **ALL)
    assert files(tmp_path / 'out') == before
    (tmp_path / 'out/made_with.txt').unlink()
    with pytest.raises(InputError, match='masks from elsewhere'):
        segment_images(Bright(), images, tmp_path / 'out', **ALL)


def test_a_folder_without_masks_takes_other_supports(photos, tmp_path):
    for of in ('these', 'those'):
        segment_images(Bright(of), list_images(photos / '3.png'),
                       tmp_path / 'out', **ALL)
    assert (tmp_path / 'out/made_with.txt').read_text() == 'those\n'


def test_the_mask_of_a_deleted_image_is_named(photos, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.inference.folder_job.print_log',
        lambda text, *_: said.append(text))
    segment_images(Bright(), list_images(photos), tmp_path / 'out', **ALL)
    assert not said
    images = [one for one in list_images(photos) if one.name != '1']
    segment_images(Bright(), images, tmp_path / 'out', **ALL)
    assert said == [
        f'{tmp_path}/out/masks has 1 mask of other images than these, such as '
        '1.png; remove what is left of deleted images']
    film = tmp_path / 'out/masks/film'
    film.mkdir()
    (tmp_path / 'out/masks/1.png').rename(film / '000001.png')
    segment_images(Bright(), images, tmp_path / 'out', **ALL)
    assert 'such as film/000001.png;' in said[-1]


def test_results_within_the_folder_of_images_are_no_images(photos):
    for _ in range(2):
        images = list_images(photos, leave_out=photos)
        segment_images(Bright(), images, photos, **ALL)
    assert len(list((photos / 'masks').rglob('*.png'))) == 6


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    Image.new('RGB', (400, 400)).save(tmp_path / 'a.png')
    peaks = []
    for count in (10, 40):
        tracemalloc.start()
        segment_images(
            Bright(), list_images([tmp_path / 'a.png'] * count),
            tmp_path / f'{count}', **ALL)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]


def test_the_masks_are_a_data_set_with_the_class_list_beside_them(
        photos, tmp_path):
    (photos / '3.png').unlink()
    segment_images(
        Bright(), list_images(photos), tmp_path / 'out', **ALL)
    dataset = FolderDataset(
        str(tmp_path / 'out'), data_prefix=dict(img_path=str(photos)),
        pipeline=[dict(type='LoadAnnotations')])
    assert len(dataset) == 6
    assert dataset.metainfo['classes'] == ['background', 'bright']
    assert dataset.metainfo['palette'] == [[0, 0, 0], [1, 1, 1]]
    for i in range(6):
        image = Path(dataset.get_data_info(i)['img_path'])
        np.testing.assert_array_equal(
            dataset[i]['gt_seg_map'],
            read_mask(tmp_path / f'out/masks/{image.stem}.png'))


def test_fewer_than_one_image_a_batch_is_an_error(photos, tmp_path):
    with pytest.raises(InputError, match='batch_size of 1 or more, got 0'):
        segment_images(Bright(), list_images(photos), tmp_path, batch_size=0)


def test_processes_with_different_weights_do_not_share_a_folder(
        photos, tmp_path, monkeypatch):
    monkeypatch.setattr(
        'mmseg_panet.inference.results.out_folder.all_gather_object',
        lambda one: [one, (None, 'others')])
    with pytest.raises(InputError, match='different weights or classes'):
        segment_images(Bright(), list_images(photos), tmp_path / 'out', **ALL)


@pytest.mark.parametrize(('rank', 'name'), [
    (0, 'out_folder.write_lines'), (0, 'out_folder.write_class_list'),
    (1, 'out_folder.write_prediction'), (0, 'out_folder.write_areas')])
def test_a_full_disk_of_one_process_is_the_error_of_all(
        photos, tmp_path, monkeypatch, rank, name):
    """No process waits for one that has failed."""
    path = f'mmseg_panet.inference.results.{name}'
    write = pkgutil.resolve_name(path)

    def fail(*args, **kwargs):
        if get_rank() == rank:
            raise WriteError('the disk is full', errno.ENOSPC)
        return write(*args, **kwargs)
    monkeypatch.setattr(path, fail)
    found = in_processes(
        2, lambda: segment_images(
            Bright(), list_images(photos), tmp_path / 'out', **ALL))
    assert [repr(one) for one in found] == 2 * [
        "WriteError('the disk is full')"]
    assert {one.errno for one in found} == {errno.ENOSPC}


def test_odd_names_of_files_and_classes_leave_all_lists_readable(tmp_path):
    """Also a name that is not UTF-8, as Linux allows."""
    photos = tmp_path / 'photos'
    photos.mkdir()
    odd = ['=1+1', 'a\nb', '\x1b[2J', '\u202ea', '猫', '[red]',
           os.fsdecode(b'\xff')]
    for number, name in enumerate(odd):
        picture = Image.fromarray(np.full((4, 6, 3), number, np.uint8))
        with open(photos / f'{name}.png', 'wb') as file:
            picture.save(file, 'PNG')
    bright = Bright()
    bright.classes = ('@SUM(1)',)
    out = tmp_path / 'out'
    assert segment_images(bright, list_images(photos), out, **ALL) == []
    masks = {path.stem for path in (out / 'masks').iterdir()}
    assert masks == set(odd)
    rows = [*csv.reader((out / 'areas.csv').read_text('utf-8').split('\n'))]
    shown = {"'=1+1", 'a\\nb', '\\x1b[2J', '\\u202ea', '猫', '[red]',
             '\\udcff'}
    assert {row[0] for row in rows[1:-1]} == shown
    assert {row[1] for row in rows[1:-1]} == {
        'none', "'@SUM(1)", 'undecided'}
    found = json.loads((out / 'coco.json').read_text('ascii'))
    assert {one['file_name'] for one in found['images']} == {
        f'{name}.png' for name in odd}
    assert found['categories'][0]['name'] == '@SUM(1)'
    assert (out / 'classes.txt').read_text('utf-8').split('\n')[1].startswith(
        '1 @SUM(1)')
    # Everything is finished, and is not computed again.
    bright.calls.clear()
    assert segment_images(bright, list_images(photos), out, **ALL) == []
    assert not bright.calls


def test_a_damaged_image_of_an_odd_name_is_one_named_failure(tmp_path):
    with open(bytes(tmp_path) + b'/\xff\x1b.png', 'wb') as file:
        file.write(b'damaged')
    (failure,) = segment_images(
        Bright(), list_images(tmp_path), tmp_path / 'out', **ALL)
    assert '\\udcff\\x1b.png is no complete image' in failure.sentence
    failure.sentence.encode()


def test_no_mask_is_written_outside_the_results(tmp_path):
    (tmp_path / 'a/b').mkdir(parents=True)
    Image.new('RGB', (4, 6)).save(tmp_path / 'up.png')
    pattern = f'{tmp_path}/a/*/../../up.png'
    with pytest.raises(InputError, match='up lies outside'):
        list_images(pattern)


def test_a_huge_image_is_a_failure_and_all_others_get_their_masks(
        photos, tmp_path, monkeypatch):
    write_huge_png(photos / '3.png')
    failure, = segment_images(
        Bright(), list_images(photos), tmp_path / 'out', show_progress=False)
    assert failure.sentence.startswith(
        f"{photos / '3.png'} has 20000x20000 pixels, expected at most "
        '268,435,456; make it smaller')
    assert len(list((tmp_path / 'out/masks').iterdir())) == 6
    monkeypatch.setenv('MMSEG_PANET_MAX_PIXELS', '240')
    failures = segment_images(
        Bright(), list_images(photos), tmp_path / 'few', show_progress=False)
    assert [one.name for one in failures] == ['3', '4', '5', '6']


class Small(Bright):
    """Has memory for a batch of images of 300 pixels."""

    def predict(self, images, channel_order):
        if sum(image[..., 0].size for image in images) > 300:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:124] err == 0. "
                "DefaultCPUAllocator: can't allocate memory: you tried")
        return super().predict(images, channel_order)


def test_an_image_that_does_not_fit_into_memory_is_a_failure(
        photos, tmp_path):
    """Images have 200 to 320 pixels, so that no two of them fit."""
    (photos / '3.png').unlink()
    job = Small()
    failure, = segment_images(
        job, list_images(photos), tmp_path / 'out', batch_size=3, **ALL)
    assert failure.sentence == (
        '6 does not fit into memory; make it smaller, or leave it out')
    assert job.calls == [1] * 5
    assert len(list((tmp_path / 'out/masks').iterdir())) == 5


def test_an_image_whose_features_overflow_is_one_named_failure(
        photos, tmp_path):
    class Overflow(Bright):
        def predict(self, images, channel_order):
            found = super().predict(images, channel_order)
            if any(len(image) == 15 for image in images):
                raise InputError('expected finite features, got inf or nan')
            return found
    (photos / '3.png').unlink()
    job = Overflow()
    for _ in range(2):
        failure, = segment_images(
            job, list_images(photos), tmp_path / 'out', batch_size=3, **ALL)
        assert failure.name == '5'
        assert failure.sentence == (
            '5: expected finite features, got inf or nan')
        assert len(list((tmp_path / 'out/masks').iterdir())) == 5
    assert job.calls == [3, 3, 1, 1, 1, 3, 1, 1, 1]


def test_a_job_without_classes_is_an_error(photos, tmp_path):
    job = Bright()
    job.classes = ()
    with pytest.raises(InputError, match='no class'):
        segment_images(job, list_images(photos), tmp_path / 'out', **ALL)
    assert not (tmp_path / 'out').exists()


def test_masks_that_are_removed_halfway_are_counted(photos, tmp_path):
    class Remover(Bright):
        def predict(self, images, channel_order):
            if len(self.calls) == 4:
                shutil.rmtree(tmp_path / 'out/masks')
            return super().predict(images, channel_order)
    (photos / '3.png').unlink()
    with pytest.raises(WriteError, match=(
            'expected 6 masks in .*out, got 4 files less, such as .*0.png, '
            'which was removed')):
        segment_images(Remover(), list_images(photos), tmp_path / 'out',
                       show_progress=False)
    segment_images(Bright(), list_images(photos), tmp_path / 'out', **ALL)
    segment_images(Bright(), list_images(photos), tmp_path / 'once', **ALL)
    assert files(tmp_path / 'out') == files(tmp_path / 'once')


def test_a_folder_that_is_removed_halfway_ends_the_run(photos, tmp_path):
    class Remover(Bright):
        def predict(self, images, channel_order):
            if len(self.calls) == 2:
                shutil.rmtree(tmp_path / 'out')
            return super().predict(images, channel_order)
    with pytest.raises(WriteError, match='out was removed before the end'):
        segment_images(Remover(), list_images(photos), tmp_path / 'out', **ALL)
    assert not (tmp_path / 'out').exists()


def test_two_runs_do_not_write_to_one_folder(photos, tmp_path):
    reading, writing = os.pipe()
    first = os.fork()
    if not first:
        with folder_lock(tmp_path / 'out'):
            os.write(writing, b'x')
            time.sleep(600)
    os.read(reading, 1)
    part = tmp_path / f'out/.part-0123abcd-{first}'
    part.touch()
    with pytest.raises(InputError, match=f'process {first} '):
        segment_images(Bright(), list_images(photos), tmp_path / 'out', **ALL)
    assert part.exists()
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    segment_images(Bright(), list_images(photos), tmp_path / 'out', **ALL)
    assert not list((tmp_path / 'out').glob('.*'))
