import cv2
import numpy as np
import pytest
import torch
from inference_parts import (
    RESIZE,
    image_of,
    red_and_blue,
    small_config,
    small_inferencer,
)
from mmseg.registry import MODELS
from mmseg.visualization import SegLocalVisualizer
from PIL import Image
from torch.nn.functional import conv2d, normalize

from mmseg_panet.apis import FewShotInferencer, list_images, segment_images
from mmseg_panet.errors import InputError
from mmseg_panet.models import (
    AutoClassifier,
    DiscriminantClassifier,
    PANetHead,
)
from mmseg_panet.models.bank.bank_file import open_bank
from mmseg_panet.models.small_components import clear_small_components


@pytest.fixture(scope='module')
def inferencer():
    return small_inferencer(RESIZE).fit(red_and_blue())


@pytest.fixture
def folder(tmp_path):
    """Two images, and a file that is none."""
    for name, colour in (('a', (20, 20, 230)), ('b', (230, 20, 20))):
        image, _ = image_of(colour, seed=77)
        cv2.imwrite(str(tmp_path / f'{name}.png'), image)
    (tmp_path / 'c.png').write_bytes(b'broken')
    return tmp_path


def test_one_pass_separates_all_classes(inferencer, monkeypatch):
    """An image with both: each box is mostly its own class."""
    image, red = image_of((20, 20, 230), (60, 160), (10, 10, 40, 40), 5)
    image[10:50, 100:140] = (230, 20, 20)
    blue = np.zeros_like(red)
    blue[10:50, 100:140] = True
    passes = []
    extract = inferencer.model.extract_feat
    monkeypatch.setattr(
        inferencer.model, 'extract_feat',
        lambda images: passes.append(len(images)) or extract(images))
    result = inferencer(image)
    assert passes == [1]
    assert result['classes'] == ('red', 'blue')
    class_map = result['predictions']
    assert class_map.dtype == np.uint8 and class_map.shape == (60, 160)
    for label, mask in enumerate([red, blue], start=1):
        assert np.bincount(class_map[mask]).argmax() == label
    assert np.bincount(class_map[~(red | blue)]).argmax() == 0


def test_probabilities_confidence_and_class_map_agree(inferencer):
    image, _ = image_of((20, 20, 230))
    result = inferencer(image, return_probabilities=True, return_vis=True)
    probabilities = result['probabilities']
    assert probabilities.shape == (3, 60, 80)
    np.testing.assert_allclose(probabilities.sum(0), 1, rtol=1e-5)
    np.testing.assert_array_equal(
        probabilities.argmax(0), result['predictions'])
    np.testing.assert_array_equal(probabilities.max(0), result['confidence'])
    assert result['visualization'].shape == image.shape


def test_pixels_below_min_confidence_are_undecided():
    image, _ = image_of((20, 20, 230))
    decided = small_inferencer(RESIZE).fit(red_and_blue())(image)
    middle = float(np.median(decided['confidence']))
    strict = small_inferencer(RESIZE, min_confidence=middle)
    result = strict.fit(red_and_blue())(image)
    np.testing.assert_array_equal(
        result['predictions'], np.where(
            decided['confidence'] < middle, 255, decided['predictions']))
    assert 0.4 < (result['predictions'] == 255).mean() < 0.6


def test_a_call_may_have_a_confidence_of_its_own(inferencer):
    image, _ = image_of((20, 20, 230))
    before, = inferencer.predict([image])
    middle = float(np.median(before.confidence))
    strict, = inferencer.predict([image], min_confidence=middle)
    np.testing.assert_array_equal(strict.class_map, np.where(
        before.confidence < middle, 255, before.class_map))
    after, = inferencer.predict([image])
    np.testing.assert_array_equal(after.class_map, before.class_map)
    assert 255 in strict.class_map and 255 not in before.class_map
    for wrong in (-0.1, 1.1, float('nan'), '0.5', True):
        with pytest.raises(InputError, match='expected min_confidence as'):
            inferencer.predict([image], min_confidence=wrong)


def test_small_components_are_none_of_the_classes():
    image, _ = image_of((20, 20, 230))
    plain = small_inferencer(RESIZE).fit(red_and_blue())(image)
    for cleared in (
            small_inferencer(RESIZE, min_area=0.05),
            small_inferencer(RESIZE, model=dict(
                test_cfg=dict(mode='whole', min_area=0.05)))):
        result = cleared.fit(red_and_blue())(image)
        expected = clear_small_components(
            torch.from_numpy(plain['predictions']), 0.05).numpy()
        np.testing.assert_array_equal(result['predictions'], expected)
        np.testing.assert_array_equal(
            result['confidence'], plain['confidence'])
    assert (expected != plain['predictions']).any()


