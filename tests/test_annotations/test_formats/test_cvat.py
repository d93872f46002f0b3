import json
import zipfile

import annotation_files as files
import numpy as np
import pytest

from mmseg_panet.annotations import convert_cvat
from mmseg_panet.errors import InputError

SIZE = (40, 56)
COLOURS = {
    'background': (0, 0, 0), 'cat': (250, 50, 83), 'dog': (36, 179, 83)}


def indices(seed):
    return np.random.default_rng(seed).integers(0, 3, SIZE)


@pytest.fixture
def export(tmp_path):
    """An export 'Segmentation mask 1.1' with its images."""
    folder = files.write_cvat_masks(
        tmp_path / 'task', COLOURS,
        {'a': indices(0), 'day 1/b.v2': indices(1)}, listed=['c'])
    for stem in ('a', 'day 1/b.v2', 'c'):
        files.save_photograph(
            folder / f'JPEGImages/{stem}.jpg', np.zeros(SIZE, np.uint8))
    return folder


@pytest.mark.parametrize('pack', [lambda folder: folder, files.zipped])
def test_colours_are_read_to_the_pixel(tmp_path, export, pack):
    out = tmp_path / 'out'
    path = pack(export)
    assert convert_cvat(path, out) == ['background', 'cat', 'dog']
    assert (files.mask_of(out, 'a') == indices(0)).all()
    assert (files.mask_of(out, 'day 1/b.v2') == indices(1)).all()
    unpacked = out / 'export' if path.suffix else export
    data = files.read_by_all(out, unpacked / 'JPEGImages', 'dog')
    assert len(data) == 3
    assert data.metainfo['palette'] == [list(c) for c in COLOURS.values()]


def test_a_listed_image_without_a_mask_is_background(tmp_path, export):
    convert_cvat(export, tmp_path / 'out')
    labels = files.mask_of(tmp_path / 'out', 'c')
    assert labels.shape == SIZE
    assert not labels.any()


def test_a_listed_image_without_a_mask_must_exist(tmp_path):
    folder = files.write_cvat_masks(
        tmp_path / 'task', COLOURS, {'a': indices(0)}, listed=['c'])
    with pytest.raises(InputError, match=r'no image c\.\*'):
        convert_cvat(folder, tmp_path / 'out')


def test_masks_without_images_are_converted(tmp_path):
    folder = files.write_cvat_masks(
        tmp_path / 'task', COLOURS, {'a': indices(0)})
    convert_cvat(folder, tmp_path / 'out')
    assert (files.mask_of(tmp_path / 'out', 'a') == indices(0)).all()


def test_labels_are_numbered_in_order_around_the_background(tmp_path):
    colours = {'ant': (9, 9, 9), 'background': (0, 128, 0), 'cat': (1, 2, 3)}
    folder = files.write_cvat_masks(
        tmp_path / 'task', colours, {'a': indices(0)})
    assert convert_cvat(folder, tmp_path / 'out') == [
        'background', 'ant', 'cat']
    ids = np.array([1, 0, 2])
    assert (files.mask_of(tmp_path / 'out', 'a') == ids[indices(0)]).all()


def test_classes_select_and_order_the_labels(tmp_path, export):
    convert_cvat(export, tmp_path / 'out', classes=['dog'])
    labels = files.mask_of(tmp_path / 'out', 'a')
    assert (labels == (indices(0) == 2)).all()


def test_masks_of_the_stored_photograph_are_oriented(tmp_path, export):
    files.save_photograph(
        export / 'JPEGImages/a.jpg', np.zeros(SIZE, np.uint8), 8)
    files.save_photograph(
        export / 'JPEGImages/c.jpg', np.zeros(SIZE, np.uint8), 8)
    convert_cvat(export, tmp_path / 'out')
    labels = files.mask_of(tmp_path / 'out', 'a')
    assert (labels == np.rot90(indices(0))).all()  # counter-clockwise
    assert files.mask_of(tmp_path / 'out', 'c').shape == SIZE[::-1]


