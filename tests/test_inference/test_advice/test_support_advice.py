import numpy as np
import pytest
from inference_parts import RESIZE, image_of, small_inferencer
from PIL import Image
from real_data import MSRC, RESNET18, needs_msrc, needs_resnet18

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.errors import InputError
from mmseg_panet.inference.advice.judgement import Judgement
from mmseg_panet.inference.advice.support_advice import (
    find_suspects,
    shot_effects,
    trust_of,
)

SIZES = [(60, 80), (50, 70), (60, 80), (40, 90), (60, 80)]


def red_boxes(shots=5):
    """Images of different sizes, with a border of unknown pixels."""
    supports = []
    for shot, size in enumerate(SIZES[:shots]):
        image, mask = image_of(
            (20, 20, 230), size, (5 + 6 * shot, 4, 30, 25), seed=shot)
        labels = mask.astype(np.uint8)
        labels[:, -3:] = 255
        supports.append((image, labels))
    return supports


def inverted(support):
    image, labels = support
    return image, np.where(labels == 255, 255, 1 - labels)


@pytest.fixture(scope='module')
def inferencer():
    return small_inferencer(RESIZE)


@pytest.fixture(scope='module')
def advice(inferencer):
    inferencer.fit({'red': red_boxes()})
    return inferencer.check_support()


def iou_by(inferencer, shots, support):
    """Compute the IoU of what the inferencer predicts by these shots."""
    image, labels = support
    found = inferencer.fit({'red': shots}).predict([image])[0].class_map == 1
    known, mask = labels != 255, labels == 1
    return 100 * (found & mask).sum() / (found & known | mask).sum()


def test_the_iou_is_that_of_a_prediction_by_the_other_shots(
        inferencer, advice):
    shots = red_boxes()
    ious = [iou_by(inferencer, shots[:t] + shots[t + 1:], shots[t])
            for t in range(5)]
    assert min(ious) < max(ious) - 1
    np.testing.assert_allclose([row.iou for row in advice.rows], ious)


def test_the_effect_is_what_the_others_lose_without_a_shot(
        inferencer, advice):
    shots = red_boxes()
    ious = [row.iou for row in advice.rows]
    losses = [
        ious[t] - iou_by(
            inferencer, [shots[i] for i in range(5) if i not in (2, t)],
            shots[t])
        for t in (0, 1, 3, 4)]
    assert advice.rows[2].effect == pytest.approx(np.mean(losses))
    assert advice.rows[2].effect != 0


def test_effects_by_hand():
    """Shot 1: the others have 50 and 40, without it 30 and 45."""
    ious = [[99, 50, 30, 20], [99, 60, 61, 62], [99, 40, 10, 45]]
    effects = shot_effects(ious)
    assert effects[1] == ((50 - 30) + (40 - 45)) / 2
    assert effects[0] == ((60 - 61) + (40 - 10)) / 2
    assert effects[2] == ((50 - 20) + (60 - 62)) / 2
    assert shot_effects(ious[:2]) == [None, None]


def test_a_row_says_how_large_the_mask_is(inferencer, advice):
    """65 pixels are 9 cells of stride 8."""
    row = advice.rows[3]
    assert (row.class_name, row.shot, row.image) == ('red', 4, 'array')
    assert row.pixels == 30 * 25
    assert row.share == pytest.approx(100 * 30 * 25 / (40 * 90))
    assert row.cells == pytest.approx(9 * 9 * 30 * 25 / (40 * 90))


@pytest.mark.parametrize('wrong', [0, 3])
def test_a_wrong_mask_is_suspect_and_right_ones_are_not(
        inferencer, advice, wrong):
    assert not advice.suspects
    least = min(advice.rows, key=lambda row: row.trust)
    assert [row for row in advice.rows if 'weakest' in row.marks] == [least]
    shots = red_boxes()
    shots[wrong] = inverted(shots[wrong])
    other, mask = image_of((230, 20, 20), seed=9)
    found = inferencer.fit(
        {'blue': [(other, mask)], 'red': shots}).check_support()
    assert [(row.class_name, row.shot) for row in found.suspects] == [
        ('red', 1 + wrong)]
    sentence = next(note for note in found.notes if 'may be wrong' in note)
    assert sentence.startswith(f"'red', example {1 + wrong} (array): ")


@pytest.mark.parametrize(('mask', 'marks'), [
    (lambda image: image[..., 0] >= 90, ('inverted', 'only')),  # 88%
    (lambda image: image[..., 0] < 90, ('only',)),
    # 75% of the image, but only three of its borders.
    (lambda image: np.arange(60)[:, None] + 0 * image[..., 0] < 45,
     ('only',))], ids=['inverted', 'right', 'three borders'])
def test_an_inverted_mask_is_named_even_if_there_is_no_other(
        inferencer, mask, marks):
    image, _ = image_of((20, 20, 230), (60, 80), (30, 20, 24, 24))
    row, = inferencer.fit(
        {'red': [(image, mask(image))]}).check_support().rows
    assert row.marks == marks