def test_classes_follow_the_edges_where_config_or_argument_say_so():
    image, _ = image_of((20, 20, 230))
    config = dict(test_cfg=dict(mode='whole', edges=dict(radius=0.1)))
    plain, argument, of_config, usual, refused = (
        small_inferencer(RESIZE, **settings).fit(red_and_blue())(
            image)['predictions']
        for settings in (
            dict(), dict(edges=dict(radius=0.1)), dict(model=config),
            dict(model=config, edges=True), dict(model=config, edges=False)))
    np.testing.assert_array_equal(argument, of_config)
    np.testing.assert_array_equal(refused, plain)
    assert (argument != plain).any() and (usual != of_config).any()


def test_a_list_gives_lists_and_a_broken_file_a_sentence(inferencer, folder):
    result = inferencer(str(folder), batch_size=2)
    assert [one is None for one in result['predictions']] == [
        False, False, True]
    assert [one is None for one in result['confidence']] == [
        False, False, True]
    assert list(result['failures']) == ['c']
    assert str(folder / 'c.png') in result['failures']['c']
    alone = inferencer(folder / 'b.png')
    np.testing.assert_array_equal(
        alone['predictions'], result['predictions'][1])
    with pytest.raises(InputError, match='c.png'):
        inferencer(folder / 'c.png')


def test_a_folder_a_pattern_and_a_list_give_lists_even_of_one_image(
        inferencer, folder):
    for name in ('b.png', 'c.png'):
        (folder / name).unlink()
    path = folder / 'a.png'
    single = inferencer(path)
    assert single['predictions'].shape == (60, 80)
    assert (single['names'], single['paths']) == ('a', str(path))
    for inputs in (folder, f'{folder}/*.png', [path], (str(path),)):
        result = inferencer(inputs, return_vis=True)
        class_map, = result['predictions']
        np.testing.assert_array_equal(class_map, single['predictions'])
        assert (result['names'], result['paths']) == (['a'], [str(path)])
        assert [len(result[key]) for key in (
            'confidence', 'visualization', 'files')] == [1, 1, 1]
        assert len(inferencer(inputs, return_datasamples=True)) == 1
    path.write_bytes(b'broken')
    assert inferencer(folder)['predictions'] == [None]


def test_files_are_written_where_they_are_wanted(
        inferencer, folder, tmp_path):
    result = inferencer(
        folder, out_dir=tmp_path / 'out', csv=True, coco=True)
    assert sorted(
        path.relative_to(tmp_path / 'out').as_posix()
        for path in (tmp_path / 'out').rglob('*.*')) == [
            'areas.csv', 'classes.txt', 'coco.json', 'made_with.txt',
            'masks/a.png', 'masks/b.png', 'overlays/a.jpg', 'overlays/b.jpg']
    written = cv2.imread(str(tmp_path / 'out/masks/a.png'), -1)
    # OpenCV reads a palette as colours.
    palette = inferencer.palette()[..., ::-1]
    np.testing.assert_array_equal(written, palette[result['predictions'][0]])


def test_results_of_another_model_are_not_taken_for_finished(
        inferencer, folder, tmp_path):
    """Nor are the results taken for images."""
    out = tmp_path / 'out'
    (folder / 'c.png').unlink()
    inferencer(folder, out_dir=folder)
    assert len(inferencer(folder, out_dir=folder)['predictions']) == 2
    inferencer(folder / 'a.png', out_dir=out)
    images = list_images(folder, leave_out=folder)
    assert not segment_images(inferencer, images, out, show_progress=False)
    other = small_inferencer(RESIZE, seed=1).fit(red_and_blue())
    other(folder / 'a.png', out_dir=out)
    with pytest.raises(InputError, match='not mixed'):
        segment_images(inferencer, images, out, show_progress=False)


def test_masks_of_other_classes_are_not_left_beside_new_ones(
        inferencer, folder, tmp_path):
    out = tmp_path / 'out'
    (folder / 'c.png').unlink()
    inferencer(folder, out_dir=out)
    before = {path: path.read_bytes() for path in out.rglob('*.*')}
    supports = red_and_blue()
    other = small_inferencer(RESIZE).fit(dict(green=supports['blue']))
    with pytest.raises(InputError, match="b.png of the classes .*'red'"):
        other(folder / 'a.png', out_dir=out)
    assert {path: path.read_bytes() for path in out.rglob('*.*')} == before
    other(folder, out_dir=out)
    assert (out / 'classes.txt').read_text().split()[2:4] == ['1', 'green']


