"""What is fitted, prepared and segmented is what a viewer shows."""
import numpy as np
import pytest
from image_files import SEEN, oriented_bytes, tiff_bytes
from inference_parts import (
    image_of,
    red_and_blue,
    small_config,
    small_inferencer,
)
from mmseg.registry import MODELS
from PIL import Image

from mmseg_panet.annotations.formats.masks import convert_masks
from mmseg_panet.errors import InputError
from mmseg_panet.inference.banked_model import banked_config
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.images.image_source import read_image
from mmseg_panet.inference.supports import read_supports

SQUARE = np.zeros((16, 24), np.uint8)
SQUARE[:8, :8] = 1
STRETCH = dict(bands=(4, 3, 2), stretch=(0, 3000))


MASKS = ('png', 'png-xmp', 'tif', 'tif-lzw')


def write_pair(folder, kind, orientation, number):
    """Write an image and its mask, each with an orientation of its own."""
    image, mask = (folder / part for part in (
        f'images/{kind}{orientation}.jpg', f'masks/{kind}{orientation}.png'))
    for path in (image, mask):
        path.parent.mkdir(exist_ok=True)
    image.write_bytes(oriented_bytes(kind, orientation))
    mask.write_bytes(oriented_bytes(
        MASKS[number % 4], 1 + number // 4 % 8, picture=SQUARE))
    return image, mask


@pytest.mark.parametrize('kind', SEEN)
def test_a_mask_as_seen_fits_its_image_whatever_their_orientations(
        tmp_path, kind):
    for number in range(32):
        image, mask = write_pair(tmp_path, kind, 1 + number % 8, number)
        assert ((read_image(str(image))[..., 1] > 128) == SQUARE).all()
        with Image.open(image) as photo, Image.open(mask) as label:
            pairs = {'files': [(image, mask)], 'pillow': [(photo, label)]}
            for support, in read_supports(pairs).values():
                assert (support.rasterize((16, 24)) == SQUARE).all(), number


def test_masks_are_prepared_as_they_are_seen(tmp_path):
    (tmp_path / 'classes.txt').write_text('background\ncat\n')
    for number, kind in enumerate(SEEN):
        for orientation in range(1, 9):
            write_pair(tmp_path, kind, orientation, 5 * number + orientation)
    convert_masks(
        tmp_path / 'masks', tmp_path / 'out', tmp_path / 'classes.txt',
        tmp_path / 'images')
    written = list((tmp_path / 'out/masks').iterdir())
    assert len(written) == 8 * len(SEEN)
    for path in written:
        with Image.open(path) as mask:
            assert (np.asarray(mask) == SQUARE).all(), path
            assert not mask.getexif()


def scene(colour, seed=0, bands=6):
    """Make a scene of 16 bits, whose bands 4, 3 and 2 are a photograph."""
    image, mask = image_of(colour, seed=seed)
    scene = np.random.default_rng(seed).integers(
        0, 20000, (*mask.shape, bands)).astype(np.uint16)
    # BGR of 255 are the bands 2, 3 and 4 of 3000.
    scene[..., 1:4] = np.rint(image / 255 * 3000)
    return image, mask, tiff_bytes(scene, photometric=1)


@pytest.fixture
def scenes(tmp_path):
    """Folders of scenes and of the same photographs, with masks beside."""
    for number, (name, colour) in enumerate(
            [('red', (20, 20, 230)), ('blue', (230, 20, 20))]):
        image, mask, content = scene(colour, seed=number)
        for folder in ('scenes', 'photographs'):
            of_class = tmp_path / folder / name
            of_class.mkdir(parents=True)
            Image.fromarray(mask).save(of_class / 'a_mask.png')
        (tmp_path / 'scenes' / name / 'a.tif').write_bytes(content)
        Image.fromarray(image[..., ::-1].copy()).save(
            tmp_path / 'photographs' / name / 'a.png')
    return tmp_path


def test_scenes_with_bands_and_a_stretch_are_the_photographs(scenes):
    one = small_inferencer(**STRETCH).fit(
        scenes / 'scenes', negatives=scenes / 'scenes/red/a.tif')
    other = small_inferencer().fit(
        scenes / 'photographs', negatives=scenes / 'photographs/red/a.png')
    for first, second in zip(
            one.bank.supports, other.bank.supports, strict=True):
        assert (first.statistics.sums == second.statistics.sums).all()
        assert first.labels_sha256 == second.labels_sha256
    assert (one.bank.negatives[0].statistics.sums
            == other.bank.negatives[0].statistics.sums).all()
    found = one(str(scenes / 'scenes/blue/a.tif'))
    same = other(str(scenes / 'photographs/blue/a.png'))
    assert (found['predictions'] == same['predictions']).all()
    assert (found.plot() == same.plot()).all()
    assert one.check_support() and one.fingerprint() != other.fingerprint()
    # Arrays are taken as they are.
    image = read_image(str(scenes / 'photographs/blue/a.png'))
    assert (one(image)['predictions'] == same['predictions']).all()


def test_without_them_the_scenes_are_refused_by_name(scenes):
    with pytest.raises(InputError, match='a.tif: expected one channel or'):
        small_inferencer().fit(scenes / 'scenes')
    result = small_inferencer().fit(red_and_blue())(
        [str(scenes / 'scenes/red/a.tif')])
    assert '--bands' in result['failures']['a']


def test_a_bank_says_with_which_bands_it_was_made(scenes, tmp_path):
    fitted = small_inferencer(**STRETCH).fit(scenes / 'scenes')
    fitted.save(tmp_path / 'a.safetensors')
    path = str(scenes / 'scenes/blue/a.tif')
    expected = fitted(path)['predictions']
    for settings in ({}, STRETCH):
        loaded = small_inferencer(**settings).load(tmp_path / 'a.safetensors')
        assert loaded.reading == fitted.reading
        assert (loaded(path)['predictions'] == expected).all()
        assert loaded.fingerprint() == fitted.fingerprint()
    with pytest.raises(InputError, match='read with other bands or another '
                       'stretch: expected .*, got .*3000.*--bands'):
        small_inferencer(bands=(1, 2, 3)).load(tmp_path / 'a.safetensors')
    small_inferencer().fit(red_and_blue()).save(tmp_path / 'b.safetensors')
    with pytest.raises(InputError, match='other bands or another stretch'):
        small_inferencer(**STRETCH).load(tmp_path / 'b.safetensors')
    # Without its own, an inferencer takes those of each bank.
    loaded = small_inferencer().load(tmp_path / 'a.safetensors').load(
        tmp_path / 'b.safetensors')
    assert not loaded.reading
    loaded.load(tmp_path / 'a.safetensors').save(tmp_path / 'c.safetensors')
    assert (tmp_path / 'c.safetensors').read_bytes() == (
        tmp_path / 'a.safetensors').read_bytes()


def test_the_config_of_a_training_sets_the_bands_too(scenes):
    config = small_inferencer().cfg
    pipeline = config.test_dataloader.dataset.query_pipeline
    pipeline[0] = dict(
        type='LoadOrientedImage', bands=[4, 3, 2], stretch=[0, 3000])
    inferencer = small_inferencer(model=dict(), **STRETCH)
    from mmseg_panet.apis import FewShotInferencer
    by_config = FewShotInferencer(config, device='cpu', show_progress=False)
    assert by_config.reading == inferencer.reading


def test_a_model_of_mmseg_with_the_bank_loads_its_bands(scenes):
    fitted = small_inferencer(**STRETCH).fit(scenes / 'scenes')
    load = dict(type='LoadOrientedImage', bands=[4, 3, 2],
                stretch=[0.0, 3000.0])
    config = banked_config(fitted, 'data')
    assert config['test_pipeline'][0] == load
    assert config['test_dataloader']['dataset']['pipeline'][0] == load
    plain = banked_config(small_inferencer().fit(red_and_blue()), 'data')
    # mmseg's inferencer looks for this name in both.
    for pipeline in (plain['test_pipeline'],
                     plain['test_dataloader']['dataset']['pipeline']):
        assert pipeline[0] == dict(type='LoadImageFromFile')
    assert plain['train_dataloader']['dataset']['pipeline'][0] == dict(
        type='LoadOrientedImage')


def test_an_adaptation_reads_the_bands_too(scenes):
    items = list_images(scenes / 'scenes/red/a.tif')
    assert len(items) == 1
    fitted = small_inferencer(classifier='auto', **STRETCH).fit(
        {'red': [(str(scenes / 'scenes/red/a.tif'),
                  str(scenes / 'scenes/red/a_mask.png'))]})
    fitted.adapt([str(scenes / 'scenes/blue/a.tif')])
    assert [one.image for one in fitted.bank.adapted] in ([], ['a.tif'])


def test_a_head_with_such_a_bank_says_what_its_pipeline_needs(
        scenes, tmp_path, monkeypatch):
    """A model does not know how its images are loaded."""
    fitted = small_inferencer(**STRETCH).fit(scenes / 'scenes')
    path = tmp_path / 'a.safetensors'
    fitted.save(path)
    config = small_config()
    config.model.decode_head.bank = str(path)
    model = MODELS.build(config.model)
    model.load_state_dict(fitted.model.state_dict(), strict=False)
    said = []
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log', lambda text, *_: said.append(text))
    for _ in range(2):
        model.check_bank()
    warning, = said
    assert ("dict(type='LoadOrientedImage', bands=[4, 3, 2], stretch=[0.0, "
            '3000.0])') in warning
