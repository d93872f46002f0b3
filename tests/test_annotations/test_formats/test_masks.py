import annotation_files as files
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmseg_panet.annotations import convert_masks
from mmseg_panet.annotations.formats.masks import read_ids, read_masks
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports

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


def test_a_mask_of_an_unsupported_mode_raises_an_input_error(tmp_path):
    (tmp_path / 'in').mkdir()
    Image.fromarray(np.zeros(SIZE, np.float32)).save(tmp_path / 'in/a.tif')
    with pytest.raises(InputError, match=r'a\.tif is a F image; expected'):
        converted(tmp_path)


WHITE = ['1 crack 255,255,255']
Y, X = np.mgrid[:SIZE[0], :SIZE[1]]
CRACK = (Y > 5) & (Y < 20) & (X > 10) & (X < 40)


def save(folder, name, values, mode=None, **options):
    (folder / 'in').mkdir(exist_ok=True)
    picture = Image.fromarray(values)
    picture = picture if mode is None else picture.convert(mode)
    picture.save(folder / f'in/{name}', **options)


def stamped(value, y, x, mask=255):
    mask = mask * CRACK.astype(np.uint8)
    mask[y, x] = value
    return mask


def soft(largest=255):
    mask = cv2.GaussianBlur(CRACK * np.float32(largest), (0, 0), 1)
    return np.rint(mask).astype(np.uint8 if largest < 256 else np.uint16)


@pytest.mark.parametrize(('values', 'mode'), [
    (CRACK * np.uint8(255), None), (CRACK * np.uint8(255), 'RGB'),
    (CRACK * np.uint8(255), 'LA'), (CRACK * np.uint8(255), 'RGBA'),
    (CRACK * np.uint8(255), 'P'),
    (CRACK * np.uint16(65535), None), (CRACK, None), (soft(), None),
    (soft(), 'RGB'), (soft(238), None), (soft(65535), None),
    (stamped(1, 30, 30), None), (stamped(128, 30, 30), None),
])
def test_the_colour_white_is_a_class_in_grey_as_in_rgb(
        tmp_path, values, mode, caplog):
    save(tmp_path, 'a.png', values, mode)
    save(tmp_path, 'b.png', np.zeros(SIZE, np.uint8))
    found = converted(tmp_path, WHITE)
    half = values.max() / 2 if values.dtype != bool else 0.5
    assert (found == (values >= half)).all()
    assert not files.mask_of(tmp_path / 'out', 'b', 'P').any()


def test_values_that_the_list_lacks_are_named_with_their_count(
        tmp_path, warnings_of):
    save(tmp_path, 'a.png', CRACK * np.uint8(255))
    for name in 'bc':
        save(tmp_path, f'{name}.png', stamped(7, 30, 30))
    assert warnings_of(lambda: converted(tmp_path, WHITE)) == [
        f"{tmp_path / 'in/b.png'} has values that the class list lacks, "
        "[0, 7, 255], which are taken for the edges of 'crack' and for "
        'strays: values of at least half of the largest are of the class, '
        'the others are background (2 such masks); if this is wrong, correct '
        'the masks or the class list']


@pytest.fixture
def warnings_of(monkeypatch):
    """Return a function that collects the warnings of a call."""
    def collect(call):
        found = []
        monkeypatch.setattr('mmseg_panet.notices.print_log',
                            lambda text, *_: found.append(text))
        call()
        return found
    return collect


def test_ids_stay_ids_if_the_list_gives_colours_to_show_them(
        tmp_path, warnings_of):
    """255 is ignored in all masks as soon as one has ids of classes."""
    ids = stamped(255, 30, slice(20, 40), 1)
    save(tmp_path, 'a.png', ids)
    save(tmp_path, 'b.png', stamped(255, 2, 3, 0))
    note, = warnings_of(lambda: converted(tmp_path, WHITE))
    assert 'b.png has the values [0, 255] only, which are taken for' in note
    assert (files.mask_of(tmp_path / 'out', 'a', 'P') == ids).all()
    assert files.mask_of(tmp_path / 'out', 'b', 'P')[2, 3] == 255


def test_a_mask_of_ids_only_is_not_taken_for_a_colour(tmp_path, warnings_of):
    save(tmp_path, 'a.png', CRACK * np.uint8(1))
    assert warnings_of(lambda: converted(tmp_path, WHITE)) == []
    assert (files.mask_of(tmp_path / 'out', 'a', 'P') == CRACK).all()