def test_the_folder_of_the_examples_gets_no_results(folder, tmp_path):
    image, mask = image_of((20, 20, 230))
    (tmp_path / 'support/red').mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'support/red/a.jpg'), image)
    cv2.imwrite(
        str(tmp_path / 'support/red/a.png'), 255 * mask.astype(np.uint8))
    inferencer = small_inferencer(RESIZE).fit(tmp_path / 'support')
    with pytest.raises(InputError, match='outside the folder of the exampl'):
        inferencer(folder / 'a.png', out_dir=tmp_path / 'support/out')
    assert len(list(tmp_path.glob('support/**/*'))) == 3


def test_the_mask_of_an_image_that_broke_is_removed(
        inferencer, folder, tmp_path):
    inferencer(folder, out_dir=tmp_path / 'out')
    (folder / 'a.png').write_bytes(b'broken')
    inferencer(folder, out_dir=tmp_path / 'out')
    assert [path.name for path in (tmp_path / 'out/masks').iterdir()] == [
        'b.png']


def test_a_name_too_long_for_a_mask_is_a_failure(inferencer, tmp_path):
    """As they would share one, the names keep their suffixes."""
    (tmp_path / 'photos').mkdir()
    for suffix in ('.jpg', '.png'):
        path = tmp_path / 'photos' / ('x' * 250 + suffix)
        cv2.imwrite(str(path), image_of((20, 20, 230))[0])
    result = inferencer(
        tmp_path / 'photos', out_dir=tmp_path / 'out', csv=True)
    assert result['predictions'] == [None, None]
    assert ['too long a name' in one
            for one in result['failures'].values()] == [True, True]


def test_samples_are_mmsegs(inferencer, folder):
    a, b, none = inferencer(folder, return_datasamples=True)
    assert none is None
    assert a.pred_sem_seg.data.shape == (1, 60, 80)
    assert a.confidence.data.shape == (1, 60, 80)
    assert a.probabilities.data.shape == (3, 60, 80)
    assert a.classes == ('red', 'blue') and a.ori_shape == (60, 80)
    assert a.img_path == str(folder / 'a.png')
    alone = inferencer(folder / 'b.png', return_datasamples=True)
    assert torch.equal(alone.pred_sem_seg.data, b.pred_sem_seg.data)


def test_a_palette_is_by_class_and_grey_is_undecided():
    inferencer = small_inferencer(RESIZE, palette={'blue': (1, 2, 3)})
    inferencer.fit(red_and_blue())
    palette = inferencer.palette()
    assert palette[[0, 2, 255]].tolist() == [[0] * 3, [1, 2, 3], [128] * 3]
    assert palette[1].any()


def test_the_same_bank_gives_the_same_bytes(inferencer, tmp_path):
    path = tmp_path / 'sub' / 'colours.safetensors'
    inferencer.save(path)
    again = small_inferencer(RESIZE).load(path)
    assert again.classes == ('red', 'blue')
    assert again.fingerprint() == inferencer.fingerprint()
    image, _ = image_of((20, 20, 230), (50, 70), seed=9)
    np.testing.assert_array_equal(
        again(image)['confidence'], inferencer(image)['confidence'])


def test_a_bank_of_other_weights_is_refused_and_nothing_is_lost(
        inferencer, tmp_path):
    inferencer.save(tmp_path / 'bank.safetensors')
    other = small_inferencer(RESIZE, seed=1).fit(
        {'green': [image_of((20, 230, 20))]})
    with pytest.raises(InputError, match="another model's weights"):
        other.load(tmp_path / 'bank.safetensors')
    assert other.classes == ('green',)
    resized = small_inferencer(dict(RESIZE, scale=(33, 33)))
    with pytest.raises(InputError, match='prepared otherwise'):
        resized.load(tmp_path / 'bank.safetensors')


def test_a_bank_of_several_levels_is_for_a_model_that_joins_them(tmp_path):
    def inferencer_of(**levels):
        return small_inferencer(RESIZE, model=dict(
            backbone=dict(
                type='DilatedResNet', depth=18, base_channels=8,
                stem_channels=8, out_indices=(0, 2)),
            decode_head=dict(type='PANetHead', **levels)))

    joined = dict(in_channels=(8, 32), in_index=(0, 1))
    image, red = image_of((20, 20, 230), seed=5)
    first = inferencer_of(**joined).fit(red_and_blue())
    assert first.bank.prototypes().shape == (3, 8 + 32)
    first.save(tmp_path / 'bank')
    expected = first(image)['predictions']
    assert np.bincount(expected[red]).argmax() == 1
    np.testing.assert_array_equal(
        inferencer_of(**joined).load(tmp_path / 'bank')(image)[
            'predictions'], expected)
    for other in (dict(in_channels=32), dict(in_channels=[32], in_index=[1]),
                  dict(in_channels=[32, 8], in_index=[1, 0])):
        with pytest.raises(
                InputError, match='bank was made with another network'):
            inferencer_of(**other).load(tmp_path / 'bank')


