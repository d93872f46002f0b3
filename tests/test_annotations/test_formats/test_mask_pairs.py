import annotation_files as files
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.annotations.formats.mask_pairs import (
    list_mask_pairs,
    pair_dirs,
)
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports

SIZE = (16, 24)
SQUARE = np.zeros(SIZE, np.uint8)
SQUARE[2:9, 3:12] = 1


def pair(folder, stem, mask, dirs=('images', 'masks'), end='.png', **how):
    files.save_photograph(
        folder / f'{dirs[0]}/{stem}.jpg', np.zeros(SIZE, np.uint8))
    path = folder / f'{dirs[1]}/{stem}{end}'
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path, **how)
    return path


@pytest.mark.parametrize('dirs', [
    ('images', 'masks'), ('img', 'mask'), ('image', 'label'), ('imgs', 'gts'),
    ('images', 'labels'), ('images/train', 'labels/train'),
    ('Images', 'GT'), ('img_dir/train', 'ann_dir/train'),
    ('train/images', 'train/masks')])
def test_masks_of_one_object_need_the_name_of_the_class(tmp_path, dirs):
    pair(tmp_path / 'in', 'a', 255 * SQUARE, dirs)
    pair(tmp_path / 'in', 'b', 255 * SQUARE, dirs)
    with pytest.raises(InputError, match=(
            r"expected the name of the class .* as \{'NAME': '.*/in'\} in "
            'Python, or as --class-name NAME')) as caught:
        read_supports(tmp_path / 'in')
    assert '\n' not in str(caught.value)
    for source in (tmp_path / 'in', str(tmp_path / 'in'),
                   files.zipped(tmp_path / 'in')):
        supports = read_supports({'crack': source})
        assert list(supports) == ['crack']
        assert [one.image[-5:] for one in supports['crack']] == [
            'a.jpg', 'b.jpg']
        for one in supports['crack']:
            assert (one.rasterize(SIZE) == SQUARE).all()


@pytest.mark.parametrize('end', [
    '.png', '_mask.png', '_gt.PNG', '_segmentation.png', '.tif', '.bmp',
    '_L.png', '_mask.gif', '.pgm'])
def test_masks_may_have_other_names_and_lossless_formats(tmp_path, end):
    pair(tmp_path, 'a', 255 * SQUARE, end=end)
    pair(tmp_path, 'deep/a', 255 * SQUARE, end=end)
    files.save_photograph(
        tmp_path / 'masks/.a.jpg', np.zeros(SIZE, np.uint8))
    first, second = read_supports({'crack': tmp_path})['crack']
    assert (first.rasterize(SIZE) == SQUARE).all()
    assert second.image.endswith('images/deep/a.jpg')


def test_masks_may_lie_deeper_than_their_images(tmp_path):
    """As in annotations/trimaps of the Oxford-IIIT Pets."""
    pair(tmp_path, 'a', 255 * SQUARE)
    (tmp_path / 'masks/deep').mkdir()
    (tmp_path / 'masks/a.png').rename(tmp_path / 'masks/deep/a.png')
    assert len(read_supports({'cat': tmp_path})['cat']) == 1


def test_only_lossless_masks_of_webp_are_read(tmp_path):
    path = pair(tmp_path, 'a', 255 * SQUARE, end='.webp', lossless=True)
    (one,) = read_supports({'crack': tmp_path})['crack']
    assert (one.rasterize(SIZE) == SQUARE).all()
    exif = Image.Exif()
    exif[0x0112] = 1  # an extended file, whose pixels come later
    Image.fromarray(255 * SQUARE).save(path, lossless=True, exif=exif)
    assert len(read_supports({'crack': tmp_path})['crack']) == 1
    for how in (dict(), dict(exif=exif)):
        Image.fromarray(255 * SQUARE).save(path, **how)
        with pytest.raises(InputError, match=(
                r'a\.webp: expected a mask of a format that keeps its')):
            read_supports({'crack': tmp_path})
    path.write_bytes(b'RIFF')
    with pytest.raises(InputError, match='keeps its values'):
        read_supports({'crack': tmp_path})


def test_jpeg_masks_are_refused_with_the_reason(tmp_path):
    pair(tmp_path, 'a', 255 * SQUARE, end='.jpg')
    for source in (tmp_path, {'crack': tmp_path}):
        with pytest.raises(InputError, match=(
                r'a\.jpg: .* compressed with losses; save the masks as PNG')):
            read_supports(source)


