import annotation_files as files
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.annotations.mask_channels import values_of
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import annotated_files, read_supports
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
        'mmseg_panet.notices.print_log',
        lambda text, *_: said.append(text))
    (plain(tmp_path / 'in') / 'images/x.heic').touch()
    read_supports(tmp_path / 'in')
    note, absent = said
    assert note.startswith(f'skipped 1 file of {tmp_path}/in, as .heic is not')
    assert 'cow' in absent


def test_a_coco_file_may_lie_among_its_images(tmp_path):
    path = polygons(tmp_path)
    (tmp_path / 'images/b.jpg').rename(tmp_path / 'b.jpg')
    support, = read_supports(path)['cat']
    assert support.image == str(tmp_path / 'b.jpg')


def test_the_images_of_fiftyone_are_in_data(tmp_path):
    path = polygons(tmp_path)
    (tmp_path / 'images').rename(tmp_path / 'data')
    for source in (path, tmp_path):
        support, = read_supports(source)['cat']
        assert support.image == str(tmp_path / 'data/b.jpg')


def test_the_labels_of_datumaro_are_skipped(tmp_path):
    path = polygons(tmp_path)
    text = path.read_text()
    path.unlink()
    for name in ('instances', 'labels'):
        (tmp_path / f'{name}_default.json').write_text(text)
    assert len(read_supports(tmp_path)['cat']) == 1


@pytest.mark.parametrize('folder', ['images', '.', '../images', '../val'])
def test_a_coco_file_in_annotations_finds_the_images_around_it(
        tmp_path, folder):
    path = coco(tmp_path, [files.box_polygon(*BOXES['cat'])],
                [files.box_polygon(*BOXES['dog'])])
    (tmp_path / 'annotations').mkdir()
    path = path.rename(tmp_path / 'annotations/instances_val.json')
    image = path.parent / folder / 'b.jpg'
    image.parent.mkdir(exist_ok=True)
    (tmp_path / 'images/b.jpg').rename(image)
    for source in (path, tmp_path):
        support, = read_supports(source)['cat']
        assert image.samefile(support.image)


def test_the_sentence_asks_for_image_dir_only_if_it_was_not_given(tmp_path):
    path = polygons(tmp_path)
    (tmp_path / 'images/b.jpg').unlink()
    with pytest.raises(InputError, match=(
            r"a\.json: there is no image 'b\.jpg' in .*images and "
            '.*; put it there, or give the folder of the images as')):
        read_supports(path)
    with pytest.raises(InputError, match=(
            "no image 'b.jpg' in .*images, neither by its path nor by its "
            'name; put it there, or give another folder')):
        read_supports(path, tmp_path / 'images')


def test_an_image_without_objects_need_not_exist(tmp_path):
    path = polygons(tmp_path)
    path.write_text(path.read_text().replace('"images": [', (
        '"images": [{"id": 9, "file_name": "c.jpg", "height": 9, '
        '"width": 9}, ')))
    assert len(read_supports(path)['cat']) == 1
    assert len(read_supports(path, tmp_path / 'images')['cat']) == 1


