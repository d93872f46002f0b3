import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmseg_panet.annotations.object_mask import (
    assumption_notes,
    object_labels,
)
from mmseg_panet.errors import InputError
from mmseg_panet.inference import supports

SIZE = (12, 16)
OBJECT = np.zeros(SIZE, bool)
OBJECT[3:9, 4:11] = True
EDGE = np.zeros(SIZE, bool)  # around the object
EDGE[2, 4:11] = True
PHOTO = np.zeros((*SIZE, 3), np.uint8)


def labels(mask, *value):
    source = {'cat': [(PHOTO, mask, *value)]}
    support, = supports.read_supports(source)['cat']
    found = support.rasterize(SIZE)
    assert support.names == ('cat',)
    assert found.dtype == np.uint8
    return found


def saved(path, array, palette=None):
    picture = Image.fromarray(array)
    if palette is not None:
        picture.putpalette(palette)
    picture.save(path)
    return path


def painted(inside, outside):
    """An image with one colour inside the object and another outside."""
    return np.where(OBJECT[..., None], inside, outside).astype(np.uint8)


@pytest.mark.parametrize('array', [
    OBJECT,
    OBJECT.astype(np.uint8),
    OBJECT * np.uint8(255),
    OBJECT * np.uint8(17),
    OBJECT * np.int64(7),
    OBJECT * np.uint16(1000),
], ids=str)
def test_the_only_value_besides_0_is_the_object(tmp_path, array):
    assert (labels(array) == OBJECT).all()
    if array.dtype != np.int64:
        path = saved(tmp_path / 'a.png', array)
        assert (labels(path) == OBJECT).all()
        assert (labels(str(path)) == OBJECT).all()


def test_beside_another_value_255_is_unknown(tmp_path):
    mask = OBJECT * np.uint8(15) + EDGE * np.uint8(255)
    expected = OBJECT * 1 + EDGE * 255
    assert (labels(mask) == expected).all()
    palette = np.random.default_rng(0).integers(0, 256, 768, np.uint8)
    path = saved(tmp_path / 'a.png', mask, palette.tobytes())
    assert (labels(path) == expected).all()


def test_a_given_value_is_the_object_among_any_others(tmp_path):
    mask = OBJECT * np.uint8(2) + EDGE * np.uint8(255)
    mask[0, 0] = 1
    path = saved(tmp_path / 'a.png', mask)
    assert (labels(path, 2) == OBJECT * 1 + EDGE * 255).all()
    assert (labels(path, np.int64(255)) == EDGE).all()
    assert (labels(path, 0) == (
        (mask == 0) * 1 + (mask == 255) * 255)).all()
    assert (labels(OBJECT, 0) == ~OBJECT).all()


def test_a_smooth_border_is_thresholded_at_128(tmp_path):
    mask = OBJECT * np.uint8(255)
    mask[2, 4:11], mask[9, 4:11] = 127, 128
    expected = mask >= 128
    assert (labels(saved(tmp_path / 'a.png', mask)) == expected).all()
    assert (labels(mask) == expected).all()
    rgb = np.stack([mask] * 3, axis=-1)
    assert (labels(saved(tmp_path / 'b.png', rgb)) == expected).all()


@pytest.mark.parametrize(('outside', 'inside'), [
    ((0, 0, 0), (255, 255, 255)),
    ((0, 0, 0), (200, 10, 0)),
    ((0, 0, 0, 255), (200, 10, 0, 255)),
    ((0, 255), (1, 255)),
    # The colour of transparent pixels has no effect.
    ((0, 0, 0, 0), (0, 0, 0, 255)),
    ((9, 8, 7, 0), (255, 255, 255, 255)),
    ((3, 0), (250, 255)),
])
def test_the_object_is_found_in_masks_of_several_channels(
        tmp_path, outside, inside):
    path = saved(tmp_path / 'a.png', painted(inside, outside))
    assert (labels(path) == OBJECT).all()


