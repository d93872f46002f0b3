import json

import annotation_files as files
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.annotations.formats.class_folders import list_pairs
from mmseg_panet.annotations.formats.coco import convert_coco, read_coco
from mmseg_panet.annotations.formats.cvat import convert_cvat
from mmseg_panet.annotations.formats.labelme import convert_labelme
from mmseg_panet.annotations.formats.masks import convert_masks
from mmseg_panet.errors import InputError
from mmseg_panet.images.image_files import check_file_name
from mmseg_panet.inference.supports import read_supports

BAD_FILES = [
    '', '.', '..', 'a/..', 'a/', 'a\n.jpg', 'a\0.jpg', 'a\x1b[2J.jpg',
    '\u202egpj.a', '\ud800.jpg', 'a' * 300 + '.jpg', 'a' * 300 + '/a.jpg',
    '猫' * 90 + '.jpg', 'a/' * 2000 + 'a.jpg']
GOOD_FILES = [
    '猫.jpg', 'قطة/a.jpg', 'd\u00e9j\u00e0 vu.jpg', 'e\u0301.jpg', 'a.b.jpg',
    '=1+1.jpg', '-a.jpg', '[red].jpg', 'a\\b.jpg', '👩\u200d🚀.jpg',
    'a' * 240 + '.jpg']
BAD_CLASSES = [
    'a\nb', 'a\0', '\x1b[31mcat', 'a\tb', '\u202etac', 'cat\u2066', '\ud800',
    ' cat', ' ', '', 'cat\u200f', 'a\x9b2J']


@pytest.mark.parametrize('name', GOOD_FILES)
def test_file_names_of_all_languages_are_allowed(name):
    check_file_name(name, 'list.txt')


def coco(folder, name, category='cat'):
    path = folder / 'instances_a.json'
    path.write_text(json.dumps(dict(
        images=[dict(id=1, file_name=name, height=4, width=4)],
        categories=[dict(id=1, name=category)],
        annotations=[dict(id=1, image_id=1, category_id=1, iscrowd=0,
                          segmentation=[[0, 0, 3, 0, 3, 3]])])))
    return path


def labelme(folder, name, label='cat'):
    (folder / 'a.json').write_text(json.dumps(dict(
        imagePath=name, imageHeight=4, imageWidth=4,
        shapes=[files.shape(label, 'polygon', [[0, 0], [3, 0], [3, 3]])])))
    return folder


@pytest.mark.parametrize('name', BAD_FILES)
def test_a_name_that_no_list_can_store_is_refused_where_it_enters(
        tmp_path, name):
    out = tmp_path / 'out'
    words = 'expected the name of an image file.* rename the file'
    path = coco(tmp_path, name)
    with pytest.raises(InputError, match=f'{path}, image 1: {words}') as one:
        convert_coco(path, out)
    assert len(str(one.value)) < 500 and str(one.value).isprintable()
    with pytest.raises(InputError, match=words):
        read_coco(path, tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=f'a.json: imagePath: {words}'):
        convert_labelme(labelme(tmp_path, name), out)
    assert not out.exists()


@pytest.mark.parametrize('name', ['../a.jpg', '/a.jpg', 'b/../../a.jpg'])
def test_no_mask_is_written_outside_its_folder(tmp_path, name):
    with pytest.raises(InputError, match='lies outside the folder of images'):
        convert_coco(coco(tmp_path, name), tmp_path / 'out/here')
    assert [*tmp_path.rglob('*.png')] == []


@pytest.mark.parametrize('name', [b'\xff.png', b'a\nb.png', b'\x1b[2J.png'])
def test_a_mask_on_disk_whose_name_no_list_can_store_is_refused(
        tmp_path, name):
    folder = tmp_path / 'source'
    folder.mkdir()
    (tmp_path / 'classes.txt').write_text('background\ncat\n')
    mask = Image.fromarray(np.ones((4, 4), np.uint8))
    with open(bytes(folder) + b'/' + name, 'wb') as file:
        mask.save(file, 'PNG')
    with pytest.raises(InputError, match='without control characters, got'):
        convert_masks(folder, tmp_path / 'out', tmp_path / 'classes.txt')
    assert not (tmp_path / 'out').exists()


def test_a_list_of_cvat_names_no_file_above_it(tmp_path):
    folder = files.write_cvat_masks(
        tmp_path / 'cvat', dict(background=(0, 0, 0), cat=(1, 2, 3)),
        dict(a=np.eye(4, dtype=int)), listed=['..'])
    with pytest.raises(InputError, match="name of an image file.*got '..'"):
        convert_cvat(folder, tmp_path / 'out')


@pytest.mark.parametrize('name', BAD_CLASSES)
def test_a_class_that_cannot_be_shown_is_refused_where_it_enters(
        tmp_path, name):
    words = 'expected the name of a class'
    path = coco(tmp_path, 'a.jpg', name)
    for read in (lambda: convert_coco(path, tmp_path / 'out'),
                 lambda: read_supports(path, tmp_path),
                 lambda: read_supports({name: [('a.jpg', 'a.png')]})):
        with pytest.raises(InputError, match=words) as caught:
            read()
        assert repr(name) in str(caught.value)
    path.unlink()
    with pytest.raises(InputError, match=f'a.json, shape 1: {words}'):
        convert_labelme(labelme(tmp_path, 'a.jpg', name), tmp_path / 'out')


@pytest.mark.parametrize('name', ['a\nb', '\x1b[2J', '\u202etac', ' cat'])
def test_a_folder_of_such_a_class_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    for file in ('a.jpg', 'a.png'):
        Image.new('L', (4, 4), 1).save(tmp_path / name / file)
    assert [*list_pairs(tmp_path)] == [name]
    with pytest.raises(InputError, match='expected the name of a class'):
        read_supports(tmp_path)


def test_a_category_with_the_name_of_no_class_is_no_example(tmp_path):
    """Banks refuse it, as their results name pixels of no class so."""
    Image.new('RGB', (4, 4)).save(tmp_path / 'a.jpg')
    path = coco(tmp_path, 'a.jpg', 'undecided')
    with pytest.raises(InputError, match='stands for pixels of no class'):
        read_supports(path, tmp_path)
