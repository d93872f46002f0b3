"""The session: images, classes, examples and results of one person."""
import gc
import json
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import psutil
import pytest
from inference_parts import RESIZE, image_of, small_inferencer
from PIL import Image

from mmseg_panet.app.limits import SessionLimits
from mmseg_panet.app.session import Session
from mmseg_panet.errors import InputError
from mmseg_panet.inference.folder_job import segment_images
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.shared_inferencer import SharedInferencer

RED, BLUE = (20, 20, 230), (230, 20, 20)  # BGR
HOSTILE = '<img src=x onerror=alert(1)>'


def png(image):
    return cv2.imencode('.png', image)[1].tobytes()


@pytest.fixture(scope='module')
def shared():
    return SharedInferencer(small_inferencer(RESIZE, feature_cache=50))


@pytest.fixture
def session(shared):
    one = Session(shared)
    yield one
    one.close()


def fill(session, number=4):
    """Add images: even ones show a red box, odd ones a blue box."""
    found = [image_of((RED, BLUE)[i % 2], seed=i, box=(5 + 3 * i, 8, 30, 30))
             for i in range(number)]
    ids = [session.add_image(png(image), f'{i}.png')
           for i, (image, _) in enumerate(found)]
    return ids, [mask for _, mask in found]


def fill_and_mark(session, number=4):
    ids, masks = fill(session, number)
    for i, name in enumerate(['red', 'blue']):
        session.add_class(name)
        session.mark(ids[i], name, masks[i])
    return ids, masks


def test_the_bank_and_the_results_are_those_of_fit(session, tmp_path):
    ids, masks = fill_and_mark(session)
    inferencer = small_inferencer(RESIZE).fit({
        name: [(session.image(ids[i]).bgr, masks[i])]
        for i, name in enumerate(['red', 'blue'])})
    session.write_bank(tmp_path / 'bank.safetensors')
    theirs = small_inferencer(RESIZE).load(tmp_path / 'bank.safetensors').bank
    assert theirs.classes == ('red', 'blue')
    assert [one.image for one in theirs.supports] == ['0.png', '1.png']
    np.testing.assert_array_equal(
        theirs.prototypes(), inferencer.bank.prototypes())
    for key in ids:
        expected = inferencer.predict([session.image(key).bgr])[0]
        np.testing.assert_array_equal(
            session.result(key).class_map, expected.class_map)
        np.testing.assert_array_equal(
            session.result(key).confidence, expected.confidence)


def test_a_threshold_does_what_min_confidence_does(session):
    ids, _ = fill_and_mark(session)
    confident = small_inferencer(
        RESIZE, min_confidence=0.6, min_area=0.01)
    usual = small_inferencer(RESIZE, min_area=0.01)
    session.close()
    session = Session(SharedInferencer(usual))
    ids, masks = fill_and_mark(session)
    confident.fit({name: [(session.image(ids[i]).bgr, masks[i])]
                   for i, name in enumerate(['red', 'blue'])})
    for key in ids[2:]:  # those that nobody has marked
        found = session.class_map(key, 0.6)
        expected = confident.predict([session.image(key).bgr])[0].class_map
        np.testing.assert_array_equal(found, expected)
        assert (found == 255).any()
    session.close()


def test_a_result_is_kept_until_the_examples_change(
        session, shared, monkeypatch):
    ids, masks = fill_and_mark(session)
    calls = []
    with shared.use() as inferencer:
        predict = inferencer.predict

        def counted(*args, **kwargs):
            calls.append(args)
            return predict(*args, **kwargs)

        monkeypatch.setattr(inferencer, 'predict', counted)
    before = session.class_map(ids[2])
    for threshold in (0, 0.5, 0.9):
        session.class_map(ids[2], threshold)
    session.set_colour('red', (1, 2, 3))
    session.add_class('green')
    session.class_map(ids[2])
    assert len(calls) == 1
    version = session.version
    session.mark(ids[3], 'blue', masks[3])
    assert session.version > version
    session.unmark(ids[3])
    np.testing.assert_array_equal(session.class_map(ids[2]), before)
    assert len(calls) == 2


def test_an_example_is_measured_once(session, shared, monkeypatch):
    measured = []
    ids, masks = fill(session)
    with shared.use() as inferencer:
        head = inferencer.model.decode_head
        statistics = head.class_statistics
        monkeypatch.setattr(head, 'class_statistics', lambda *args: (
            measured.append(args), statistics(*args))[1])
    session.add_class('red')
    for key, mask in zip(ids, masks, strict=True):
        session.mark(key, 'red', mask)
    assert len(measured) == 4
    session.mark(ids[0], 'red', masks[1])
    session.result(ids[3])
    assert len(measured) == 5