def test_a_class_added_to_a_saved_bank_equals_all_at_once(tmp_path):
    supports = red_and_blue(shots=3)
    at_once = small_inferencer(RESIZE).fit(supports)
    small_inferencer(RESIZE).fit(
        {'red': supports['red'][:2]}).save(tmp_path / 'red')
    grown = small_inferencer(RESIZE).load(tmp_path / 'red')
    grown.add_class('blue', supports['blue'])
    grown.add_class('red', supports['red'][2:])
    torch.testing.assert_close(
        grown.bank.prototypes(), at_once.bank.prototypes(),
        rtol=0, atol=1e-6)
    image, _ = image_of((20, 20, 230))
    np.testing.assert_allclose(
        grown(image)['confidence'], at_once(image)['confidence'], atol=1e-6)


def test_a_class_removed_leaves_the_bytes_of_never_having_had_it():
    supports = red_and_blue()
    never = small_inferencer(RESIZE).fit({'blue': supports['blue']})
    removed = small_inferencer(RESIZE).fit(supports)
    removed.remove_class('red')
    image, _ = image_of((230, 20, 20))
    np.testing.assert_array_equal(
        removed(image)['confidence'], never(image)['confidence'])
    assert removed.fingerprint() == never.fingerprint()
    removed.rename_class('blue', 'azure')
    assert removed.classes == ('azure',)
    removed.remove_class('azure')
    with pytest.raises(InputError, match='no class is registered'):
        removed(image)


CLASSIFIERS = [
    'DiscriminantClassifier', dict(type='DiscriminantClassifier', rank=8),
    'auto', dict(type='AutoClassifier', rank=8)]


@pytest.mark.parametrize('classifier', CLASSIFIERS)
def test_second_moments_too_grow_and_shrink_with_the_classes(
        classifier, tmp_path):
    """Also from a file, and however the supports come."""
    def fitted(supports):
        return small_inferencer(RESIZE, classifier=classifier).fit(supports)

    def assert_equal(one, other):
        assert one.classes == other.classes
        image, _ = image_of((20, 20, 230), seed=7)
        views = [inferencer._network.views([image])[0][0].cells
                 for inferencer in (one, other)]
        torch.testing.assert_close(*views, rtol=1e-5, atol=1e-5)

    supports = red_and_blue(shots=3)
    at_once = fitted(supports)
    moments = at_once.bank.supports[0].statistics.moments
    side = classifier['rank'] if isinstance(classifier, dict) else 32
    assert moments.shape == (2, side, side)
    grown = fitted({'red': supports['red'][:1]})
    grown.add_class('blue', supports['blue'])
    grown.save(tmp_path / 'bank')
    grown = small_inferencer(RESIZE, classifier=classifier).load(
        tmp_path / 'bank')
    grown.add_class('red', supports['red'][1:])
    assert_equal(grown, at_once)
    grown.remove_class('blue')
    assert_equal(grown, fitted({'red': supports['red']}))
    assert grown.fingerprint() == fitted(
        {'red': supports['red']}).fingerprint()


@pytest.mark.parametrize('classifier', CLASSIFIERS[:2])
def test_one_convolution_of_normalised_cells_gives_the_logits(classifier):
    """Whatever else is exported, the classes are two tensors."""
    inferencer = small_inferencer(RESIZE, classifier=classifier).fit(
        red_and_blue())
    fitted = inferencer.model.decode_head.fitted
    image, _ = image_of((20, 20, 230), seed=7)
    data = inferencer.model.data_preprocessor(dict(
        inputs=[inferencer.pipeline(dict(img=image))['inputs']]))
    with torch.no_grad():
        features, = inferencer.model.extract_feat(data['inputs'])
    expected = conv2d(
        normalize(features, dim=1), fitted.weight[0][..., None, None],
        fitted.bias[0])[0]
    found = inferencer._network.views([image])[0][0].cells
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert fitted.weight.shape == (1, 3, 32) and fitted.bias.abs().min() > 0