def test_greys_of_several_classes_are_looked_up(tmp_path, warnings_of):
    lines = ['1 road 128,128,128', '2 car 255,255,255', '255 none 64,64,64']
    values = np.zeros(SIZE, np.uint8)
    values[:9], values[9:15], values[15:20] = 128, 255, 64
    save(tmp_path, 'a.png', values)
    save(tmp_path, 'b.png', values, 'RGB')
    assert warnings_of(lambda: converted(tmp_path, lines)) == []
    for stem in 'ab':
        found = files.mask_of(tmp_path / 'out', stem, 'P')
        assert found[[0, 10, 16, 30], 0].tolist() == [1, 2, 255, 0]


@pytest.mark.parametrize(('masks', 'lines', 'sentence'), [
    ([[0, 1, 2]], ['1 a 2,2,2', '2 b 1,1,1'],
     r'in: expected masks of ids or of colours .* got \[0, 1, 2\] in .*a\.png'
     ', which can be both; remove the colours from the list if they are ids'),
    ([[0, 1, 1], [0, 130, 255]], WHITE,
     r'b\.png contains the values \[0, 130, 255\]; expected ids of 0\.\.1 or '
     r'255, as .*a\.png has'),
    ([[0, 77, 255]], ['1 a 128,128,128', '2 b 255,255,255'],
     r'a\.png contains the values \[0, 77, 255\]; expected the greys \[0, '
     r'128, 255\] of the class list, or ids of it'),
])
def test_values_of_unclear_meaning_raise_an_input_error(
        tmp_path, masks, lines, sentence):
    for name, values in zip('ab', masks, strict=False):
        save(tmp_path, f'{name}.png', np.array([values], np.uint8))
    with pytest.raises(InputError, match=sentence):
        converted(tmp_path, lines)


def test_the_remedy_of_values_that_can_be_both_works(tmp_path):
    save(tmp_path, 'a.png', np.array([[0, 1, 2]], np.uint8))
    assert converted(tmp_path, ['1 a', '2 b']).tolist() == [[0, 1, 2]]
    save(tmp_path, 'a.png', np.array([[0, 1, 2]], np.uint8), 'RGB')
    assert converted(tmp_path, ['1 a 2,2,2', '2 b 1,1,1']).tolist() == [
        [0, 2, 1]]


def test_a_class_that_no_mask_shows_is_named(tmp_path, warnings_of):
    save(tmp_path, 'a.png', CRACK * np.uint8(255))
    note, = warnings_of(lambda: converted(tmp_path, ['1 crack']))
    assert note == (
        f"no mask shows 1 'crack' of {tmp_path / 'list.txt'}: the value 255 "
        'is ignored in all masks; if it shows a class, give that the colour '
        'of white, `1 crack 255,255,255`')
    # The remedy.
    assert (converted(tmp_path, WHITE) == CRACK).all()
    save(tmp_path, 'a.png', CRACK * np.uint8(2))
    note, = warnings_of(lambda: converted(tmp_path, ['1 crack', '2 dog']))
    assert note == (
        f"no mask shows 1 'crack' of {tmp_path / 'list.txt'}: check the "
        'masks and the ids of the list')
    # Masks that were converted earlier are not read again.
    assert warnings_of(lambda: convert_masks(
        tmp_path / 'in', tmp_path / 'out', tmp_path / 'list.txt')) == []


@pytest.mark.parametrize('mode', ['LA', 'RGBA', 'P'])
def test_what_is_transparent_is_background(tmp_path, mode):
    """As in the masks of examples; the hidden colour has no effect."""
    values = np.where(CRACK, 200, 90).astype(np.uint8)
    alpha = np.where(CRACK, 255, 0).astype(np.uint8)
    if mode == 'P':
        picture = Image.fromarray((~CRACK).astype(np.uint8))
        picture.putpalette(bytes([200] * 3 + [90] * 3))
        (tmp_path / 'in').mkdir()
        picture.save(tmp_path / 'in/a.png', transparency=1)
    else:
        save(tmp_path, 'a.png', np.dstack(
            [values] * (1 if mode == 'LA' else 3) + [alpha]))
    with Image.open(tmp_path / 'in/a.png') as picture:
        assert picture.mode == mode
    assert (converted(tmp_path, ['1 crack 200,200,200']) == CRACK).all()


