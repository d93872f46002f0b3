import os

import numpy as np
import pytest
from image_files import oriented_bytes, tiff_bytes
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_panet.datasets import class_index as module
from mmseg_panet.datasets import load_class_index
from mmseg_panet.datasets.transforms import (
    LoadOrientedImage,
    LoadWideAnnotations,
)
from mmseg_panet.errors import InputError


@pytest.fixture
def data(tmp_path):
    """The infos of two images of 4x6 with masks, and their folder."""
    infos = []
    masks = np.zeros((2, 4, 6), np.uint8)
    masks[0, 0] = 1  # 6 pixels
    masks[1, :2, :3] = 2  # 6 pixels
    masks[1, 3] = 255  # 6 ignored
    for i, mask in enumerate(masks):
        paths = tmp_path / f'{i}.jpg', tmp_path / f'{i}.png'
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(paths[0])
        Image.fromarray(mask).save(paths[1])
        infos.append(dict(
            img_path=str(paths[0]), seg_map_path=str(paths[1]),
            label_map=None, reduce_zero_label=False, seg_fields=[]))
    return infos, tmp_path


def load(data, num_classes=3, **changes):
    infos, folder = data
    return load_class_index(
        [info | changes for info in infos], num_classes, LoadAnnotations(),
        cache_dir=folder / 'cache')


def test_pixels_of_every_class_are_counted(data):
    index = load(data)
    assert index.counts.tolist() == [[18, 6, 0], [12, 0, 6]]
    assert index.areas.tolist() == [24, 24]


def test_ids_of_16_bits_are_counted(data):
    infos, folder = data
    for info, ids in zip(infos, ([[255, 299]], [[0, 65535]]), strict=True):
        mask = np.tile(np.array(ids, np.uint16), (4, 3))  # 12 pixels each
        Image.fromarray(mask).save(info['seg_map_path'])
    index = load_class_index(
        infos, 300, LoadWideAnnotations(), folder / 'cache')
    assert index.counts.shape == (2, 300)
    assert [row.nonzero()[0].tolist() for row in index.counts] == [
        [255, 299], [0]]
    assert index.counts.max(1).tolist() == [12, 12]
    assert index.areas.tolist() == [24, 24]
    with pytest.raises(InputError, match=r'\[299\]: .* 0\.\.298, or 65535'):
        load_class_index(infos, 299, LoadWideAnnotations(), folder / 'cache')


def test_images_with_a_class_have_its_minimum_area(data):
    index = load(data)
    assert index.images_with(0).tolist() == [0, 1]
    assert index.images_with(0, min_area=13).tolist() == [0]
    assert index.images_with(0, min_area=0.5).tolist() == [0, 1]
    assert index.images_with(0, min_area=0.51).tolist() == [0]
    assert index.images_with(1, min_area=0).tolist() == [0]


def test_labels_are_counted_after_the_data_sets_mapping(data):
    index = load(data, reduce_zero_label=True)
    assert index.counts.tolist() == [[6, 0, 0], [0, 6, 0]]
    index = load(data, label_map={0: 1, 1: 0, 2: 255})
    assert index.counts.tolist() == [[6, 18, 0], [0, 12, 0]]


def test_the_index_is_built_once_and_again_when_a_mask_changes(
        data, monkeypatch):
    builds = []
    build = module._build
    monkeypatch.setattr(
        module, '_build', lambda *a: builds.append(1) or build(*a))
    load(data)
    load(data)
    assert len(builds) == 1
    mask = data[0][0]['seg_map_path']
    Image.fromarray(np.ones((4, 6), np.uint8)).save(mask)
    assert load(data).counts[0].tolist() == [0, 24, 0]
    os.utime(mask, ns=(1, 1))
    load(data)
    assert len(builds) == 3


def test_a_damaged_cache_is_built_again(data):
    load(data)
    cached, = (data[1] / 'cache/class_index').iterdir()
    cached.write_bytes(cached.read_bytes()[:100])
    assert load(data).counts.tolist() == [[18, 6, 0], [12, 0, 6]]


def test_the_size_of_a_photograph_is_that_after_its_orientation(data):
    image = data[0][0]['img_path']
    exif = Image.Exif()
    exif[0x0112] = 6  # rotation by 90 degrees
    Image.fromarray(np.zeros((6, 4, 3), np.uint8)).save(image, exif=exif)
    assert load(data).areas.tolist() == [24, 24]


def test_a_cache_that_cannot_be_written_is_not_an_error(data, monkeypatch):
    def fail(*_, **__):
        raise PermissionError('read-only')

    monkeypatch.setattr(module, 'write_arrays', fail)
    assert load(data).areas.tolist() == [24, 24]