def test_the_splits_of_a_folder_are_read_together(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log', lambda text, *_: said.append(text))
    for split in ('train', 'valid', 'test'):
        path = polygons(tmp_path / split)
        (tmp_path / split / 'images/b.jpg').rename(tmp_path / split / 'b.jpg')
        path.rename(path.with_name('_annotations.coco.json'))
    (tmp_path / 'train/_annotations.createml.json').write_text(
        '[{"image": "b.jpg", "annotations": []}]')
    supports = read_supports(tmp_path)
    assert [one.image for one in supports['dog']] == [
        str(tmp_path / split / 'b.jpg') for split in (
            'test', 'train', 'valid')]
    assert ['read together' in text for text in said] == [True]


def test_two_files_of_the_same_images_are_a_sentence(tmp_path):
    path = polygons(tmp_path)
    path.with_name('b.json').write_text(path.read_text())
    with pytest.raises(InputError, match=(
            r'has 2 COCO files with the same images .*: a\.json, b\.json; '
            'give one of them')):
        read_supports(tmp_path)


@pytest.mark.parametrize('write', [polygons, labelme, cvat_masks, plain])
def test_no_image_is_decoded_before_it_is_rasterized(tmp_path, write):
    source = write(tmp_path / 'in')
    for path in [*tmp_path.rglob('b.jpg'), *tmp_path.rglob('c.jpg')]:
        path.write_bytes(b'not decoded')
    support, = read_supports(source)['cat']
    assert (support.rasterize(SIZE) == BOTH).all()


@pytest.mark.parametrize('write', [polygons, labelme])
def test_json_may_have_the_encoding_of_windows(tmp_path, write):
    path = write(tmp_path)
    path.write_text(path.read_text(), 'utf-16')
    for source in (path, tmp_path):
        support, = read_supports(source)['cat']
        assert (support.rasterize(SIZE) == BOTH).all()


def test_an_image_of_another_size_is_a_sentence(tmp_path):
    support, = read_supports(polygons(tmp_path))['cat']
    with pytest.raises(
            InputError, match=r'a\.json, class .cat. in .*b\.jpg: .* of '
            '40x30 pixels as its image, got 32x24'):
        support.rasterize((30, 40))


def test_a_malformed_bbox_names_the_annotation(tmp_path):
    path = boxes(tmp_path)
    path.write_text(path.read_text().replace('[4, 3, 11, 6]', '[4, 3, -1, 6]'))
    support, = read_supports(path)['cat']
    with pytest.raises(InputError, match=r'annotation 1000: expected a box'):
        support.rasterize(SIZE)


def test_a_bbox_that_extends_beyond_its_image_is_cut_off(tmp_path):
    path = boxes(tmp_path)
    path.write_text(path.read_text().replace('[4, 3, 11, 6]', '[30, 3, 9, 6]'))
    support, = read_supports(path)['cat']
    expected = np.zeros(SIZE, bool)
    expected[3:9, 30:32] = True
    assert ((support.rasterize(SIZE) == 1) == expected).all()


def covered_cat(folder):
    photograph(folder / 'b.jpg')
    return files.write_labelme(folder / 'b.json', SIZE, [
        files.shape(name, 'rectangle', [[2, 2], [9, 9]])
        for name in ('cat', 'dog')])


def test_a_covered_object_is_left_out(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_panet.notices.print_log', lambda text, *_: said.append(text))
    path = covered_cat(tmp_path)
    assert list(read_supports(path)) == ['dog']
    note, = said
    assert note.startswith('left out 1 example without a pixel of the class')
    assert note.endswith(
        f"the first is {path}, class 'cat' in {tmp_path}/b.jpg; nothing is "
        "left of ['cat'], which is not registered")


def test_a_covered_object_among_many_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(annotated_files, '_FEW', 1)
    supports = read_supports(covered_cat(tmp_path))
    assert (supports['dog'][0].rasterize(SIZE) == 2).sum() == 64
    with pytest.raises(InputError, match=r'class .cat. .* got none'):
        supports['cat'][0].rasterize(SIZE)


@pytest.mark.parametrize('write', [polygons, labelme, cvat_masks, plain])
def test_an_image_is_rasterized_once_when_it_is_read(
        tmp_path, monkeypatch, write):
    calls = []
    monkeypatch.setattr(
        annotated_files, 'values_of',
        lambda labels: calls.append(1) or values_of(labels))
    read_supports(write(tmp_path))
    assert len(calls) <= 1 + (write is cvat_masks)  # of two images


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


def without_annotations(folder):
    """COCO's image_info_*.json has images and categories."""
    path = nothing_annotated(folder)
    path.write_text(path.read_text().replace('"annotations"', '"x"'))
    return path


def other_json(folder):
    folder.mkdir()
    (folder / 'a.json').write_text('{"version": 5}')
    return folder / 'a.json'


@pytest.mark.parametrize(('write', 'sentence'), [
    (without_annotations, r"a\.json: expected a list 'annotations'"),
    (other_json, r'a\.json: expected a file of COCO.*, got another one'),
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