def test_labels_are_those_of_all_classes_of_the_session(session):
    session.add_class('never marked')
    ids, masks = fill_and_mark(session)
    assert session.classes == ('never marked', 'red', 'blue')
    assert session.ready == session.result(ids[0]).classes == ('red', 'blue')
    found = session.result(ids[2]).class_map
    np.testing.assert_array_equal(
        session.class_map(ids[2]), np.array([0, 2, 3])[found])
    np.testing.assert_array_equal(
        session.palette()[2], session.colour('red'))


def test_what_a_person_painted_replaces_what_was_found(session):
    ids, masks = fill_and_mark(session)
    np.testing.assert_array_equal(session.class_map(ids[0]) == 1, masks[0])
    np.testing.assert_array_equal(session.labels(ids[0]), masks[0])
    # A box is too coarse for that.
    session.mark(ids[2], 'red', dict(boxes=[[2, 2, 60, 50]]))
    np.testing.assert_array_equal(
        session.class_map(ids[2]), session.result(ids[2]).class_map)


def test_the_probability_is_that_of_the_class(session):
    ids, _ = fill_and_mark(session)
    found = np.stack([
        session.probability(ids[2], name) for name in ('red', 'blue')])
    result = session.result(ids[2])
    for label in (1, 2):
        own = result.class_map == label
        np.testing.assert_array_equal(
            found[label - 1][own], result.confidence[own])


@pytest.mark.parametrize('key, annotation', [
    ('boxes', [[5, 8, 30, 30]]),
    ('points', [(20, 20)]),
    ('scribbles', [[(10, 10), (30, 30)]])])
def test_marks_of_all_kinds_are_examples(session, key, annotation):
    ids, masks = fill(session)
    session.add_class('red')
    session.mark(ids[0], 'red', {key: annotation})
    labels = session.labels(ids[0])
    assert ((labels == 1) & masks[0]).any()
    assert (labels == (0 if key == 'boxes' else 255))[~masks[0]].all()
    assert session.ready == ('red',)
    session.result(ids[1])


def test_a_corrected_result_becomes_the_example_of_all_classes(session):
    ids, masks = fill_and_mark(session)
    expected = session.class_map(ids[2]).copy()
    none, blue = (np.zeros_like(masks[0]) for _ in range(2))
    none[40:], blue[:5] = True, True
    session.accept(ids[2], paint={
        'none': none, 'red': masks[2] & ~none, 'blue': blue & ~masks[2]})
    expected[none] = 0
    expected[masks[2] & ~none] = 1
    expected[blue & ~masks[2]] = 2
    np.testing.assert_array_equal(session.labels(ids[2]), expected)
    np.testing.assert_array_equal(session.class_map(ids[2]), expected)
    assert session.examples[ids[2]] == ('red', 'blue')
    # What was painted as "none" is background for both classes.
    with session._shared.use(session._own_bank()) as inferencer:
        both = [one for one in inferencer.bank.supports
                if one.image == '2.png']
    for one in both:
        areas = one.statistics.areas
        labels = (1, 2) if one.class_name == 'red' else (2, 1)
        assert areas.round().tolist() == pytest.approx([
            expected.size, *((expected == i).sum() for i in labels)],
            rel=0.05)


def test_an_undecided_pixel_stays_unknown(session):
    ids, _ = fill_and_mark(session)
    shown = session.class_map(ids[2], 0.6)
    assert {0, 1, 255} <= {*np.unique(shown)}
    session.accept(ids[2], 0.6)
    np.testing.assert_array_equal(session.labels(ids[2]), shown)
    np.testing.assert_array_equal(session.class_map(ids[2]), shown)


def test_a_result_without_a_class_becomes_a_negative(session):
    ids, masks = fill_and_mark(session)
    before = session.result(ids[3])
    session.accept(ids[2], paint={'none': np.ones_like(masks[0])})
    assert session.negatives == (ids[2],)
    assert not session.class_map(ids[2]).any()
    assert (session.result(ids[3]).confidence != before.confidence).any()
    session.set_negative(ids[2], False)
    np.testing.assert_array_equal(
        session.result(ids[3]).confidence, before.confidence)
    session.set_negative(ids[0])
    assert session.examples == {ids[1]: ('blue',)}
    session.mark(ids[0], 'red', masks[0])
    assert not session.negatives