def test_a_colour_of_no_label_raises_an_input_error(tmp_path, export):
    text = (export / 'labelmap.txt').read_text()
    (export / 'labelmap.txt').write_text(text.replace('36,179,83', '1,1,1'))
    with pytest.raises(
            InputError, match=r'a\.png has the colour 36,179,83') as caught:
        convert_cvat(export, tmp_path / 'out')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('line', 'sentence'), [
    ('cow:1,2', r'line 5: expected name:r,g,b'),
    ('cow:1,2::', r'line 5: expected name:r,g,b'),
    ('cow:::', r'line 5: expected name:r,g,b'),
    ('cow:1,2,256::', r'line 5: expected name:r,g,b'),
    ('cat:1,2,3::', 'line 5: expected a label and a colour that no other'),
    ('cow:36,179,83::', 'line 5: expected a label and a colour that no other'),
])
def test_a_malformed_label_map_raises_an_input_error(
        tmp_path, export, line, sentence):
    with (export / 'labelmap.txt').open('a') as file:
        file.write(line)
    with pytest.raises(InputError, match=sentence):
        convert_cvat(export, tmp_path / 'out')


def test_labels_without_colours_have_those_of_voc(tmp_path):
    """datumaro writes `cat:::` for labels that have no colours."""
    colours = {'background': (0, 0, 0), 'cat': (128, 0, 0), 'dog': (0, 128, 0)}
    folder = files.write_cvat_masks(
        tmp_path / 'task', colours, {'a': indices(0)})
    (folder / 'labelmap.txt').write_text(
        '# label:color_rgb:parts:actions\ncat:::\nbackground:::\ndog:::\n')
    assert convert_cvat(folder, tmp_path / 'out') == [
        'background', 'cat', 'dog']
    assert (files.mask_of(tmp_path / 'out', 'a') == indices(0)).all()


def test_a_black_label_raises_an_input_error(tmp_path, export):
    (export / 'labelmap.txt').write_text('cat:0,0,0::\n')
    with pytest.raises(InputError, match="line 1: the label 'cat' is black"):
        convert_cvat(export, tmp_path / 'out')


def test_a_path_without_an_export_raises_an_input_error(tmp_path, export):
    with pytest.raises(InputError, match='is not an export of CVAT'):
        convert_cvat(tmp_path, tmp_path / 'out')
    with pytest.raises(InputError, match='is missing'):
        convert_cvat(tmp_path / 'absent.zip', tmp_path / 'out')
    (export / 'labelmap.txt').unlink()
    with pytest.raises(InputError, match=r'labelmap\.txt is missing'):
        convert_cvat(export, tmp_path / 'out')


