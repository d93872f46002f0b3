import annotation_files as files
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports
from mmseg_panet.inference.supports.support import Support

SIZE = (24, 32)
CAT, DOG = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
CAT[3:9, 4:15] = True
DOG[12:20, 10:31] = True
BOXES = {'cat': (3, 9, 4, 15), 'dog': (12, 20, 10, 31)}  # y, y, x, x
BOTH = CAT + 2 * DOG
COLOURS = {
    'background': (0, 0, 0), 'cat': (250, 50, 83), 'dog': (36, 179, 83)}


def photograph(path, orientation=None):
    files.save_photograph(path, np.zeros(SIZE, np.uint8), orientation)


def polygons(folder):
    return coco(folder, *(
        [files.box_polygon(*BOXES[name])] for name in BOXES))


def run_lengths(folder):
    return coco(folder, files.uncompressed(CAT), files.uncompressed(DOG))


def compressed(folder):
    return coco(folder, files.compressed(CAT), files.compressed(DOG))


def coco_folder(folder):
    return polygons(folder).parent


def coco(folder, cat, dog):
    photograph(folder / 'images/b.jpg')
    return files.write_coco(
        folder / 'a.json', {'b.jpg': SIZE},
        [('b.jpg', 3, cat, 0), ('b.jpg', 7, dog, 1)], {7: 'dog', 3: 'cat'})


def boxes(folder):
    """Write boxes only, as some tools do."""
    path = coco(folder, [], None)
    text = path.read_text()
    for top, bottom, left, right in BOXES.values():
        text = text.replace(
            '[0, 0, 1, 1]', str([left, top, right - left, bottom - top]), 1)
    path.write_text(text)
    return path


def labelme(folder):
    """The last pixels are labelme's outline."""
    photograph(folder / 'b.jpg')
    return files.write_labelme(folder / 'b.json', SIZE, [
        files.shape(name, 'polygon', [
            [left, top], [right - 1, top], [right - 1, bottom - 1],
            [left, bottom - 1]])
        for name, (top, bottom, left, right) in BOXES.items()])


def labelme_folder(folder):
    files.write_labelme(folder / 'c.json', SIZE, [])
    return labelme(folder).parent


def cvat_masks(folder):
    files.write_cvat_masks(folder, COLOURS, {'b': BOTH.astype(int)}, ['c'])
    for stem in ('b', 'c'):
        photograph(folder / f'JPEGImages/{stem}.jpg')
    return folder


def cvat_coco(folder):
    path = polygons(folder)
    path.parent.joinpath('annotations').mkdir()
    path.rename(folder / 'annotations/instances_default.json')
    return folder


def plain(folder):
    photograph(folder / 'images/b.jpg')
    photograph(folder / 'images/without a mask.jpg')
    (folder / 'masks').mkdir()
    Image.fromarray(BOTH.astype(np.uint8)).save(folder / 'masks/b.png')
    (folder / 'classes.txt').write_text('background\ncat\ndog\ncow\n')
    return folder


@pytest.mark.parametrize('write', [
    polygons, run_lengths, compressed, coco_folder, boxes, labelme,
    labelme_folder, cvat_masks, lambda folder: files.zipped(
        cvat_masks(folder)), cvat_coco, lambda folder: files.zipped(
        cvat_coco(folder)), plain])
def test_every_form_agrees_with_a_png_to_the_pixel(tmp_path, write):
    supports = read_supports(write(tmp_path / 'in'))
    assert list(supports) == ['cat', 'dog']
    for i, (name, (support,)) in enumerate(supports.items(), start=1):
        path = tmp_path / f'{name}.png'
        Image.fromarray((i == BOTH).astype(np.uint8)).save(path)
        pair, = read_supports({name: [(support.image, path)]})[name]
        found = support.rasterize(SIZE)
        assert ((found == i) == pair.rasterize(SIZE)).all()
        assert (found == BOTH).all()
        assert support.names[:2] == ('cat', 'dog')
        assert support.class_name == name
        with Image.open(support.image) as picture:
            assert picture.size == SIZE[::-1]


@pytest.mark.parametrize('write', [polygons, labelme, cvat_masks, plain])
def test_supports_of_one_image_share_the_key_of_their_labels(tmp_path, write):
    source = write(tmp_path / 'in')
    (cat,), (dog,) = read_supports(source).values()
    assert cat.labels_key == dog.labels_key
    again, = read_supports(source)['cat']
    assert again.labels_key != cat.labels_key


@pytest.mark.parametrize('write', [polygons, labelme, cvat_masks, plain])
def test_labels_of_a_stored_photograph_are_turned_with_it(tmp_path, write):
    source = write(tmp_path / 'in')
    path, = tmp_path.rglob('b.jpg')
    photograph(path, 6)
    support, = read_supports(source)['dog']
    found = support.rasterize(SIZE[::-1])
    assert (found == np.rot90(BOTH, k=-1)).all()  # clockwise