def test_a_label_map_replaces_all_that_was_marked(session):
    ids, masks = fill_and_mark(session)
    labels = np.zeros(masks[0].shape, np.uint8)
    labels[:10], labels[20:30] = 2, 1
    session.annotate(ids[0], labels)
    assert session.examples[ids[0]] == ('red', 'blue')
    np.testing.assert_array_equal(session.labels(ids[0]), labels)
    np.testing.assert_array_equal(session.class_map(ids[0]), labels)
    session.annotate(ids[0], labels, exact=False)
    np.testing.assert_array_equal(
        session.class_map(ids[0]), session.result(ids[0]).class_map)
    session.annotate(ids[0], np.zeros_like(labels))
    assert ids[0] not in session.examples


@pytest.mark.parametrize('labels', [
    np.full((60, 80), 3, np.uint8), np.zeros((60, 81), np.uint8),
    np.zeros((60, 80)), 'all'])
def test_labels_of_another_form_are_refused(session, labels):
    ids, _ = fill_and_mark(session)
    before = session.examples
    with pytest.raises(InputError, match='mark the image again'):
        session.annotate(ids[0], labels)
    assert session.examples == before


def test_a_class_that_is_renamed_keeps_all(session):
    ids, _ = fill_and_mark(session)
    before = session.result(ids[2])
    session.rename_class('red', HOSTILE)
    after = session.result(ids[2])
    assert session.ready == after.classes == (HOSTILE, 'blue')
    np.testing.assert_array_equal(after.confidence, before.confidence)
    assert session.advice().rows[0].class_name == HOSTILE
    with pytest.raises(InputError, match='choose another name'):
        session.rename_class('blue', HOSTILE)
    assert session.classes == (HOSTILE, 'blue')


def test_a_class_that_is_removed_was_never_there(session, shared):
    ids, masks = fill_and_mark(session)
    session.mark(ids[0], 'blue', ~masks[0])
    session.remove_class('blue')
    other = Session(shared)
    same, _ = fill(other)
    other.add_class('red')
    other.mark(same[0], 'red', masks[0])
    np.testing.assert_array_equal(
        session.result(ids[2]).confidence, other.result(same[2]).confidence)
    assert session.examples == {ids[0]: ('red',)}
    other.close()


def test_an_image_that_is_removed_leaves_nothing(session):
    ids, _ = fill_and_mark(session)
    path = session.image(ids[0]).path
    session.remove_image(ids[0])
    assert not path.exists()
    assert session.ready == ('blue',)
    with pytest.raises(InputError, match='choose another image'):
        session.result(ids[0])


def test_an_error_changes_nothing(session):
    ids, masks = fill_and_mark(session)
    before = session.result(ids[2])
    for wrong, words in [
            (np.zeros_like(masks[0]), 'mark the object'),
            (masks[0][:-1], 'mark it again'),
            (masks[0] * 1.0, 'convert it'),
            (dict(points=[(999, 2)]), 'inside the image'),
            ('mask.png', 'convert it')]:
        with pytest.raises(InputError, match=words):
            session.mark(ids[0], 'red', wrong)
    with pytest.raises(InputError, match='add the class first'):
        session.mark(ids[0], 'green', masks[0])
    assert session.result(ids[2]) is before


def test_without_an_example_nothing_is_found(session, tmp_path):
    ids, _ = fill(session)
    session.add_class('red')
    assert session.ready == () and session.advice() is None
    for call in [
            lambda: session.result(ids[0]),
            lambda: session.accept(ids[0]),
            lambda: session.write_masks(tmp_path / 'masks.zip'),
            lambda: session.write_coco(tmp_path / 'coco.json'),
            lambda: session.write_bank(tmp_path / 'bank.safetensors')]:
        with pytest.raises(InputError, match='mark an object on an image'):
            call()
    with pytest.raises(InputError, match="example of 'red'"):
        session.probability(ids[0], 'red')
    assert not any(tmp_path.iterdir())


def test_advice_names_the_image(session):
    ids, masks = fill_and_mark(session)
    session.mark(ids[2], 'red', masks[2])
    advice = session.advice()
    assert [row.image for row in advice.rows] == ['0.png', '2.png', '1.png']
    assert any("'blue', example 1 (1.png)" in note for note in advice.notes)