def test_a_truncated_zip_raises_an_error_and_leaves_no_files(tmp_path, export):
    path = files.zipped(export)
    complete = path.read_bytes()
    path.write_bytes(complete[:len(complete) // 2])
    with pytest.raises(InputError, match=r'task\.zip cannot be unpacked'):
        convert_cvat(path, tmp_path / 'out')
    assert not (tmp_path / 'out/export').exists()
    path.write_bytes(complete)
    convert_cvat(path, tmp_path / 'out')
    assert (files.mask_of(tmp_path / 'out', 'a') == indices(0)).all()


def test_an_encrypted_zip_raises_an_input_error(tmp_path, export):
    path = files.zipped(export)
    with zipfile.ZipFile(path, 'a') as archive:
        for info in archive.filelist:
            info.flag_bits |= 1
        archive.comment = b'encrypted'  # so that the flags are written
    with pytest.raises(InputError, match=r'task\.zip cannot .* encrypted'):
        convert_cvat(path, tmp_path / 'out')


def test_a_list_in_invalid_utf8_raises_an_input_error(tmp_path, export):
    path = export / 'ImageSets/Segmentation/default.txt'
    path.write_bytes('\ufeffa\n'.encode())
    convert_cvat(export, tmp_path / 'out')
    path.write_bytes(b'a\n\xff\n')
    with pytest.raises(InputError, match=r'default\.txt cannot be read'):
        convert_cvat(export, tmp_path / 'out')


def test_a_zip_is_unpacked_again_only_when_it_has_changed(tmp_path, export):
    path, mask = files.zipped(export), tmp_path / 'out/masks/a.png'
    convert_cvat(path, tmp_path / 'out')
    written = mask.stat().st_mtime_ns
    convert_cvat(path, tmp_path / 'out')
    assert mask.stat().st_mtime_ns == written
    files.write_cvat_masks(
        tmp_path / 'later/task', COLOURS, {'a': indices(5)})
    files.zipped(tmp_path / 'later/task').replace(path)
    convert_cvat(path, tmp_path / 'out')
    assert (files.mask_of(tmp_path / 'out', 'a') == indices(5)).all()
    assert len(list((tmp_path / 'out/masks').rglob('*.png'))) == 1


def write_coco_export(folder, subset='default'):
    """An export 'COCO 1.0' of two images."""
    masks = {'a.jpg': indices(0) == 1, 'b.jpg': indices(1) == 1}
    files.write_coco(
        folder / f'annotations/instances_{subset}.json',
        dict.fromkeys(masks, SIZE),
        # CVAT's masks are crowd run-lengths, its polygons are polygons.
        [(name, 1, files.uncompressed(mask), 1)
         for name, mask in masks.items()], {1: 'cat', 2: 'dog'})
    return folder, masks


@pytest.mark.parametrize('images', ['images', 'images/default'])
@pytest.mark.parametrize('pack', [lambda folder: folder, files.zipped])
def test_an_export_as_coco_is_read_to_the_pixel(tmp_path, images, pack):
    folder, masks = write_coco_export(tmp_path / 'task')
    files.save_photograph(folder / images / 'a.jpg', np.zeros(SIZE, np.uint8))
    files.save_photograph(
        folder / images / 'b.jpg', np.zeros(SIZE, np.uint8), 6)
    out, path = tmp_path / 'out', pack(folder)
    assert convert_cvat(path, out) == ['background', 'cat', 'dog']
    assert (files.mask_of(out, 'a') == masks['a.jpg']).all()
    turned = np.rot90(masks['b.jpg'], k=-1)
    assert (files.mask_of(out, 'b') == turned).all()
    unpacked = out / 'export' if path.suffix else folder
    files.read_by_all(out, unpacked / images, 'cat')


def test_several_subsets_raise_an_input_error(tmp_path):
    folder, _ = write_coco_export(tmp_path / 'task', 'train')
    write_coco_export(folder, 'val')
    with pytest.raises(InputError, match=(
            r'has 2 subsets with the same images such as a\.jpg, .*: '
            r'annotations/instances_train\.json, .*; convert them one by one, '
            'as COCO')):
        convert_cvat(folder, tmp_path / 'out')


def test_subsets_of_different_images_are_read_together(tmp_path):
    folder = tmp_path / 'project'
    for subset in ('Train', 'Validation'):
        write_coco_export(folder, subset)
        for name in ('a.jpg', 'b.jpg'):
            files.save_photograph(
                folder / 'images' / subset / name, np.zeros(SIZE, np.uint8))
    out = tmp_path / 'out'
    convert_cvat(folder, out)
    assert (out / 'images.txt').read_text().split() == [
        f'images/{subset}/{stem}' for subset in ('Train', 'Validation')
        for stem in 'ab']
    files.read_by_all(out, folder, 'cat')


def test_boxes_of_an_export_as_coco_are_filled_by_a_switch(tmp_path):
    folder, _ = write_coco_export(tmp_path / 'task')
    path = folder / 'annotations/instances_default.json'
    data = json.loads(path.read_text())
    data['annotations'] = [
        data['annotations'][0] | dict(segmentation=[], bbox=[2, 1, 3, 4])]
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r'1 of 1 object; .*\(--boxes\)'):
        convert_cvat(folder, tmp_path / 'out')
    convert_cvat(folder, tmp_path / 'out', boxes=True)
    expected = np.zeros(SIZE, np.uint8)
    expected[1:5, 2:5] = 1
    assert (files.mask_of(tmp_path / 'out', 'a') == expected).all()


@pytest.mark.parametrize('hostile', [
    lambda folder: (folder / 'annotations').rename(folder / 'else'),
    lambda folder: (
        folder / 'annotations/instances_default.json').write_text('['),
    lambda folder: (folder / 'masks').symlink_to('/etc'),
])
def test_nothing_of_a_refused_zip_stays(tmp_path, hostile):
    folder, _ = write_coco_export(tmp_path / 'task')
    hostile(folder)
    path = folder.with_suffix('.zip')
    with zipfile.ZipFile(path, 'w') as archive:
        for file in sorted(folder.rglob('*')):
            if file.is_symlink():
                entry = zipfile.ZipInfo(file.name)
                entry.create_system, entry.external_attr = 3, 0o120777 << 16
                archive.writestr(entry, '/etc')
            else:
                archive.write(file, file.relative_to(folder))
    with pytest.raises(InputError):
        convert_cvat(path, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_refused_zip_leaves_an_earlier_export_as_it_was(tmp_path, export):
    path = files.zipped(export)
    convert_cvat(path, tmp_path / 'out')
    before = sorted((tmp_path / 'out').rglob('*'))
    with zipfile.ZipFile(path, 'a') as archive:
        archive.writestr('../evil.txt', 'x')
    with pytest.raises(InputError, match='lies outside the folder'):
        convert_cvat(path, tmp_path / 'out')
    assert sorted((tmp_path / 'out').rglob('*')) == before
    assert not list(tmp_path.rglob('evil.txt'))