@pytest.mark.parametrize(('values', 'remedy'), [
    ((1, 2, 3), 'the lines `1 NAME`, `2 NAME` and `3 NAME`'),
    ((1, 3), 'the lines `1 NAME`, `2 NAME` and `3 NAME`'),
])
def test_masks_of_several_classes_propose_a_list(tmp_path, values, remedy):
    mask = SQUARE.copy()
    for i, value in enumerate(values):
        mask[2:9, 3 * i:3 * i + 3] = value
    mask[0] = 255
    pair(tmp_path, 'a', mask, ('img', 'label'), '_mask.png')
    pair(tmp_path, 'b', SQUARE, ('img', 'label'), '_mask.png')
    with pytest.raises(InputError, match=(
            rf'expected classes\.txt beside img/ and label/, got none; write '
            f'it, with {remedy}')) as caught:
        read_supports(tmp_path)
    lines = str(caught.value).split('`')[1::2]
    (tmp_path / 'classes.txt').write_text('\n'.join(
        line.replace('NAME', f'class{line[0]}') for line in lines))
    supports = read_supports(tmp_path)
    assert list(supports) == [f'class{value}' for value in values]
    assert (supports['class3'][0].rasterize(SIZE) == mask).all()


def test_greys_that_are_no_ids_propose_a_list_of_colours(tmp_path):
    greys = np.zeros(SIZE, np.uint8)
    greys[2:5], greys[7:9] = 100, 200
    pair(tmp_path, 'a', greys)
    with pytest.raises(InputError, match=(
            'the lines `1 NAME 100,100,100` and `2 NAME 200,200,200`'
    )) as caught:
        read_supports(tmp_path)
    lines = str(caught.value).split('`')[1::2]
    (tmp_path / 'classes.txt').write_text('\n'.join(
        line.replace('NAME', f'class{line[0]}') for line in lines))
    (support,) = read_supports(tmp_path)['class2']
    assert (support.rasterize(SIZE) == greys // 100).all()


def test_coloured_masks_propose_a_list_of_colours(tmp_path):
    colours = np.zeros((*SIZE, 3), np.uint8)
    colours[2:5], colours[7:9] = (250, 50, 83), (0, 0, 200)
    pair(tmp_path, 'a', colours)
    with pytest.raises(InputError, match=(
            'the lines `1 NAME 0,0,200` and `2 NAME 250,50,83`')) as caught:
        read_supports(tmp_path)
    lines = str(caught.value).split('`')[1::2]
    (tmp_path / 'classes.txt').write_text('\n'.join(
        line.replace('NAME', f'class{line[0]}') for line in lines))
    supports = read_supports(tmp_path)
    expected = np.zeros(SIZE)
    expected[2:5], expected[7:9] = 2, 1
    assert (supports['class2'][0].rasterize(SIZE) == expected).all()


def test_an_image_with_two_masks_raises_an_input_error(tmp_path):
    pair(tmp_path, 'a', SQUARE)
    for end in ('_mask.png', '.tif'):
        other = pair(tmp_path, 'a', SQUARE, end=end)
        with pytest.raises(InputError, match=r'a\.png and .*|.* and .*a\.png'):
            read_supports({'crack': tmp_path})
        other.unlink()
    (tmp_path / 'labels').mkdir()
    Image.fromarray(SQUARE).save(tmp_path / 'labels/a.png')
    with pytest.raises(InputError, match=(
            'expected one folder of masks, got labels and masks; rename')):
        read_supports(tmp_path)


def test_a_mask_without_an_image_raises_an_input_error(tmp_path):
    pair(tmp_path, 'a', SQUARE)
    Image.fromarray(SQUARE).save(tmp_path / 'masks/b.png')
    with pytest.raises(InputError, match=r'there is no image b\.\* in .*'):
        read_supports({'crack': tmp_path})


def test_images_without_a_mask_are_counted(tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(
        'mmseg_panet.annotations.formats.mask_pairs.warn',
        notes.append)
    pair(tmp_path, 'a', SQUARE)
    for stem in ('b', 'c'):
        files.save_photograph(tmp_path / f'images/{stem}.jpg', SQUARE)
    assert len(list_mask_pairs(*pair_dirs(tmp_path))) == 1
    assert not notes
    assert len(read_supports({'crack': tmp_path})['crack']) == 1
    assert '2 images without a mask' in notes[0]
    assert notes[0].endswith('left out, the first is b')


def test_a_class_may_have_folders_of_images_and_masks(tmp_path):
    pair(tmp_path / 'crack', 'a', SQUARE)
    pair(tmp_path / 'rust', 'b', SQUARE, ('img', 'gt'))
    supports = read_supports(tmp_path)
    assert list(supports) == ['crack', 'rust']
    assert (supports['rust'][0].rasterize(SIZE) == SQUARE).all()


@pytest.mark.parametrize('above', ['', 'set/'])
def test_a_zip_may_contain_folders_of_classes(tmp_path, above):
    folder = tmp_path / 'pack'
    for name in ('cat', 'dog'):
        pair(folder / above, 'a', SQUARE, (name, name))
    assert list(read_supports(files.zipped(folder))) == ['cat', 'dog']


def test_a_zip_may_contain_one_class(tmp_path):
    pair(tmp_path / 'pack', 'a', SQUARE, ('cat', 'cat'))
    path = files.zipped(tmp_path / 'pack')
    assert list(read_supports(path)) == ['cat']
    assert list(read_supports({'dog': path})) == ['dog']


COLOURS = np.zeros((*SIZE, 3), np.uint8)
COLOURS[2:5], COLOURS[7:9], COLOURS[12:] = (
    (250, 50, 83), (64, 128, 64), (1, 2, 3))


@pytest.mark.parametrize(('name', 'lines'), [
    ('label_colors.txt', '1 2 3\tvan\n0 0 0 Void\n64 128 64\tAnimal\n'
     '250 50 83 My car\n'),
    ('class_dict.csv', 'name,r,g,b\nvan, 1, 2, 3\nVoid,0,0,0\n'
     'Animal,64,128,64\nMy car,250,50,83\n')])
@pytest.mark.parametrize('dirs', [
    ('train', 'trainannot'), ('val', 'val_labels'), ('images', 'masks')])
def test_the_folders_and_the_list_of_camvid_are_read(
        tmp_path, name, lines, dirs):
    pair(tmp_path, '0001TP', COLOURS, dirs, '_L.png')
    (tmp_path / name).write_text(lines)
    expected = np.zeros(SIZE)
    expected[2:5], expected[7:9], expected[12:] = 3, 2, 1
    for source in (tmp_path, files.zipped(tmp_path)):
        supports = read_supports(source)
        assert list(supports) == ['van', 'Animal', 'My car']
        assert (supports['van'][0].rasterize(SIZE) == expected).all()


def test_a_list_of_names_only_has_the_colours_of_pascal_voc(tmp_path):
    # datumaro writes it for classes without colours.
    colours = np.zeros((*SIZE, 3), np.uint8)
    colours[2:5], colours[7:9] = (128, 0, 0), (0, 128, 0)
    pair(tmp_path, 'a', colours, ('train', 'trainannot'))
    (tmp_path / 'label_colors.txt').write_text(' background\n cat\n 007 x\n')
    supports = read_supports(tmp_path)
    assert list(supports) == ['cat', '007 x']
    found = supports['cat'][0].rasterize(SIZE)
    assert (found[2:5] == 1).all()
    assert (found[7:9] == 2).all()
    assert np.count_nonzero(found) == np.count_nonzero(colours)


@pytest.mark.parametrize(('lines', 'sentence'), [
    ('1 2 cat\n', 'line 1: expected `r g b name` with numbers of 0..255'),
    ('1 2 300 cat\n', 'line 1: expected `r g b name`'),
    ('1 2 3 cat\n1 2 3 dog\n', r'\(1, 2, 3\) more than once'),
    ('1 2 3 background\n', "got 'background', which stands for"),
    ('1 2 3 cat\n', 'has the colour 64,128,64, which belongs to no class'),
])
def test_a_malformed_list_of_colours_raises_an_input_error(
        tmp_path, lines, sentence):
    pair(tmp_path, 'a', COLOURS)
    (tmp_path / 'label_colors.txt').write_text(lines)
    with pytest.raises(InputError, match=sentence):
        read_supports(tmp_path)