def damage(kind, info):
    image, mask = info['img_path'], info['seg_map_path']
    if kind == 'missing mask':
        os.remove(mask)
    elif kind == 'missing image':
        os.remove(image)
    elif kind == 'size':
        Image.fromarray(np.zeros((4, 5), np.uint8)).save(mask)
    elif kind == 'id':
        Image.fromarray(np.full((4, 6), 3, np.uint8)).save(mask)
    elif kind == '16 bits':
        Image.fromarray(np.full((4, 6), 261, np.uint16)).save(mask)
    elif kind == 'colours':
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(mask)
    else:
        path = image if kind == 'unreadable image' else mask
        with open(path, 'wb') as file:
            file.write(b'no image')


@pytest.mark.parametrize(('kind', 'sentence'), [
    ('missing mask', r'1\.png is missing .*every image of the data set needs'),
    ('missing image', r'1\.jpg is missing'),
    ('size', r'1\.png is 5x4 but its image .*1\.jpg is 6x4'),
    ('id', r'1\.png contains the ids \[3\]: expected 0\.\.2, or 255'),
    ('16 bits', r'1\.png is a I;16 image: expected 8 bits.*LoadWideAnnot'),
    ('colours', r'1\.png has shape \(4, 6, 3\): expected one channel'),
    ('unreadable image', r'1\.jpg is not a readable image'),
    ('unreadable mask', r'1\.png is not a readable mask'),
])
def test_a_bad_file_raises_an_input_error(data, kind, sentence):
    damage(kind, data[0][1])
    with pytest.raises(InputError, match=sentence) as caught:
        load(data)
    assert '\n' not in str(caught.value)


def info_of(folder, image, mask=None):
    """The info of an image of 16x24, and of a mask with a class on it."""
    (folder / 'a.dat').write_bytes(image)
    labels = np.zeros((16, 24), np.uint8)
    labels[:8, :8] = 1
    if mask is None:
        Image.fromarray(labels).save(folder / 'a.png')
    else:
        (folder / 'a.png').write_bytes(mask)
    return dict(img_path=str(folder / 'a.dat'), label_map=None,
                seg_map_path=str(folder / 'a.png'), reduce_zero_label=False)


@pytest.mark.parametrize('kind', ['jpg', 'png', 'webp-prefix', 'png-xmp',
                                  'tif', 'tif-16', 'avif'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_mask_of_what_is_seen_fits_an_image_with_an_orientation(
        tmp_path, kind, orientation):
    info = info_of(tmp_path, oriented_bytes(kind, orientation))
    counts, faults = module.count_pixels(
        info, 2, LoadAnnotations(), LoadOrientedImage())
    assert not faults and counts.tolist() == [320, 64, 0]


@pytest.mark.parametrize('kind', ['webp-prefix', 'png-xmp'])
@pytest.mark.parametrize('orientation', range(2, 9))
def test_a_loader_that_ignores_an_orientation_is_a_fault(
        tmp_path, kind, orientation):
    info = info_of(tmp_path, oriented_bytes(kind, orientation))
    _, (fault,) = module.count_pixels(
        info, 2, LoadAnnotations(), LoadImageFromFile())
    assert fault.kind == 'format'
    assert f'a.dat has the orientation {orientation}, which LoadImageFrom' in (
        fault.sentence)
    assert "load it by dict(type='LoadOrientedImage')" in fault.sentence
    # That of a JPEG is heeded by every OpenCV.
    info = info_of(tmp_path, oriented_bytes('jpg', orientation))
    assert not module.count_pixels(
        info, 2, LoadAnnotations(), LoadImageFromFile())[1]


@pytest.mark.parametrize('kind', ['png', 'png-xmp'])
@pytest.mark.parametrize('orientation', range(2, 9))
def test_a_mask_with_an_orientation_that_its_loader_ignores_is_a_fault(
        tmp_path, kind, orientation):
    picture = np.zeros((16, 24), np.uint8)
    picture[:8, :8] = 1
    info = info_of(tmp_path, oriented_bytes('jpg', 1), oriented_bytes(
        kind, orientation, picture=picture))
    _, (fault,) = module.count_pixels(info, 2, LoadAnnotations())
    assert fault.kind == 'format'
    assert 'prepare-data masks' in fault.sentence


def test_an_image_that_cannot_be_loaded_without_a_choice_is_a_fault(tmp_path):
    content = tiff_bytes(np.zeros((16, 24, 5), np.float32))
    info = info_of(tmp_path, content)
    os.rename(info['img_path'], tmp_path / 'a.tif')
    info['img_path'] = str(tmp_path / 'a.tif')
    _, (fault,) = module.count_pixels(
        info, 2, LoadAnnotations(), LoadOrientedImage())
    assert '--bands' in fault.sentence
    assert not module.count_pixels(
        info, 2, LoadAnnotations(),
        LoadOrientedImage(bands=(1,), stretch=(0, 1)))[1]