def test_auto_is_for_those_who_choose_nothing():
    """Where the config names a classifier, it is that one."""
    image, _ = image_of((20, 20, 230), seed=7)

    def confidence(asked, **head):
        return small_inferencer(RESIZE, classifier=asked, model=dict(
            decode_head=dict(type='PANetHead', in_channels=32, **head))).fit(
                red_and_blue())(image)['confidence']

    auto, prototypes, discriminant = map(
        confidence, ('auto', 'config', 'DiscriminantClassifier'))
    assert (auto != prototypes).any() and (auto != discriminant).any()
    named = dict(classifier=dict(type='DiscriminantClassifier'))
    for expected, found in (
            # The scale of the config is that of its prototypes.
            (auto, confidence(None)), (auto, confidence(None, scale=10.0)),
            (auto, confidence('AutoClassifier')),
            (auto, confidence('auto', **named)),
            (prototypes, confidence(dict(type='PrototypeClassifier'))),
            (prototypes, confidence(
                None, classifier=dict(type='PrototypeClassifier'))),
            (discriminant, confidence(None, **named)),
            (discriminant, confidence('config', **named))):
        np.testing.assert_array_equal(found, expected)


def test_a_head_with_its_own_classifier_keeps_it():
    @MODELS.register_module(force=True)
    class OwnHead(PANetHead):
        def __init__(self, in_channels):
            super().__init__(
                in_channels, classifier=dict(type='DiscriminantClassifier'))

    own = small_inferencer(RESIZE, classifier=None, model=dict(
        decode_head=dict(type='OwnHead', in_channels=32)))
    assert isinstance(
        own.model.decode_head.classifier, DiscriminantClassifier)


def test_the_choice_of_auto_is_printed_once(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.inference.network.print_log',
        lambda text, **_: said.append(text))
    supports = red_and_blue()
    inferencer = small_inferencer(RESIZE, classifier=None)
    inferencer.fit({'red': supports['red'][:1]})
    inferencer.fit({'red': supports['red'][:1]})
    inferencer.add_class('blue', supports['blue'])
    inferencer.rename_class('blue', 'azure')
    inferencer.save(tmp_path / 'bank')
    small_inferencer(RESIZE, classifier=None).load(tmp_path / 'bank')
    small_inferencer(RESIZE).fit(supports)
    two = ('auto: refinement from the discriminant for 2 classes with 1 to 2 '
           'examples each')
    assert said == [
        'auto: refinement from prototypes for 1 class with 1 example', two,
        two, 'PrototypeClassifier for 2 classes with 2 examples each']
    assert f'classifier  {two}\n' in repr(inferencer)
    # The file says it too.
    made_with, _ = open_bank(tmp_path / 'bank')
    assert AutoClassifier().settings() == dict(
        made_with['matching'], type=made_with['classifier'])


def test_a_fit_that_fails_leaves_the_registered_classes():
    inferencer = small_inferencer(RESIZE).fit(red_and_blue())
    before = inferencer.fingerprint()
    image, mask = image_of((20, 230, 20))
    for call in (
            lambda: inferencer.fit({'green': [(image, mask), (image, [])]}),
            lambda: inferencer.add_class('green', [
                (image, mask), (image, np.zeros_like(mask))])):
        with pytest.raises(InputError):
            call()
    assert inferencer.fingerprint() == before


def test_a_renamed_class_knows_its_supports():
    inferencer = small_inferencer(RESIZE).fit(red_and_blue())
    inferencer.rename_class('red', 'crimson')
    inferencer.add_class('crimson', red_and_blue()['red'])
    assert inferencer.bank.num_shots('crimson') == 2


def test_masks_with_other_greys_are_reported_once_for_a_fit(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_panet.notices.print_log',
                        lambda text, *_: said.append(text))
    supports = {name: [(image, mask * np.uint8(255)) for image, mask in pairs]
                for name, pairs in red_and_blue().items()}
    small_inferencer(RESIZE).fit(supports)
    assert said == []
    for _, mask in supports['blue']:
        mask[0, 0] = 3
    supports['red'][0][1][0, 0] = 3
    small_inferencer(RESIZE).fit(supports)
    note, = said
    assert note.startswith("example 1 of class 'red' (")
    number = 1 + len(supports['blue'])
    assert '[0, 3, 255], which are taken for edges and strays' in note
    assert f'({number} such masks)' in note


def test_supports_without_background_are_reported(caplog):
    image, mask = image_of((20, 20, 230))
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmseg_panet.notices.print_log',
                      lambda text, *_: said.append(text))
        small_inferencer(RESIZE).fit({'all': [(image, mask | True)]})
        small_inferencer(RESIZE).fit({'box': [(image, mask)]})
    assert len(said) == 1 and 'no example shows background' in said[0]