def test_of_values_above_255_the_unknown_one_is_65535(tmp_path):
    mask = np.zeros(SIZE, np.uint16)
    mask[0, :6] = 300, 300, 255, 255, 65535, 65535
    path = saved(tmp_path / 'a.png', mask)
    for form in (path, mask):
        expected = np.zeros(SIZE, int)
        expected[0, :2], expected[0, 4:6] = 1, 255
        assert (labels(form, 300) == expected).all()
        expected[0, :4] = 0, 0, 1, 1
        assert (labels(form, 255) == expected).all()
    with pytest.raises(InputError, match='one value besides 0 and 65535'):
        labels(path)
    mask[mask == 255] = 300
    assert (labels(mask) == np.select(
        [mask == 300, mask == 65535], [1, 255])).all()
    # White of 16 bits is the object.
    assert (labels(np.where(mask, np.uint16(65535), 0)) == (mask > 0)).all()


def several_values(*values):
    mask = OBJECT * np.uint8(255)
    mask[0, :len(values)] = values
    return mask


def several_objects(*values):
    mask = OBJECT * np.uint8(255)
    for number, value in enumerate(values):
        mask[5 * number:5 * number + 5, 11:] = value
    return mask


@pytest.mark.parametrize(('mask', 'palette', 'sentence'), [
    # Squares of five pixels are too large for an edge or strays.
    (several_objects(1, 2), None, r'\[0, 1, 2, 255\]'),
    (several_objects(200, 210), None, r'\[0, 200, 210, 255\]'),
    (several_values(*[100] * 16) // 2 * 2, None, r'\[0, 100, 254\]'),
    # The order of palette indices has no meaning.
    (several_values(100, 200), bytes(768), r'\[0, 100, 200, 255\]'),
    (np.arange(192, dtype=np.uint8).reshape(SIZE), None,
     r'\[0, 1, 2, 3, 4, 5, 6, 7, 8, 9\] and 182 more'),
])
def test_ambiguous_values_are_listed_in_the_error(
        tmp_path, mask, palette, sentence):
    path = saved(tmp_path / 'a.png', mask, palette)
    with pytest.raises(InputError, match=sentence) as caught:
        labels(path)
    assert f'with {path}' in str(caught.value)
    assert 'give (image, mask, value)' in str(caught.value)


@pytest.mark.parametrize(('array', 'sentence'), [
    (painted((200, 0, 0), (0, 200, 0)), 'one colour on black, got 2'),
    (painted((200, 0, 0, 255), (0, 200, 0, 100)), 'several colours'),
    (np.zeros(SIZE, np.float32), r'\(12, 16\) of float32; .*astype\(bool\)'),
    (np.zeros((*SIZE, 3), np.int64),
     r'\(12, 16, 3\) of int64; .*mask\[\.\.\., 0\]'),
    (np.zeros((1, *SIZE), bool), r'\(1, 12, 16\) of bool; .*mask\[0\]'),
    (np.zeros(16, bool), r'\(16,\) of bool; give an array'),
    (np.zeros(SIZE, bool), r'expected the object as 1, got only \[0\]'),
    (np.zeros(SIZE, np.uint8), r'expected the object as 255, got only'),
    (OBJECT[1:] * np.uint8(9), 'expected an annotation of 16x12 .* 16x11'),
    (OBJECT.T * np.uint8(9), 'expected an annotation of 16x12 .* 12x16'),
])
def test_an_invalid_mask_raises_an_input_error(
        tmp_path, array, sentence):
    mask = saved(tmp_path / 'a.png', array) if array.dtype == np.uint8 and (
        array.ndim == 3) else array
    with pytest.raises(InputError, match=sentence) as caught:
        labels(mask)
    assert '\n' not in str(caught.value)


def test_a_value_that_is_absent_or_no_integer_raises_an_error(tmp_path):
    mask = OBJECT * np.uint8(3)
    with pytest.raises(
            InputError, match=r'expected the object as 4, got only \[0, 3\]'):
        labels(mask, 4)
    for value in ('3', True, 3.0):
        with pytest.raises(InputError, match='expected an integer as the va'):
            labels(mask, value)
    cmyk = tmp_path / 'a.jpg'
    Image.new('CMYK', SIZE[::-1]).save(cmyk)
    with pytest.raises(InputError, match='got a CMYK image'):
        labels(cmyk)
    (tmp_path / 'b.png').write_bytes(b'no picture')
    with pytest.raises(InputError, match=r'b\.png is not a readable image'):
        labels(tmp_path / 'b.png')


@pytest.mark.parametrize(('array', 'mode'), [
    (OBJECT, '1'), (OBJECT * np.uint8(255), 'L'), (OBJECT * np.uint8(3), 'P'),
    (OBJECT * np.uint16(700), 'I;16'), (OBJECT * np.int32(70000), 'I'),
    (painted((9, 200, 3), (0, 0, 0)), 'RGB'),
    (np.dstack([painted((9, 9, 9), (9, 9, 9)), OBJECT * np.uint8(255)]),
     'RGBA')])
def test_a_mask_of_pillow_is_what_its_file_is(array, mode):
    picture = Image.fromarray(array)
    if mode == 'P':
        picture.putpalette(bytes(range(255, -1, -1)) * 3)
    assert picture.mode == mode
    assert (labels(picture) == OBJECT).all()


def test_a_mask_of_pillow_is_turned_as_its_exif_says():
    picture = Image.fromarray(OBJECT.T.astype(np.uint8))
    picture.getexif()[0x0112] = 5  # mirrored along the diagonal
    assert (labels(picture) == OBJECT).all()


def test_a_mask_of_pillow_in_several_colours_is_named_as_the_mask():
    with pytest.raises(InputError, match='^the mask: expected one colour'):
        labels(Image.fromarray(painted((9, 200, 3), (7, 7, 7))))


def noise(channels, seed=0):
    return np.random.default_rng(seed).integers(
        1, 255, (*SIZE, channels), np.uint8)


def test_the_alpha_of_a_photograph_that_was_cut_out_is_its_mask(tmp_path):
    """An eraser with a soft brush leaves values between 0 and 255."""
    alpha = OBJECT * np.uint8(255)
    alpha[2, 4:11], alpha[9, 4:11] = 127, 128
    path = saved(tmp_path / 'a.png', np.dstack([noise(3), alpha]))
    assert (labels(path) == (alpha >= 128)).all()
    # A single value between 0 and 255 is the border too, and no object.
    alpha[9, 4:11] = 0
    path = saved(tmp_path / 'b.png', np.dstack([noise(3), alpha]))
    assert (labels(path) == OBJECT).all()


def test_colours_of_several_objects_are_not_taken_for_a_cut_out(tmp_path):
    mask = painted((200, 0, 0, 255), (0, 0, 0, 0))
    mask[0, 0] = 0, 200, 0, 255
    with pytest.raises(InputError, match='several colours; paint the object'):
        labels(saved(tmp_path / 'a.png', mask))


@pytest.mark.parametrize('channels', [1, 3])
def test_a_photograph_in_place_of_a_mask_is_named_so(tmp_path, channels):
    path = saved(tmp_path / 'a.png', noise(channels).squeeze())
    with pytest.raises(
            InputError, match='a photograph and not like a mask: check that '
            r'image and mask are not swapped \(in a folder, the PNG is the '
            r'mask\), and paint the object white on black'):
        labels(path)


def with_border(array, value):
    array[2, 4:11] = value
    return array


@pytest.mark.parametrize(('mask', 'values'), [
    (with_border(OBJECT * np.uint8(255), 128), '[0, 128, 255]'),
    (with_border(OBJECT * np.uint8(255), 1), '[0, 1, 255]'),
    (with_border(OBJECT * np.uint8(255), 254), '[0, 254, 255]'),
    (with_border(OBJECT * np.uint8(238), 119), '[0, 119, 238]'),
    (with_border(OBJECT * np.uint8(238), 30), '[0, 30, 238]'),
    (several_values(1), '[0, 1, 255]'),
    (several_values(1, 2), '[0, 1, 2, 255]'),
    (with_border(OBJECT * np.uint16(65535), 40000), '[0, 40000, 65535]'),
    (with_border(OBJECT * np.uint16(4095), 2000), '[0, 2000, 4095]'),
    (with_border(OBJECT * 1.0, 0.5), '[0, 128, 255]'),
])
def test_other_greys_are_divided_at_half_of_the_largest_with_a_warning(
        mask, values):
    half = mask.max() / 2
    assumed = {}
    found = object_labels(mask, None, 'a.png', assumed)
    assert (found == (mask >= half)).all()
    assert assumed == {'a.png': values}
    # The choice that the warning names.
    if mask.dtype != float:
        assert (object_labels(mask, mask.max(), 'a.png', assumed) == (
            mask == mask.max())).all()


def test_one_warning_counts_the_masks_of_a_fit():
    source = {name: [(PHOTO, several_values(7)), (PHOTO, OBJECT),
                     (PHOTO, several_values(9))] for name in ('cat', 'dog')}
    assumed = {}
    for those in supports.read_supports(source).values():
        for support in those:
            support.rasterize(SIZE)
            support.rasterize(SIZE)
            assumed |= support.assumed
    note, = assumption_notes(assumed)
    assert note.startswith("example 1 of class 'cat' (an array")
    assert '[0, 7, 255]' in note and '(4 such masks)' in note
    assert assumption_notes({}) == []


def test_the_remedies_of_a_mask_that_stays_open_work():
    mask = np.zeros((40, 60), np.uint8)
    mask[5:15, 5:15], mask[10:35, 30:55] = 100, 255
    with pytest.raises(
            InputError, match=r'an object of 100 with an outline of 255, or '
            r'one of 255 with a thin edge of 100, got \[0, 100, 255\]; paint '
            r'the object white on black, or give \(image, mask, value\)'):
        object_labels(mask, None, 'a.png')
    for value in (100, 255):
        assert ((object_labels(mask, value, 'a.png') == 1) == (
            mask == value)).all()
    painted = np.where(mask == 100, 255, 0).astype(np.uint8)
    assert (object_labels(painted, None, 'a.png') == (mask == 100)).all()


@pytest.mark.parametrize('background', [0, 255])
def test_an_id_beside_a_larger_ignored_region_is_the_object(background):
    mask = np.full((40, 60), background, np.uint8)
    mask[10:35, 30:55], mask[5:15, 5:15] = 255, 9
    found = object_labels(mask, None, 'a.png')
    assert (found == np.where(mask == 255, 255, mask == 9)).all()


@pytest.mark.parametrize('mask', [
    torch.from_numpy(OBJECT), torch.from_numpy(OBJECT)[None],
    torch.from_numpy(OBJECT).byte() * 255, torch.from_numpy(OBJECT).long(),
    torch.from_numpy(OBJECT).float(), torch.from_numpy(OBJECT).bfloat16(),
    OBJECT.astype(np.float32), OBJECT * 255.0, OBJECT * 0.9], ids=str)
def test_tensors_and_numbers_of_0_to_1_are_masks(mask):
    assert (labels(mask) == OBJECT).all()


@pytest.mark.parametrize('mask', [
    OBJECT * 3.5, -OBJECT.astype(float), np.where(OBJECT, np.nan, 0.0)])
def test_other_numbers_are_converted_as_the_error_says(mask):
    with pytest.raises(InputError, match=r'convert it with mask > 0\.5 or'):
        labels(mask)
    assert (labels(mask.astype(bool)) == OBJECT).all()


def test_an_object_of_the_toy_data_is_found_among_the_outlines_of_others(
        toy_root):
    for path in sorted((toy_root / 'SegmentationClass').glob('*.png')):
        ids = np.asarray(Image.open(path))
        for i in np.setdiff1d(ids, (0, 255)):
            mask = np.where(ids == 255, 255, ids == i).astype(np.uint8)
            expected = np.where(ids == 255, 255, ids == i)
            assert (object_labels(mask, None, path) == expected).all()


def test_a_file_of_other_numbers_is_refused(tmp_path):
    path = tmp_path / 'a.tif'
    Image.fromarray(OBJECT * np.float32(3.5)).save(path)
    with pytest.raises(InputError, match=r'got \(12, 16\) of float32'):
        labels(path)


def encoded(picture, format='PNG', **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    file.seek(0)
    return Image.open(file)


def indexed(region, inside, outside, palette, **options):
    picture = Image.fromarray(
        np.where(region, inside, outside).astype(np.uint8))
    picture.putpalette(bytes(sum(palette, ())))
    return encoded(picture, **options)


def coloured(region, inside, outside):
    return Image.fromarray(
        np.where(region[..., None], inside, outside).astype(np.uint8))


def grey_of(region, value=255):
    return Image.fromarray((region * value).astype(np.uint8))


def soft(region, scale, filter, largest=255):
    """The mask after it was reduced, as read at half of its largest value.

    A region that keeps its size is read to the pixel by the caller.
    """
    height, width = region.shape
    large = grey_of(region).resize((scale * width, scale * height))
    array = np.asarray(large.resize((width, height), filter), float)
    return np.rint(array / array.max() * largest)


def noisy(region, seed=0):
    random = np.random.default_rng(seed)
    return np.where(
        region, random.integers(243, 256, region.shape),
        random.integers(0, 13, region.shape)).astype(np.uint8)


def photograph(region):
    random = np.random.default_rng(0)
    return np.dstack([random.integers(
        1, 255, (*region.shape, 3)), region * 255]).astype(np.uint8)


def strays(region, value):
    mask = np.array(grey_of(region))
    for place in np.argwhere(~region)[[0, -1]]:
        mask[tuple(place)] = value
    return mask


def outlined(region):
    mask = np.array(grey_of(region, 7))
    for shift in (-1, 1):
        for axis in (0, 1):
            mask[np.roll(region, shift, axis) & (mask == 0)] = 255
    return mask


WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (200, 20, 9)
TO_THE_PIXEL = {
    'bool': lambda region: region,
    '1 bit': lambda region: encoded(Image.fromarray(region)),
    'grey': lambda region: encoded(grey_of(region)),
    'maximum 254': lambda region: encoded(grey_of(region, 254)),
    'maximum 238': lambda region: encoded(grey_of(region, 238)),
    'value 1': lambda region: encoded(grey_of(region, 1)),
    'BMP': lambda region: encoded(grey_of(region), 'BMP'),
    'TIFF': lambda region: encoded(
        grey_of(region), 'TIFF', compression='tiff_lzw'),
    'TIFF of numbers': lambda region: encoded(
        Image.fromarray(region.astype(np.float32)), 'TIFF'),
    'TIFF of 16 bits': lambda region: encoded(
        Image.fromarray(region * np.uint16(65535)), 'TIFF'),
    'WebP': lambda region: encoded(
        grey_of(region).convert('RGB'), 'WEBP', lossless=True),
    '16 bits': lambda region: encoded(
        Image.fromarray(region * np.uint16(65535))),
    '12 bits': lambda region: encoded(
        Image.fromarray(region * np.uint16(4095))),
    'palette': lambda region: indexed(region, 1, 0, [BLACK, RED]),
    'palette, index 9': lambda region: indexed(
        region, 9, 0, [BLACK] * 9 + [RED]),
    'palette, index 255': lambda region: indexed(
        region, 255, 0, [BLACK] * 255 + [WHITE]),
    'palette, white first': lambda region: indexed(
        region, 0, 1, [WHITE, BLACK]),
    'palette, red first': lambda region: indexed(
        region, 0, 1, [RED, BLACK]),
    'palette, transparent': lambda region: indexed(
        region, 0, 1, [RED, WHITE], transparency=1),
    'palette and alpha': lambda region: indexed(
        region, 0, 1, [RED, BLACK], transparency=1).convert('PA'),
    'RGB white': lambda region: encoded(grey_of(region).convert('RGB')),
    'RGB red': lambda region: encoded(coloured(region, RED, BLACK)),
    'RGB, white is transparent': lambda region: encoded(
        coloured(region, RED, WHITE), transparency=WHITE),
    'grey, white is transparent': lambda region: encoded(
        grey_of(~region), transparency=255),
    'LA': lambda region: encoded(Image.merge(
        'LA', [Image.new('L', region.shape[::-1]), grey_of(region)])),
    'RGBA': lambda region: encoded(
        coloured(region, (*RED, 255), (*WHITE, 0))),
    'RGBA, opaque': lambda region: encoded(
        coloured(region, (*RED, 255), (*BLACK, 255))),
    'a photograph that was cut out': lambda region: encoded(
        Image.fromarray(photograph(region))),
    'a stray of 1': lambda region: encoded(
        Image.fromarray(strays(region, 1))),
    'a stray of 100': lambda region: strays(region, 100),
    'noise': lambda region: encoded(Image.fromarray(noisy(region))),
    'an outline of 255': lambda region: outlined(region),
}
AT_HALF = {
    f'{name}, {largest}': (filter, largest)
    for name, filter in dict(
        bilinear=Image.Resampling.BILINEAR, bicubic=Image.Resampling.BICUBIC,
        box=Image.Resampling.BOX).items()
    for largest in (255, 254, 238, 65535)}


@st.composite
def discs(draw):
    height, width = draw(st.integers(40, 70)), draw(st.integers(40, 70))
    radius = draw(st.integers(5, 18))
    y, x = np.mgrid[:height, :width]
    return (y - draw(st.integers(3, height - 4))) ** 2 + (
        x - draw(st.integers(3, width - 4))) ** 2 <= radius ** 2


QUICK = settings(
    max_examples=8, deadline=None, derandomize=True, database=None)


@QUICK
@given(region=discs())
@pytest.mark.parametrize('encoding', TO_THE_PIXEL)
def test_a_disc_is_read_to_the_pixel(encoding, region):
    mask = TO_THE_PIXEL[encoding](region)
    found = object_labels(mask, None, 'a.png')
    assert ((found == 1) == region).all()
    assert (found == 255).any() == (encoding == 'an outline of 255')


@QUICK
@given(region=discs(), scale=st.integers(2, 4))
@pytest.mark.parametrize('encoding', AT_HALF)
def test_a_soft_disc_is_read_at_half_of_its_largest_value(
        encoding, region, scale):
    filter, largest = AT_HALF[encoding]
    mask = soft(region, scale, filter, largest)
    mask = mask.astype(np.uint16 if largest > 255 else np.uint8)
    found = object_labels(encoded(Image.fromarray(mask)), None, 'a.png')
    assert (found == (mask >= largest / 2)).all()
    assert np.abs(found.astype(int) - region).sum() <= 0.2 * region.sum()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_any_bytes_are_a_mask_or_one_sentence(tmp_path_factory, data):
    region = data.draw(discs())
    encoding = data.draw(st.sampled_from([
        'grey', '1 bit', '16 bits', 'palette', 'RGBA', 'TIFF', 'BMP', 'WebP',
        'palette, transparent']))
    file = io.BytesIO()
    TO_THE_PIXEL[encoding](region).save(
        file, encoding if encoding in ('TIFF', 'BMP') else 'PNG')
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place:place + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=3))
    path = tmp_path_factory.mktemp('bytes') / 'a.png'
    path.write_bytes(content)
    try:
        found = object_labels(str(path), None, 'a.png')
    except InputError as error:
        assert str(error).strip() and '\n' not in str(error)
    else:
        assert found.dtype == np.uint8 and found.ndim == 2
