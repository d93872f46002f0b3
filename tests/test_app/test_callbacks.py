"""What a click does to a person's work, and what the page then shows."""
import zipfile

import cv2
import numpy as np
import pytest
from app_parts import HOSTILE, make_shared, make_work, sent

from mmseg_panet.app.view import View
from mmseg_panet.errors import InputError

pytest.importorskip('gradio', reason='the page is made with Gradio')

from mmseg_panet.app import callbacks  # noqa: E402

VIEW = View()


@pytest.fixture(scope='module')
def shared():
    return make_shared()


@pytest.fixture
def person(shared):
    """A person who has four images and two classes."""
    work, masks = make_work(shared)
    for name in ('red', HOSTILE):
        work.session.add_class(name)
    yield work, masks
    work.session.close()


def last(steps):
    values = {}
    for one in steps:
        values |= one
    return values


def read(path):
    return cv2.imread(path)[..., ::-1]


def test_a_stroke_is_an_example_and_is_seen_in_all_images(person):
    work, masks = person
    first, _, third, _ = masks
    before = last(callbacks.refresh(work, VIEW))['gallery']
    values = callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    assert work.session.examples == {first: ('red',)}
    np.testing.assert_array_equal(
        work.session.labels(first), masks[first] * 1)
    original, shown = map(read, values['result'])
    assert (original != shown)[masks[first]].any()
    far = ~cv2.dilate(masks[first] * np.uint8(1), np.ones((25, 25)))
    assert np.abs(original.astype(int) - shown)[far > 254].max() < 30  # JPEG
    found = work.session.class_map(third) == 1
    assert found[masks[third]].mean() > 0.5 > 3 * found[~masks[third]].mean()
    after = last(callbacks.refresh(work, VIEW))
    assert [a[0] != b[0] for a, b in zip(
        after['gallery'], before, strict=True)].count(True) >= 2
    assert after['gallery'][0][1] == '0.png · example of red'
    assert after['status'] == '4 images, 2 classes, 1 example'


def test_a_stroke_that_arrives_late_or_is_on_a_removed_image_is_ignored(
        person):
    work, masks = person
    first, second, *_ = masks
    full, empty = masks[first] * 1, masks[first] * 0
    callbacks.stroke(work, VIEW, sent(first, full, stroke=2))
    assert callbacks.stroke(work, VIEW, sent(first, empty, stroke=1)) == {}
    assert work.session.examples == {first: ('red',)}
    work.session.remove_image(second)
    assert callbacks.stroke(work, VIEW, sent(second, full, stroke=3)) == {}
    callbacks.stroke(work, VIEW, sent(first, empty, stroke=4))
    assert work.session.examples == {}


def test_a_stroke_from_before_a_class_was_removed_is_not_another_class(
        person):
    work, masks = person
    first = next(iter(masks))
    before = work.session.classes
    work.session.add_class('last')
    work.session.remove_class(before[0])
    values = callbacks.stroke(
        work, VIEW, sent(first, masks[first] * 2, classes=[*before, 'last']))
    assert work.session.examples == {}
    assert values['marker'] == callbacks.marks(work)
    callbacks.stroke(work, VIEW, sent(
        first, masks[first] * 2, stroke=2, classes=work.session.classes))
    assert work.session.examples == {first: ('last',)}


def test_one_stroke_of_clicks_asks_for_the_background(person, monkeypatch):
    work, masks = person
    told = []
    monkeypatch.setattr(callbacks.gr, 'Info', told.append)
    first, second, *_ = masks
    click = np.zeros_like(masks[first], np.uint8)
    click[10:14, 8:12] = 1
    for stroke in (1, 2):
        callbacks.stroke(
            work, VIEW, sent(first, click, stroke, partial=True))
    assert len(told) == 1
    np.testing.assert_array_equal(
        work.session.labels(first), np.where(click, 1, 255))


def test_a_corrected_result_becomes_an_example_with_one_click(person):
    work, masks = person
    first, _, third, _ = masks
    callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    callbacks.select(work, VIEW, dict(index=2))
    assert work.selected == third
    found = work.session.class_map(third)
    values = callbacks.correct(work, VIEW)
    assert values['marker']['labels']
    np.testing.assert_array_equal(work.drafts[third], found)
    assert third not in work.session.examples  # not before the click
    corrected = found.copy()
    corrected[:20] = 2
    callbacks.stroke(work, VIEW, sent(third, corrected, stroke=2))
    assert third not in work.session.examples
    callbacks.accept(work, VIEW)
    assert set(work.session.examples[third]) >= {HOSTILE}
    np.testing.assert_array_equal(work.session.class_map(third), corrected)
    assert work.drafts == {}