def test_arrays_of_later_calls_have_their_own_names(inferencer, tmp_path):
    inferencer = small_inferencer(RESIZE).fit(red_and_blue())
    image, _ = image_of((20, 20, 230))
    for images in ([image, image], image):
        inferencer(images, out_dir=tmp_path)
    assert sorted(path.stem for path in (tmp_path / 'masks').iterdir()) == [
        '00000000', '00000001', '00000002']


def test_masks_of_the_ground_truth_are_not_written_over(inferencer, folder):
    """Masks in the plain layout are the ground truth."""
    (folder / 'masks').mkdir()
    mask = folder / 'masks' / 'a.png'
    cv2.imwrite(str(mask), np.zeros((60, 80), np.uint8))
    before = mask.read_bytes()
    with pytest.raises(InputError, match='is not a mask that was written'):
        inferencer(folder / 'a.png', out_dir=folder)
    assert mask.read_bytes() == before


def test_an_image_a_pixel_wide_is_mirrored_too():
    inferencer = small_inferencer(tta=True).fit(red_and_blue())
    result = inferencer(np.zeros((40, 1, 3), np.uint8))
    assert result['predictions'].shape == (40, 1)


def test_without_a_display_nothing_is_shown(inferencer, monkeypatch):
    monkeypatch.setattr('sys.platform', 'linux')
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match='expected a display'):
        inferencer(image_of((0, 0, 0))[0], show=True)


def test_each_overlay_is_shown(inferencer, monkeypatch):
    monkeypatch.setenv('DISPLAY', ':0')
    shown = []
    monkeypatch.setattr(
        'mmcv.imshow', lambda *arguments: shown.append(arguments))
    image, _ = image_of((20, 20, 230))
    picture = inferencer(image, return_vis=True)['visualization']
    inferencer([image, image], show=True, wait_time=0.5)
    assert len(shown) == 2
    np.testing.assert_array_equal(shown[0][0], picture[..., ::-1])
    assert shown[0][1:] == ('mmseg_panet', 500)


@pytest.mark.parametrize('name', [
    '', ' red', 'none', 'undecided', 'two\nlines', 'background'])
def test_a_name_that_no_file_could_hold_is_refused(name):
    inferencer = small_inferencer(RESIZE).fit(red_and_blue())
    with pytest.raises(InputError):
        inferencer.rename_class('red', name)
    assert inferencer.classes == ('red', 'blue')


def test_the_fingerprint_is_of_all_that_a_prediction_depends_on(inferencer):
    fitted = [
        small_inferencer(RESIZE, **settings).fit(red_and_blue())
        for settings in (
            dict(), dict(min_confidence=0.5), dict(tta=True),
            dict(slide=True), dict(palette={'red': (1, 2, 3)}),
            dict(min_area=0.1), dict(edges=True),
            dict(edges=dict(radius=0.1)), dict(classifier=None),
            dict(classifier='DiscriminantClassifier'),
            dict(classifier=dict(type='AutoClassifier', prior=0.5)))]
    fitted.append(small_inferencer(RESIZE).fit(red_and_blue(shots=1)))
    prints = [one.fingerprint() for one in fitted]
    assert prints[0] == inferencer.fingerprint()
    assert len(set(prints)) == len(prints)


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(model='nowhere.py'), 'nowhere.py does not exist'),
    (dict(min_confidence=2), 'min_confidence of 0..1, got 2'),
    (dict(device='abacus'), "device 'abacus'"),
    (dict(weights='nowhere.pth'), 'nowhere.pth does not exist'),
    (dict(slide=dict(crop=3)), "slide.*crop_size.*got 'crop'"),
    (dict(tta=dict(ratios=[0])), r'ratios of 0.1..10 of tta, got \[0\]'),
    (dict(tta=dict(ratios=1.0)), 'ratios of 0.1..10 of tta'),
    (dict(slide=dict(crop_size=5)), 'crop_size of slide as .height'),
    (dict(slide=dict(crop_size=(9, 9), stride=(9, 10))), 'leave pixels out'),
    (dict(min_confidence='a'), "min_confidence of 0..1, got 'a'"),
    (dict(min_area=1), 'min_area of 0 or more and below 1, .* got 1'),
    (dict(edges=dict(radius=7)), 'radius of edges .* got 7'),
    (dict(palette='red'), 'palette as .class name'),
    (dict(classifier='Guess'), "subclass of Classifier .* got .*'Guess'"),
    (dict(classifier='DilatedResNet'), 'registered subclass of Classifier'),
    (dict(classifier=5), "classifier as 'auto' or a dict .* got 5"),
    (dict(classifier=dict(type='AutoClassifier', prior=-1)), 'prior'),
    (dict(palette={'red': (1, 2)}), "colour of 'red'"),
])
def test_impossible_settings_are_one_sentence(settings, words):
    with pytest.raises(InputError, match=words):
        FewShotInferencer(**dict(model=small_config(RESIZE)) | settings)