def test_masks_are_the_files_of_segment(session, tmp_path):
    ids, masks = fill_and_mark(session)
    for key in ids[:2]:  # the results of all images are those of the network
        labels = session.labels(key)
        session.annotate(key, labels, exact=False)
    session.set_colour('red', (200, 10, 10))
    done = []
    session.write_masks(
        tmp_path / 'masks.zip', advance=lambda *args: done.append(args))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    inferencer = small_inferencer(RESIZE, palette={
        name: session.colour(name) for name in session.classes})
    inferencer.fit({name: [(session.image(ids[i]).bgr, masks[i])]
                    for i, name in enumerate(['red', 'blue'])})
    segment_images(inferencer, list_images([
        str(one.path) for one in session.images]), tmp_path / 'out')
    with zipfile.ZipFile(tmp_path / 'masks.zip') as archive:
        assert sorted(archive.namelist()) == [
            'classes.txt', *(f'masks/{i}.png' for i in range(4))]
        for name in archive.namelist():
            assert archive.read(name) == (
                tmp_path / 'out' / name).read_bytes()


def test_masks_have_the_size_of_the_file(shared, tmp_path):
    session = Session(shared, SessionLimits(preview_pixels=1000))
    image, mask = image_of(RED)
    key = session.add_image(png(image), 'red.png')
    session.add_class('red')
    height, width = session.image(key).pixels.shape[:2]
    assert height * width <= 1000 and session.image(key).size == (60, 80)
    small = cv2.resize(mask.astype(np.uint8), (width, height)) == 1
    session.mark(key, 'red', small)
    session.write_masks(tmp_path / 'masks.zip')
    with zipfile.ZipFile(tmp_path / 'masks.zip') as archive:
        found = np.array(Image.open(archive.open('masks/red.png')))
    assert found.shape == (60, 80)
    assert ((found == 1) == mask).mean() > 0.95  # the painted pixels
    session.mark(key, 'red', dict(boxes=[[5, 5, 10, 10]]))
    session.write_masks(tmp_path / 'masks.zip')
    with zipfile.ZipFile(tmp_path / 'masks.zip') as archive:
        found = np.array(Image.open(archive.open('masks/red.png')))
    with shared.use(session._own_bank()) as inferencer:
        expected = inferencer.predict([image])[0].class_map
    np.testing.assert_array_equal(found, expected)
    session.close()


def test_coco_names_the_files_and_the_classes(session, tmp_path):
    ids, _ = fill_and_mark(session)
    session.rename_class('red', HOSTILE)
    session.write_coco(tmp_path / 'coco.json')
    coco = json.loads((tmp_path / 'coco.json').read_text())
    assert [one['file_name'] for one in coco['images']] == [
        f'{i}.png' for i in range(4)]
    assert [one['name'] for one in coco['categories']] == [HOSTILE, 'blue']
    assert [one['bbox'] for one in coco['annotations'] if (
        one['image_id'], one['category_id']) == (1, 1)] == [[5, 8, 30, 30]]


def test_a_download_stops_if_the_examples_change(session, tmp_path):
    ids, masks = fill_and_mark(session)
    with pytest.raises(InputError, match='download again'):
        session.write_masks(
            tmp_path / 'masks.zip',
            advance=lambda done, total: session.unmark(ids[0]))
    assert not any(tmp_path.iterdir())


def test_a_loaded_bank_stays_beside_new_examples(shared, session, tmp_path):
    ids, _ = fill_and_mark(session)
    path = tmp_path / 'bank.safetensors'
    session.write_bank(path)
    fresh = Session(shared)
    same, masks = fill(fresh)
    assert fresh.load_bank(path) == ('red', 'blue')
    assert fresh.classes == fresh.ready == ('red', 'blue')
    for one, other in zip(same, ids, strict=True):
        np.testing.assert_array_equal(
            fresh.result(one).confidence, session.result(other).confidence)
    assert fresh.advice() is None
    fresh.add_class('noise')
    fresh.mark(same[0], 'noise', ~masks[0])
    fresh.mark(same[2], 'red', masks[2])
    assert fresh.result(same[1]).classes == ('red', 'blue', 'noise')
    assert len(fresh.advice().rows) == 2  # those of this session
    fresh.rename_class('blue', 'sea')
    fresh.remove_class('red')
    fresh.write_bank(path)
    with shared.use() as inferencer:
        assert inferencer.read_bank(path).classes == ('sea', 'noise')
    fresh.close()


def test_a_bank_of_other_weights_is_one_sentence(session, tmp_path):
    other = Session(SharedInferencer(small_inferencer(RESIZE, seed=1)))
    fill_and_mark(other)
    path = tmp_path / 'bank.safetensors'
    other.write_bank(path)
    other.close()
    ids, _ = fill_and_mark(session)
    before = session.result(ids[0])
    with pytest.raises(InputError, match="another model's weights") as error:
        session.load_bank(path, '../pets.safetensors')
    assert str(tmp_path) not in str(error.value)
    assert 'the bank pets.safetensors' in str(error.value)
    path.write_bytes(b'not a bank')
    with pytest.raises(InputError, match='pets is not a prototype bank'):
        session.load_bank(path, 'pets')
    assert session.result(ids[0]) is before


