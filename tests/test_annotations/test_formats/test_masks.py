import annotation_files as files
import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.annotations import convert_masks
from mmseg_panet.errors import InputError

SIZE = (40, 56)
NAMED = ['0 background', '1 cat', '2 dog']
COLOURED = ['0 background 10,20,30', '1 cat 128,0,0', '2 dog 0,128,0',
            '255 void 224,224,192']
IDS = np.array([0, 1, 2, 255])


def random_ids():
    return IDS[np.random.default_rng(0).integers(0, 4, SIZE)]


def converted(folder, lines=NAMED, mode='P', **settings):
    (folder / 'list.txt').write_text('\n'.join(lines))
    convert_masks(
        folder / 'in', folder / 'out', folder / 'list.txt', **settings)
    return files.mask_of(folder / 'out', 'a', mode)


@pytest.fixture
def mask_path(tmp_path):
    (tmp_path / 'in').mkdir()
    return tmp_path / 'in/a.png'


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_values_of_grey_masks_are_ids(tmp_path, mask_path, dtype):
    cv2.imwrite(str(mask_path), random_ids().astype(dtype))
    assert (converted(tmp_path) == random_ids()).all()


@pytest.mark.parametrize(('dtype', 'ids', 'expected'), [
    (np.uint16, [0, 255, 300, 65535], [0, 255, 300, 65535]),
    (np.uint8, [0, 1, 254, 255], [0, 1, 254, 65535])])
def test_more_than_254_classes_have_masks_of_16_bits(
        tmp_path, mask_path, dtype, ids, expected):
    lines = [f'{i} class {i}' for i in range(301)]
    cv2.imwrite(str(mask_path), np.array([ids], dtype))
    assert converted(tmp_path, lines, 'I;16').tolist() == [expected]
    cv2.imwrite(str(mask_path), np.array([[301]], np.uint16))
    with pytest.raises(InputError, match=r'ids \[301\]; .* 0\.\.300 or 65535'):
        converted(tmp_path, lines)


def test_indices_of_a_palette_are_ids_for_any_colours(
        tmp_path, mask_path):
    mask = Image.fromarray(random_ids().astype(np.uint8))
    palette = np.random.default_rng(1).integers(0, 256, 768, np.uint8)
    mask.putpalette(palette.tobytes())
    mask.save(mask_path)
    with Image.open(mask_path) as picture:
        assert picture.mode == 'P'
    assert (converted(tmp_path, COLOURED) == random_ids()).all()


@pytest.mark.parametrize('channels', [3, 4])
def test_colours_are_looked_up_in_the_class_list(
        tmp_path, mask_path, channels):
    colours = np.zeros((256, 4), np.uint8)
    colours[IDS] = [[10, 20, 30, 255], [128, 0, 0, 255], [0, 128, 0, 255],
                    [224, 224, 192, 255]]
    Image.fromarray(colours[random_ids()][..., :channels]).save(mask_path)
    assert (converted(tmp_path, COLOURED) == random_ids()).all()
    assert (tmp_path / 'out/classes.txt').read_text() == (
        '0 background 10,20,30\n1 cat 128,0,0\n2 dog 0,128,0\n'
        '255 ignored 224,224,192\n')


def test_black_is_background_unless_it_is_a_class(tmp_path, mask_path):
    rgb = np.zeros((*SIZE, 3), np.uint8)
    rgb[3:5, 7:9] = 128, 0, 0
    Image.fromarray(rgb).save(mask_path)
    labels = converted(tmp_path, ['1 cat 128,0,0'])
    assert labels.sum() == labels[3:5, 7:9].sum() == 4
    labels = converted(tmp_path, ['1 cat 128,0,0', '2 night 0,0,0'])
    assert (labels == np.where(rgb[..., 0], 1, 2)).all()


@pytest.mark.parametrize(('mask', 'sentence'), [
    (np.full(SIZE, 3, np.uint8), r'a\.png contains the ids \[3\]; exp'),
    (np.full(SIZE, 257, np.uint16), r'a\.png contains the ids \[257\]'),
    (np.full(SIZE, 65535, np.uint16), r'contains the ids \[65535\]'),
    (np.full((*SIZE, 3), 9, np.uint8), r'a\.png has the colour 9,9,9'),
    (np.zeros((*SIZE, 2), np.uint8), r'a\.png is a LA image'),
])
def test_an_id_or_colour_of_no_class_raises_an_input_error(
        tmp_path, mask_path, mask, sentence):
    Image.fromarray(mask).save(mask_path)
    with pytest.raises(InputError, match=sentence) as caught:
        converted(tmp_path)
    assert '\n' not in str(caught.value)


def test_a_broken_mask_and_no_masks_raise_an_input_error(tmp_path, mask_path):
    with pytest.raises(InputError, match=r'in has no \.png files'):
        converted(tmp_path)
    Image.fromarray(random_ids().astype(np.uint8)).save(mask_path)
    mask_path.write_bytes(mask_path.read_bytes()[:90])
    with pytest.raises(InputError, match=r'a\.png is not a readable image'):
        converted(tmp_path)


def test_masks_fit_their_images_and_mmseg_reads_them(tmp_path):
    ids = random_ids()
    for stem, orientation in (('a', None), ('sub/b', 6)):
        files.save_photograph(
            tmp_path / f'images/{stem}.jpeg', np.zeros(SIZE, np.uint8),
            orientation)
        path = tmp_path / f'in/{stem}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), ids.astype(np.uint16))
    converted(tmp_path, image_dir=tmp_path / 'images')
    data = files.read_by_all(tmp_path / 'out', tmp_path / 'images', 'dog')
    assert (data[0]['gt_seg_map'] == ids).all()
    assert (data[1]['gt_seg_map'] == np.rot90(ids, k=-1)).all()


def test_a_mask_without_its_image_raises_an_input_error(tmp_path, mask_path):
    Image.fromarray(random_ids().astype(np.uint8)).save(mask_path)
    (tmp_path / 'images').mkdir()
    with pytest.raises(InputError, match=r'no image a\.\* in .*images'):
        converted(tmp_path, image_dir=tmp_path / 'images')


def test_results_must_not_lie_among_the_masks(tmp_path, mask_path):
    Image.fromarray(random_ids().astype(np.uint8)).save(mask_path)
    with pytest.raises(InputError, match='is in the folder of the masks'):
        convert_masks(
            tmp_path / 'in', tmp_path / 'in/out', tmp_path / 'list.txt')


def test_the_class_list_is_not_overwritten(tmp_path, mask_path):
    Image.fromarray(random_ids().astype(np.uint8)).save(mask_path)
    path = tmp_path / 'classes.txt'
    path.write_text('\n'.join(NAMED))
    with pytest.raises(InputError, match=r'other files classes\.txt'):
        convert_masks(tmp_path / 'in', tmp_path, path)