@pytest.mark.parametrize(('settings', 'words'), [
    (dict(batch_size=0), 'batch_size of 1 or more, got 0'),
    (dict(csv=True), 'expected out_dir'),
    (dict(coco=True), 'expected out_dir')])
def test_impossible_calls_are_refused(inferencer, settings, words):
    with pytest.raises(InputError, match=words):
        inferencer(image_of((0, 0, 0))[0], **settings)


def test_an_array_that_is_no_image_is_refused(inferencer):
    with pytest.raises(InputError, match='uint8, got .60, 80, 3. of float'):
        inferencer.predict([np.ones((60, 80, 3))])


def test_what_is_handed_out_is_a_copy(inferencer):
    inferencer.bank.remove('red')
    assert inferencer.classes == ('red', 'blue')


def test_all_processes_have_the_classes_of_the_main_one(monkeypatch):
    main = small_inferencer(RESIZE).fit(red_and_blue())
    other = small_inferencer(RESIZE)
    sent = []
    module = 'mmseg_panet.inference.class_registry'
    monkeypatch.setattr(f'{module}.broadcast_object_list', sent.append)
    main.broadcast()

    def receive(shared):
        shared[:] = sent[0]

    monkeypatch.setattr(f'{module}.broadcast_object_list', receive)
    monkeypatch.setattr(f'{module}.is_main_process', lambda: False)
    other.broadcast()
    assert torch.equal(
        other.model.decode_head.fitted.weight,
        main.model.decode_head.fitted.weight)
    assert other.fingerprint() == main.fingerprint()


def test_photographs_in_rgb_are_those_in_bgr(inferencer):
    """Supports, negatives and images to segment."""
    supports = red_and_blue()
    negative = image_of((20, 230, 20), seed=3)[0]
    photo = image_of((20, 20, 230), seed=77)[0]

    def fitted(change, **settings):
        return small_inferencer(RESIZE, **settings).fit({
            name: [(change(image), mask) for image, mask in pairs]
            for name, pairs in supports.items()}, negatives=change(negative))

    def to_rgb(image):
        return np.ascontiguousarray(image[..., ::-1])

    def to_pillow(image):
        return Image.fromarray(to_rgb(image))

    plain, rgb, pillow = (
        fitted(lambda image: image), fitted(to_rgb, channel_order='rgb'),
        fitted(to_pillow))
    expected = plain(photo)['confidence']
    assert rgb.fingerprint() == pillow.fingerprint() == plain.fingerprint()
    for found in (
            rgb(to_rgb(photo)), pillow(to_pillow(photo)),
            rgb(to_pillow(photo)), rgb(photo, channel_order='bgr'),
            plain(to_rgb(photo), channel_order='rgb')):
        np.testing.assert_array_equal(found['confidence'], expected)
    for found in (rgb.predict([to_rgb(photo)]),
                  plain.predict([to_pillow(photo)]),
                  plain.predict([to_rgb(photo)], channel_order='rgb')):
        np.testing.assert_array_equal(found[0].confidence, expected)
    assert (plain(to_rgb(photo))['confidence'] != expected).any()
    with pytest.raises(InputError, match='channel_order must be one of'):
        small_inferencer(RESIZE, channel_order='BGR')


def test_files_do_not_depend_on_the_order_of_channels_of_arrays(folder):
    plain, rgb = (
        small_inferencer(RESIZE, channel_order=order).fit(red_and_blue())
        for order in ('bgr', 'rgb'))
    assert plain.bank.supports[0].image_sha256 != (
        rgb.bank.supports[0].image_sha256)
    rgb = small_inferencer(RESIZE, channel_order='rgb').fit({
        name: [(image[..., ::-1].copy(), mask) for image, mask in pairs]
        for name, pairs in red_and_blue().items()})
    np.testing.assert_array_equal(
        plain(folder / 'a.png')['confidence'],
        rgb(folder / 'a.png')['confidence'])
    images = list_images(folder)
    for inferencer, out in ((plain, 'plain'), (rgb, 'rgb')):
        segment_images(
            inferencer, images, folder.parent / out, csv=True,
            show_progress=False)
    found, expected = (
        (folder.parent / out / 'areas.csv').read_text()
        for out in ('rgb', 'plain'))
    assert found == expected