@pytest.mark.parametrize(('fits', 'suspects'), [
    ([(0.9, 0.9), (0.95, 0.8), (0.9, 0.7)], []),
    # 0.1 with the others; all fit their images alike.
    ([(0.9, 0.9), (0.9, 0.1), (0.9, 0.2)], [1]),
    # 0.6 + 5 * (0.8 - 0.9) = 0.1
    ([(0.9, 0.9), (0.95, 0.8), (0.8, 0.6)], [2]),
    # All of boxes fit their images badly.
    ([(0.6, 0.9), (0.6, 0.8), (0.6, 0.6)], []),
    ([(0.9, 0.2), (0.9, 0.3)], [0, 1]),
    ([(0.5, 0.5)], []),
], ids=['none', 'others', 'own', 'boxes', 'two', 'one'])
def test_the_least_trusted_shot_is_suspect(fits, suspects):
    assert find_suspects(
        trust_of([Judgement(9., [], *fit, 9, 1.) for fit in fits])) == suspects


def test_every_image_passes_the_network_once(inferencer, monkeypatch):
    inferencer.fit({'red': red_boxes()})
    passed = []
    extract = inferencer.model.extract_feat
    monkeypatch.setattr(
        inferencer.model, 'extract_feat',
        lambda images: passed.append(len(images)) or extract(images))
    inferencer.check_support()
    assert sum(passed) == 5


@pytest.mark.parametrize('classifier', [
    'auto', dict(type='AutoClassifier', rank=8), 'DiscriminantClassifier'])
def test_every_classifier_finds_a_wrong_mask(classifier):
    shots = red_boxes()
    right = small_inferencer(RESIZE, classifier=classifier)
    assert not right.fit({'red': shots}).check_support().suspects
    shots[1] = inverted(shots[1])
    suspect, = right.fit({'red': shots}).check_support().suspects
    assert suspect.shot == 2
    alone, = right.fit({'red': shots[:1]}).check_support().rows
    assert alone.marks == ('only',) and alone.iou > 50


def test_one_shot_is_judged_by_itself(inferencer):
    shot = red_boxes(1)[0]
    row, = inferencer.fit({'red': [shot]}).check_support().rows
    assert row.iou == pytest.approx(iou_by(inferencer, [shot], shot))
    assert (row.effect, row.marks) == (None, ('only',))
    assert row.agreement == row.own_fit


def test_a_mask_below_a_cell_is_tiny(inferencer):
    """A cell of 60x80 pixels, 9x9 cells, is 59 of them."""
    shots = red_boxes(3)
    for pixels, tiny in ((59, True), (60, False)):
        labels = np.zeros((60, 80), np.uint8)
        labels.flat[4000:4000 + pixels] = 1
        advice = inferencer.fit(
            {'red': [*shots, (shots[0][0], labels)]}).check_support()
        assert ['tiny' in row.marks for row in advice.rows] == [
            False, False, False, tiny]


def test_renamed_and_removed_classes_are_followed(inferencer):
    other, mask = image_of((230, 20, 20), seed=9)
    inferencer.fit({'blue': [(other, mask)], 'red': red_boxes(3)})
    inferencer.rename_class('red', 'scarlet')
    inferencer.remove_class('blue')
    rows = inferencer.check_support().rows
    assert [row.class_name for row in rows] == ['scarlet'] * 3


def test_without_images_it_is_refused(inferencer, tmp_path):
    inferencer.fit({'red': red_boxes(2)})
    inferencer.save(tmp_path / 'red.safetensors')
    inferencer.load(tmp_path / 'red.safetensors')
    with pytest.raises(InputError, match='got 0 of 2: .* fit()'):
        inferencer.check_support()
    inferencer.remove_class('red')
    with pytest.raises(InputError, match='no class is registered'):
        inferencer.check_support()


def test_a_mask_that_was_emptied_after_the_fit_is_named(
        inferencer, tmp_path):
    (image, labels), other = red_boxes(2)
    path = tmp_path / 'red.png'
    Image.fromarray(255 * (labels == 1).astype(np.uint8)).save(path)
    for mask, empty in ((str(path), lambda: Image.fromarray(
            0 * labels).save(path)), (labels, lambda: labels.fill(0))):
        inferencer.fit({'red': [(image, mask), other]})
        empty()
        with pytest.raises(InputError, match="example 1 of class 'red'"):
            inferencer.check_support()


@needs_msrc
@needs_resnet18
def test_of_five_classes_of_photographs_four_wrong_masks_are_named():
    """Planted among five shots: inverted, shifted, another class's."""
    inferencer = FewShotInferencer(
        'panet_r18-d8_1xb4-600iters_msrc7i-225x225', str(RESNET18),
        device='cpu', show_progress=False)
    classes = {'cow': 4, 'aeroplane': 9, 'car': 12, 'bird': 16, 'cat': 20}
    shots = {name: [] for name in classes}
    for path in sorted((MSRC / 'SegmentationClass').iterdir()):
        labels = np.array(Image.open(path))
        for name, label in classes.items():
            if (labels == label).mean() > 0.05 and len(shots[name]) < 5:
                mask = (labels == label).astype(np.uint8)
                mask[labels == 255] = 255
                image = MSRC / 'JPEGImages' / f'{path.stem}.jpg'
                shots[name].append((image, mask))
    right = {name: list(of_class) for name, of_class in shots.items()}
    for place, of_class in enumerate(shots.values()):
        image, mask = of_class[place]
        of_class[place] = image, (
            inverted((image, mask))[1] if place % 2
            else np.roll(mask, mask.shape[1] // 2, axis=1))
    advice = inferencer.fit(shots).check_support()
    planted = {(name, 1 + place) for place, name in enumerate(classes)}
    named = {(row.class_name, row.shot) for row in advice.suspects}
    assert len(named & planted) >= 4
    # A distant herd, or a bird unlike the others, may deserve a look.
    assert len(inferencer.fit(right).check_support().suspects) <= 1
