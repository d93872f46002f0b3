import cv2
import numpy as np
import pytest
from image_files import save_image, write_video
from inference_parts import image_of, red_and_blue, small_inferencer
from process_runs import in_processes

from mmseg_panet.errors import InputError
from mmseg_panet.images.reading import ImageReading
from mmseg_panet.inference.folder_job import segment_images
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.images.image_source import read_image
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.inference.smoothing import (
    Run,
    check_smooth,
    cut_runs,
    segment_runs,
    smoothed_fingerprint,
)


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / 'a.avi', 12)


def test_probabilities_are_an_exponential_mean():
    """By hand: 0.7 * earlier + 0.3 * own, and so on from the first frame."""
    inferencer = small_inferencer().fit(red_and_blue())
    frames = [image_of((20, 20, 230), seed=i)[0] for i in range(3)]
    own = [one.probabilities for one in inferencer.predict(frames, True)]
    expected, found = own[0], None
    for frame, of_frame in zip(frames, own, strict=True):
        found = inferencer.predict_next(frame, found, smooth=0.7)
        expected = 0.7 * expected + 0.3 * of_frame
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
        assert (found.class_map == found.probabilities.argmax(0)).all()
        np.testing.assert_array_equal(
            found.confidence, found.probabilities.max(0))


def test_without_weight_a_frame_is_an_image_of_its_own():
    inferencer = small_inferencer().fit(red_and_blue())
    frames = [image_of((20, 20, 230), seed=i)[0] for i in range(2)]
    earlier = inferencer.predict_next(frames[0])
    found = inferencer.predict_next(frames[1], earlier, smooth=0)
    expected, = inferencer.predict(frames[1:], True)
    assert (found.probabilities == expected.probabilities).all()


def test_a_frame_of_another_size_or_of_other_classes_starts_again():
    inferencer = small_inferencer().fit(red_and_blue())
    large, small = (image_of((20, 20, 230), size)[0]
                    for size in ((60, 80), (50, 80)))
    earlier = inferencer.predict_next(large)
    assert (inferencer.predict_next(small, earlier).probabilities
            == inferencer.predict([small], True)[0].probabilities).all()
    inferencer.rename_class('red', 'green')
    assert (inferencer.predict_next(large, earlier).probabilities
            == inferencer.predict([large], True)[0].probabilities).all()


@pytest.mark.parametrize('smooth', [-0.1, 0.96, 1, 'much', True])
def test_a_weight_is_0_to_95_percent(smooth):
    with pytest.raises(InputError, match='smooth'):
        check_smooth(smooth)


def test_runs_are_cut_from_the_list_alone(tmp_path, video):
    """At 0.1, two frames have 99% of the weight."""
    other = write_video(tmp_path / 'b.avi', 3)
    photo = save_image(tmp_path / 'c.png')
    items = list_images([video, other, photo, photo])
    assert [tuple(map(len, run)) for run in cut_runs(items, 0.1)] == [
        (0, 12), (0, 3), (0, 1), (0, 1)]


def test_a_long_run_is_cut_with_a_warm_up(video, monkeypatch):
    monkeypatch.setattr('mmseg_panet.inference.smoothing._LONGEST', 5)
    items = list_images(video)
    assert cut_runs(items, 0.1) == [
        Run([], items[:5]), Run(items[3:5], items[5:10]),
        Run(items[8:10], items[10:])]
    # 0.5 ** 7 is below 0.01, and 0.5 ** 6 is not.
    assert [len(run.warm_up) for run in cut_runs(items, 0.5)] == [0, 5, 7]


def test_the_runs_of_a_long_video_read_it_twice_and_no_more(
        video, monkeypatch):
    monkeypatch.setattr('mmseg_panet.inference.smoothing._LONGEST', 2)
    items = list_images(video)
    expected = [read_image(one.source) for one in items]
    opened = []
    capture = cv2.VideoCapture
    monkeypatch.setattr(
        cv2, 'VideoCapture', lambda path: opened.append(path) or capture(path))
    for run in cut_runs(items, 0.1):
        for one in (*run.warm_up, *run.items):
            assert (read_image(one.source)
                    == expected[one.source.number]).all()
    assert len(opened) == 2


def test_the_fingerprint_is_of_the_smoothing_and_the_steps(video):
    items = list_images(video)
    plain = smoothed_fingerprint('a', items, 0)
    assert plain == 'a'
    found = {
        smoothed_fingerprint('a', items[::step], smooth)
        for step in (1, 2) for smooth in (0.3, 0.5)}
    assert len(found) == 4
    # A video may follow photographs, which have no steps.
    assert smoothed_fingerprint('a', [], 0.5) == smoothed_fingerprint(
        'a', items, 0.5)
    # More videos of the same steps may follow into the same folder.
    assert smoothed_fingerprint('a', items + items, 0.5) != plain


def test_a_damaged_frame_is_one_failure_and_does_not_end_the_mean(
        tmp_path, video):
    items = list_images(video)
    write_video(video, 11)

    def predict_next(frame, earlier):
        number = 0 if earlier is None else earlier.confidence + 1
        if number == 4 and not failures:
            failures.append(number)
            raise InputError('the backbone overflows')
        return Prediction(frame[..., 0], number, ('cat',))

    failures = []
    found = [one for _, _, one in segment_runs(
        predict_next, cut_runs(items, 0.5))]
    assert str(found.pop(4)) == 'a/000004: the backbone overflows'
    assert 'frame 11' in str(found.pop())
    assert [one.confidence for one in found] == [*range(10)]


def masks(out_dir):
    return {path.name: path.read_bytes()
            for path in (out_dir / 'masks').rglob('*.png')}


class Grey:
    """Takes what is brighter than the mean so far for its class."""

    classes = ('bright',)
    reading = ImageReading()

    def palette(self):
        return np.zeros((256, 3), np.uint8)

    def fingerprint(self):
        return 'grey'

    def predict_next(self, frame, earlier, smooth, channel_order):
        own = frame[..., 0].astype(np.float32) / 255
        mean = own if earlier is None else (
            smooth * earlier.confidence + (1 - smooth) * own)
        return Prediction((own > mean).astype(np.uint8), mean, self.classes)


def segmented(path, out_dir, smooth=0.5):
    segment_images(Grey(), list_images(path), out_dir, smooth=smooth,
                   show_progress=False)


def test_masks_do_not_depend_on_interruptions_and_processes(
        tmp_path, video, monkeypatch):
    monkeypatch.setattr('mmseg_panet.inference.smoothing._LONGEST', 5)
    # A fork must not inherit an open video.
    in_processes(2, segmented, video, tmp_path / 'two')
    segmented(video, tmp_path / 'one')
    expected = masks(tmp_path / 'one')
    assert len(expected) == 12
    assert masks(tmp_path / 'two') == expected
    (tmp_path / 'one/masks/a/000007.png').unlink()
    segmented(video, tmp_path / 'one')
    assert masks(tmp_path / 'one') == expected
    with pytest.raises(InputError, match='other settings'):
        segmented(video, tmp_path / 'one', smooth=0.4)