def test_a_summary_says_what_is_there(inferencer, tmp_path):
    empty = small_inferencer(RESIZE)
    assert repr(empty).splitlines() == [
        'FewShotInferencer', '  config      (a dict)',
        '  weights     as the config initialises them', '  device      cpu',
        '  classifier  PrototypeClassifier', '  classes     none']
    assert '2: red (2 examples), blue (2 examples)' in repr(inferencer)
    renamed = small_inferencer(RESIZE).fit(red_and_blue(shots=1))
    renamed.rename_class('red', '<b>')
    assert '&lt;b&gt; (1 example)' in renamed._repr_html_()
    (tmp_path / 'tiny.py').write_text(small_config(RESIZE).pretty_text)
    torch.save(empty.model.state_dict(), tmp_path / 'tiny.pth')
    of_files = FewShotInferencer(
        tmp_path / 'tiny.py', tmp_path / 'tiny.pth', 'cpu')
    assert '  config      tiny\n' in repr(of_files)
    assert f"  weights     {tmp_path / 'tiny.pth'}"[:60] in repr(of_files)
    assert repr(FewShotInferencer.__new__(FewShotInferencer)) == (
        'FewShotInferencer')


def test_a_colour_does_not_depend_on_the_order_of_the_classes():
    supports = red_and_blue()
    one = small_inferencer(RESIZE).fit(supports)
    other = small_inferencer(RESIZE).fit(
        dict(reversed(supports.items())))
    assert one.palette()[[1, 2]].tolist() == other.palette()[[2, 1]].tolist()
    meta = other.dataset_meta
    assert meta['classes'] == ('background', 'blue', 'red')
    assert meta['palette'] == other.palette()[:3].tolist()


def test_the_visualizer_of_mmseg_takes_the_names_and_colours(
        inferencer, tmp_path):
    image = image_of((20, 20, 230), seed=77)[0]
    sample = inferencer(image, return_datasamples=True)
    visualizer = SegLocalVisualizer(alpha=1.0)
    visualizer.dataset_meta = inferencer.dataset_meta
    visualizer.add_datasample(
        'a', image, sample, draw_gt=False, with_labels=False,
        out_file=str(tmp_path / 'a.png'))
    drawn = cv2.imread(str(tmp_path / 'a.png'))[..., ::-1]
    np.testing.assert_array_equal(
        drawn, inferencer.palette()[sample.pred_sem_seg.data[0]])


def test_masks_that_were_written_are_examples_at_once(
        inferencer, folder, tmp_path):
    out = tmp_path / 'out'
    result = inferencer([folder / 'a.png', folder / 'b.png'], out_dir=out)
    again = small_inferencer(RESIZE).fit(out, image_dir=folder)
    shown = set(np.unique(result['predictions'])) - {0}
    assert set(again.classes) == {
        result['class_names'][label] for label in shown}


def test_a_class_list_of_the_user_is_not_written_over(inferencer, folder):
    (folder / 'classes.txt').write_text('0 background\n1 mine\n')
    with pytest.raises(InputError, match='has a classes.txt that was not'):
        inferencer(folder / 'a.png', out_dir=folder)
    assert 'mine' in (folder / 'classes.txt').read_text()


def test_the_model_has_the_names_and_colours_for_mmsegs_functions():
    inferencer = small_inferencer(RESIZE, palette={'red': (9, 8, 7)})
    assert inferencer.model.dataset_meta['classes'] == ('background',)
    inferencer.fit(red_and_blue())
    assert inferencer.model.dataset_meta == inferencer.dataset_meta
    assert inferencer.dataset_meta['palette'][1] == [9, 8, 7]
    inferencer.rename_class('red', 'crimson').remove_class('blue')
    assert inferencer.model.dataset_meta == inferencer.dataset_meta
    assert inferencer.dataset_meta['classes'] == ('background', 'crimson')


def test_html_in_the_name_of_a_class_is_text_in_a_notebook():
    name = '<script>alert(1)</script>'
    inferencer = small_inferencer().fit({name: red_and_blue()['red']})
    result = inferencer([image_of((20, 20, 230))[0]])
    for shown in (inferencer, inferencer.bank, inferencer.check_support(),
                  result):
        html = shown._repr_html_()
        assert '<script' not in html and '&lt;script&gt;' in html