def test_a_bank_of_too_many_classes_changes_nothing(shared, session, tmp_path):
    fill_and_mark(session)
    session.write_bank(tmp_path / 'bank.safetensors')
    with_one = Session(shared, SessionLimits(max_classes=1))
    with pytest.raises(InputError, match='remove another class first'):
        with_one.load_bank(tmp_path / 'bank.safetensors')
    assert with_one.classes == with_one.ready == ()
    with_one.close()
    small = Session(shared, SessionLimits(max_total_megabytes=1e-3))
    with pytest.raises(InputError, match='leave out some of its examples'):
        small.load_bank(tmp_path / 'bank.safetensors')
    small.close()


def test_two_sessions_share_nothing(shared, session, tmp_path):
    other = Session(shared)
    ids, masks = fill_and_mark(session)
    theirs, _ = fill(other, 3)
    other.add_class('sky')
    assert other.classes == ('sky',) and other.ready == ()
    other.mark(theirs[1], 'sky', masks[1])
    assert session.result(ids[2]).classes == ('red', 'blue')
    assert other.result(theirs[2]).classes == ('sky',)
    assert session.folder != other.folder
    assert {one.path.parent.parent for one in other.images} == {other.folder}
    assert session.advice().rows[0].class_name == 'red'
    assert [row.class_name for row in other.advice().rows] == ['sky']
    with pytest.raises(InputError, match='choose another image'):
        other.result(ids[3])  # the other session has three
    other.write_bank(tmp_path / 'bank.safetensors')
    with shared.use() as inferencer:
        assert inferencer.read_bank(
            tmp_path / 'bank.safetensors').classes == ('sky',)
    folder = other.folder
    other.close()
    assert not folder.exists() and session.folder.exists()
    assert session.result(ids[3]).classes == ('red', 'blue')


def test_threads_of_two_people_see_their_own_classes(shared):
    sessions = [Session(shared) for _ in range(2)]
    known = [fill(one, 3) for one in sessions]
    for one, name in zip(sessions, ('red', 'sky'), strict=True):
        one.add_class(name)

    def work(number):
        user = number % 2
        (ids, masks), one = known[user], sessions[user]
        one.mark(ids[number % 3], one.classes[0], masks[number % 3])
        return user, one.result(ids[(number + 1) % 3]).classes

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(work, range(24)))
    assert found == {(0, ('red',)), (1, ('sky',))}
    for one in sessions:
        assert len(one.examples) == 3
        one.close()


def test_two_requests_of_one_person_wait_for_each_other(session):
    ids, masks = fill_and_mark(session)
    expected = session.result(ids[2])
    session.unmark(ids[0])
    session.mark(ids[0], 'red', masks[0])
    found = []
    barrier = threading.Barrier(3)

    def ask():
        barrier.wait()
        found.append(session.result(ids[2]))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found[0] is found[1] is found[2]
    np.testing.assert_array_equal(found[0].confidence, expected.confidence)


def test_a_closed_session_is_empty_and_says_so(shared):
    session = Session(shared)
    ids, masks = fill_and_mark(session)
    session.result(ids[0])
    folder = session.folder
    session.close()
    session.close()
    assert not folder.exists() and not session.images
    for call in [lambda: session.add_image(b'', 'a'),
                 lambda: session.add_class('new'),
                 lambda: session.result(ids[0])]:
        with pytest.raises(InputError, match='reload the page'):
            call()


def test_a_forgotten_session_removes_its_folder(shared):
    session = Session(shared)
    fill_and_mark(session)
    folder = session.folder
    with pytest.warns(ResourceWarning):
        del session
        gc.collect()
    assert not folder.exists()


def test_memory_does_not_grow_when_examples_change(session):
    ids, masks = fill_and_mark(session)
    process = psutil.Process()

    def change(times):
        for i in range(times):
            mask = np.roll(masks[0], i % 7)
            session.mark(ids[0], 'red', mask)
            session.result(ids[2])
            session.accept(ids[2 + i % 2])
        gc.collect()
        return process.memory_info().rss

    files = len(os.listdir('/proc/self/fd')) if os.path.isdir(
        '/proc/self/fd') else 0
    before = change(30)
    after = change(100)
    assert after - before < 8e6
    assert not files or len(os.listdir('/proc/self/fd')) <= files