def test_a_download_says_which_correction_it_does_not_have(
        person, monkeypatch):
    work, masks = person
    first, _, third, _ = masks
    told = []
    monkeypatch.setattr(callbacks.gr, 'Info', told.append)
    callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    work.selected = third
    callbacks.correct(work, VIEW)
    for save in (callbacks.save_masks, callbacks.save_coco):
        save(work, VIEW, lambda *args, **kwargs: None)
    assert len(told) == 2
    assert all('found in 2.png, and not your correction' in one
               for one in told)
    callbacks.accept(work, VIEW)
    callbacks.save_masks(work, VIEW, lambda *args, **kwargs: None)
    assert len(told) == 2


def test_a_draft_without_a_class_is_an_image_that_shows_none(person):
    work, masks = person
    first, _, third, _ = masks
    callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    work.selected = third
    callbacks.correct(work, VIEW)
    callbacks.stroke(work, VIEW, sent(third, masks[third] * 0, stroke=2))
    callbacks.accept(work, VIEW)
    assert work.session.negatives == (third,)


def test_what_is_found_becomes_an_example_with_one_click(person):
    work, masks = person
    first, _, third, _ = masks
    callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    work.selected = third
    found = work.session.class_map(third)
    callbacks.accept(work, VIEW)
    np.testing.assert_array_equal(work.session.labels(third), found)


def test_files_are_added_by_their_names_and_deleted(
        shared, tmp_path, monkeypatch):
    work, _ = make_work(shared, number=0)
    image = np.full((40, 40, 3), 99, np.uint8)
    files = []
    for i, name in enumerate(('a (1).png', 'bad.png', 'b.png', 'b2.png')):
        path = tmp_path / str(i) / 'upload'
        path.parent.mkdir()
        path.write_bytes(b'no image' if name == 'bad.png' else
                         cv2.imencode('.png', image)[1].tobytes())
        files.append((str(path), name))
    steps = callbacks.upload(work, VIEW, files, lambda *_, **__: None)
    values = next(steps)
    with pytest.raises(InputError, match=r'^bad\.png is no complete image'):
        next(steps)
    assert [one.name for one in work.session.images] == [
        'a (1).png', 'b.png', 'b2.png']
    assert list(tmp_path.iterdir()) == []
    assert values['marker']['name'] == 'a (1).png'
    work.session.close()


def test_a_removed_image_makes_room_for_its_neighbour(person):
    work, masks = person
    first, second, *_, fourth = masks
    callbacks.remove_image(work, VIEW)
    assert work.selected == second
    work.selected = fourth
    for _ in range(2):
        callbacks.remove_image(work, VIEW)
    assert work.selected == second
    values = callbacks.remove_image(work, VIEW)
    assert values['result'] is None
    assert values['marker']['image'] is None
    with pytest.raises(InputError, match='add images first'):
        callbacks.remove_image(work, VIEW)


def test_results_that_changed_meanwhile_are_not_shown(person):
    work, masks = person
    first, *_ = masks
    callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    for i in range(8):
        image = np.full((40, 40, 3), i, np.uint8)
        work.session.add_image(
            cv2.imencode('.png', image)[1].tobytes(), f'more{i}.png')
    old = callbacks.refresh(work, VIEW)
    partial = next(old)
    assert partial['status'] == '8 of 12 images are segmented'
    assert len(partial['gallery']) == 12
    assert last(callbacks.refresh(work, VIEW))['status'].startswith('12 ')
    assert list(old) == []


def test_downloads_are_in_a_folder_that_nobody_can_guess(person):
    work, masks = person
    first, *_ = masks
    callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    done = []
    paths = set()
    for save in (callbacks.save_masks, callbacks.save_coco,
                 callbacks.save_bank, callbacks.save_masks):
        path = save(
            work, VIEW, lambda at, **_: done.append(at))['download']
        paths.add(path)
    assert len(paths) == 4
    assert done[-1] == (4, 4)
    with zipfile.ZipFile(path) as archive:
        assert 'masks/0.png' in archive.namelist()
    left = {str(one) for one in work.session.folder.glob('download-*/*')}
    assert left < paths  # the older .zip is deleted
    assert len(left) == 3


def test_two_persons_share_nothing_but_the_network(shared, person):
    work, masks = person
    other, _ = make_work(shared, number=1)
    first, *_ = masks
    callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    assert other.session.classes == ()
    assert last(callbacks.refresh(other, VIEW))['status'] == (
        '1 image, 0 classes, 0 examples')
    with pytest.raises(InputError):
        callbacks.save_bank(other, VIEW, print)
    other.session.close()


def test_a_mark_without_a_class_is_refused_in_a_sentence(person):
    with pytest.raises(InputError, match='name the object'):
        callbacks.nameless(person[0], VIEW)