def test_grey_ids_with_a_palette_in_any_order_are_ids(tmp_path):
    """ImageMagick stores them by their first pixels."""
    picture = Image.fromarray(np.array([[0, 1, 2, 3]], np.uint8))
    picture.putpalette(bytes(
        grey for grey in (0, 2, 255, 1) for _ in range(3)))
    picture.save(tmp_path / 'a.png')
    found = read_ids((str(tmp_path / 'a.png'), True), 3, {(0, 0, 0): 0})
    assert found.tolist() == [[0, 2, 255, 1]]


def test_a_palette_with_white_first_is_read_by_its_colours(tmp_path):
    picture = Image.fromarray((~CRACK).astype(np.uint8))
    picture.putpalette(bytes([255] * 3 + [0] * 3))
    (tmp_path / 'in').mkdir()
    picture.save(tmp_path / 'in/a.png')
    assert (converted(tmp_path, WHITE) == CRACK).all()


def test_a_folder_may_mix_grey_rgb_and_palettes(tmp_path):
    save(tmp_path, 'a.png', CRACK * np.uint8(255))
    save(tmp_path, 'b.png', CRACK * np.uint8(255), 'RGB')
    save(tmp_path, 'c.png', CRACK * np.uint8(1), 'P')
    picture = Image.fromarray(CRACK.astype(np.uint8))
    picture.putpalette(bytes([0] * 3 + [255] * 3))
    picture.save(tmp_path / 'in/d.png')
    converted(tmp_path, WHITE)
    for stem in 'abd':
        assert (files.mask_of(tmp_path / 'out', stem, 'P') == CRACK).all()


@pytest.mark.parametrize('suffix', ['tif', 'bmp', 'webp'])
def test_masks_may_be_of_other_lossless_formats(tmp_path, suffix):
    save(tmp_path, f'a.{suffix}', CRACK * np.uint8(255), 'RGB',
         **dict(lossless=True) if suffix == 'webp' else {})
    assert (converted(tmp_path, WHITE) == CRACK).all()


def test_examples_with_a_class_list_name_the_ignored_255(
        tmp_path, warnings_of):
    for name in ('masks', 'images'):
        (tmp_path / name).mkdir()
    (tmp_path / 'classes.txt').write_text('1 crack\n')
    Image.fromarray(CRACK * np.uint8(255)).save(tmp_path / 'masks/a.png')
    Image.new('RGB', SIZE[::-1]).save(tmp_path / 'images/a.png')
    with pytest.raises(InputError, match='got none; no mask shows 1 .crack. '
                       '.*`1 crack 255,255,255`'):
        read_supports(tmp_path)
    (tmp_path / 'classes.txt').write_text('1 crack 255,255,255\n2 dog\n')
    found = []
    note, = warnings_of(lambda: found.append(read_supports(tmp_path)))
    assert "no mask shows 2 'dog'" in note
    support, = found[0]['crack']
    assert (support.rasterize(SIZE) == CRACK).all()


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_any_bytes_and_values_are_ids_or_one_sentence(
        tmp_path_factory, data):
    folder = tmp_path_factory.mktemp('any')
    (folder / 'list.txt').write_text(data.draw(st.sampled_from([
        '1 a', '1 a 255,255,255', '1 a 128,128,128\n2 b 255,255,255',
        '1 a 2,2,2\n2 b 1,1,1', '1 a 200,0,9', '1 a 0,0,0',
        '0 x 255,255,255\n1 a 0,0,0\n255 void 9,9,9'])))
    values = data.draw(st.sampled_from(
        [[0, 1, 2, 255], [0, 255], [0, 7, 128, 254, 255], range(256)]))
    shape = data.draw(st.sampled_from([(6, 9), (6, 9, 3), (6, 9, 4)]))
    seed = data.draw(st.integers(0, 99))
    pixels = np.random.default_rng(seed).choice(np.array(values), shape)
    save(folder, 'a.png', pixels.astype(np.uint8), data.draw(
        st.sampled_from([None, 'L', 'LA', 'P', '1', 'RGB', 'RGBA'])))
    content = bytearray((folder / 'in/a.png').read_bytes())
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    (folder / 'in/a.png').write_bytes(content)
    try:
        annotations = read_masks(folder / 'in', folder / 'list.txt')
        for task in annotations.tasks:
            found = annotations.rasterize(task.source)
    except InputError as error:
        assert str(error).strip() and '\n' not in str(error)
    else:
        allowed = {*range(len(annotations.classes.names)), 255}
        assert {*np.unique(found).tolist()} <= allowed
        annotations.notes({*np.unique(found).tolist()})