@pytest.mark.parametrize('write', [polygons, labelme, cvat_masks, plain])
def test_images_may_lie_elsewhere(tmp_path, write):
    source = write(tmp_path / 'in')
    images = tmp_path / 'elsewhere'
    images.mkdir()
    for path in [*tmp_path.rglob('b.jpg'), *tmp_path.rglob('c.jpg')]:
        path.rename(images / path.name)
    with pytest.raises(InputError, match=r'no image .*b'):
        read_supports(source)
    support, = read_supports(source, images)['dog']
    assert support.image == str(images / 'b.jpg')
    assert (support.rasterize(SIZE) == BOTH).all()


def test_a_missing_image_is_named_with_its_suffix(tmp_path):
    path = files.write_labelme(tmp_path / 'b.json', SIZE, [
        files.shape('cat', 'rectangle', [[2, 2], [9, 9]])])
    with pytest.raises(
            InputError, match=r'no image .*/b\.jpg; .*\(--image-dir\)'):
        read_supports(path)


def test_photographs_that_are_not_read_are_counted(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.warn_once.print_log',
        lambda text, *_: said.append(text))
    (plain(tmp_path / 'in') / 'images/x.heic').touch()
    read_supports(tmp_path / 'in')
    note, = said
    assert note.startswith(f'skipped 1 file of {tmp_path}/in, as .heic is not')


def test_a_coco_file_may_lie_among_its_images(tmp_path):
    path = polygons(tmp_path)
    (tmp_path / 'images/b.jpg').rename(tmp_path / 'b.jpg')
    support, = read_supports(path)['cat']
    assert support.image == str(tmp_path / 'b.jpg')


@pytest.mark.parametrize('write', [polygons, labelme, cvat_masks, plain])
def test_no_image_is_decoded_before_it_is_rasterized(tmp_path, write):
    source = write(tmp_path / 'in')
    for path in [*tmp_path.rglob('b.jpg'), *tmp_path.rglob('c.jpg')]:
        path.write_bytes(b'not decoded')
    support, = read_supports(source)['cat']
    assert (support.rasterize(SIZE) == BOTH).all()


def test_an_image_of_another_size_is_a_sentence(tmp_path):
    support, = read_supports(polygons(tmp_path))['cat']
    with pytest.raises(
            InputError, match=r'a\.json, class .cat. in .*b\.jpg: .* of '
            '40x30 pixels as its image, got 32x24'):
        support.rasterize((30, 40))


def test_a_bbox_outside_its_image_names_the_annotation(tmp_path):
    path = boxes(tmp_path)
    path.write_text(path.read_text().replace('[4, 3, 11, 6]', '[30, 3, 9, 6]'))
    support, = read_supports(path)['cat']
    with pytest.raises(InputError, match=r'annotation 1000: expected a box'):
        support.rasterize(SIZE)


def test_a_covered_object_is_a_sentence(tmp_path):
    photograph(tmp_path / 'b.jpg')
    path = files.write_labelme(tmp_path / 'b.json', SIZE, [
        files.shape(name, 'rectangle', [[2, 2], [9, 9]])
        for name in ('cat', 'dog')])
    supports = read_supports(path)
    assert (supports['dog'][0].rasterize(SIZE) == 2).sum() == 64
    with pytest.raises(InputError, match=r'class .cat. .* got none'):
        supports['cat'][0].rasterize(SIZE)


def broken_plain(part):
    def write(folder):
        plain(folder)
        path = folder / part
        path.rename(folder / 'elsewhere')
        return folder
    return write


def id_0_is_a_class(folder):
    plain(folder).joinpath('classes.txt').write_text('0 cat\n1 dog\n2 cow\n')
    return folder


def nothing_annotated(folder):
    photograph(folder / 'b.jpg')
    return files.write_coco(folder / 'a.json', {'b.jpg': SIZE}, [],
                            {1: 'cat'})


@pytest.mark.parametrize(('write', 'sentence'), [
    (broken_plain('images'), 'got no folder .*images'),
    (broken_plain('masks'), 'got no folder .*masks'),
    (broken_plain('images/b.jpg'), r'no image b\.\*'),
    (id_0_is_a_class, "expected 'background' as the class 0, got 'cat'"),
    (nothing_annotated, r"a\.json: .* shows one of \['cat'\], got none"),
])
def test_what_is_missing_is_a_sentence(tmp_path, write, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read_supports(write(tmp_path / 'in'))
    assert '\n' not in str(caught.value)


def test_the_size_of_the_image_is_compared_before_labels_are_allocated():
    support = Support(
        'cat', ('cat',), 'a.jpg', lambda size: pytest.fail('allocated'),
        'a.json, class cat', labels_size=(1 << 15, 1 << 15))
    with pytest.raises(InputError, match='of 8x8 pixels .* got 32768x32768'):
        support.rasterize((8, 8))
