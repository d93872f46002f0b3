import json

import annotation_files as files
import pytest

from mmseg_panet import notices
from mmseg_panet.annotations.formats.coco_tables import (
    class_names,
    coco_images,
    read_tables,
)
from mmseg_panet.errors import InputError

SIZE = (8, 12)
BOX = [files.box_polygon(1, 4, 2, 6)]


@pytest.fixture
def said(monkeypatch):
    """The warnings."""
    sentences = []
    monkeypatch.setattr(
        notices, 'print_log', lambda text, *_: sentences.append(text))
    return sentences


def changed(folder, change=lambda data: None, categories=None):
    """Write a file of two images and two objects, and change it."""
    path = files.write_coco(
        folder / 'a.json', {'a.jpg': SIZE, 'b.jpg': SIZE},
        [('a.jpg', 1, BOX, 0), ('b.jpg', 2, BOX, 0)],
        categories or {1: 'cat', 2: 'dog'})
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return path


def objects(path):
    """The categories by the names of the images."""
    return {image.file_name: [one.category for one in image.objects]
            for image in coco_images(read_tables(path), path)}


def names(path, classes=None):
    return class_names(read_tables(path), path, classes)


def rename(data, *rows):
    """Set (name, supercategory) of the categories."""
    for category, (name, supercategory) in zip(
            data['categories'], rows, strict=True):
        category.update(name=name, supercategory=supercategory)


@pytest.mark.parametrize('table', ['images', 'annotations'])
@pytest.mark.parametrize('form', [str, float])
def test_an_id_may_be_a_text_or_a_float_in_one_table(tmp_path, table, form):
    def change(data):
        for row in data[table]:
            key = 'id' if table == 'images' else 'image_id'
            row[key] = form(row[key])
    expected = {'a.jpg': ['cat'], 'b.jpg': ['dog']}
    assert objects(changed(tmp_path, change)) == expected


@pytest.mark.parametrize('form', [str, float])
def test_the_id_of_a_category_may_be_a_text_or_a_float(tmp_path, form):
    def change(data):
        for row in data['categories']:
            row['id'] = form(row['id'])
    path = changed(tmp_path, change)
    assert objects(path) == {'a.jpg': ['cat'], 'b.jpg': ['dog']}
    assert names(path) == ['cat', 'dog']


def test_texts_that_are_no_numbers_are_ids_as_they_are(tmp_path):
    def change(data):
        for row, i in zip(data['images'], ('01', '1'), strict=True):
            row['id'] = i
        for row, i in zip(data['annotations'], ('01', 1), strict=True):
            row['image_id'] = i
        for row, i in zip(data['categories'], ('z', 'a'), strict=True):
            row['id'] = i
        for row, i in zip(data['annotations'], ('z', 'a'), strict=True):
            row['category_id'] = i
    path = changed(tmp_path, change)
    assert objects(path) == {'a.jpg': ['cat'], 'b.jpg': ['dog']}
    assert names(path) == ['cat', 'dog']  # in the order of the file


@pytest.mark.parametrize('change', [
    lambda row: row.pop('id'), lambda row: row.pop('iscrowd'),
    lambda row: row.pop('area'), lambda row: row.pop('bbox'),
    lambda row: row.update(id=1000), lambda row: row.update(id=None),
    lambda row: row.update(id='x', attributes=dict(occluded=False))])
def test_annotations_need_no_id_and_no_other_keys(tmp_path, change):
    path = changed(tmp_path, lambda data: list(
        map(change, data['annotations'])))
    assert objects(path) == {'a.jpg': ['cat'], 'b.jpg': ['dog']}


def test_an_annotation_without_an_id_is_named_by_its_position(tmp_path):
    def change(data):
        data['annotations'][1].pop('id')
        data['annotations'][1]['category_id'] = 7
    with pytest.raises(InputError, match='annotation 1: there is no category '
                       'with the id 7'):
        objects(changed(tmp_path, change))


def test_information_and_licenses_may_be_absent_and_annotations_null(
        tmp_path):
    def change(data):
        del data['info'], data['licenses']
        data['annotations'] = None
    assert objects(changed(tmp_path, change)) == {'a.jpg': [], 'b.jpg': []}


@pytest.mark.parametrize(('change', 'sentence'), [
    (lambda data: data.pop('annotations'), "expected a list 'annotations', "
     "as in COCO's instances_"),
    (lambda data: data.update(images={}), "expected a list 'images', each"),
    (lambda data: data['images'][0].update(id=1.5), "'images', each with an"),
    (lambda data: data['images'][0].update(id=True), "'images', each with an"),
    (lambda data: data['images'][1].update(id='100'),
     "'images' has an id twice"),
    (lambda data: data.pop('categories') and data.update(
        annotations=[dict(id=1, image_id=100, caption='a cat')]),
     "got captions; give COCO's instances_"),
    (lambda data: data.update(annotations=[dict(
        image_id=100, file_name='a.png', segments_info=[])]),
     "got panoptic labels; give COCO's instances_"),
])
def test_a_file_of_another_kind_is_a_sentence(tmp_path, change, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        objects(changed(tmp_path, change))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('size', [(8, 12), (8.0, 12.0), ('8', '12')])
def test_a_size_may_be_whole_floats_or_texts(tmp_path, size):
    path = changed(tmp_path, lambda data: [
        row.update(height=size[0], width=size[1]) for row in data['images']])
    assert {image.size for image in coco_images(
        read_tables(path), path)} == {SIZE}


@pytest.mark.parametrize('size', [(0, 12), (None, None), (8, None)])
def test_a_size_that_is_absent_is_unknown(tmp_path, size):
    path = changed(tmp_path, lambda data: [
        row.update(height=size[0], width=size[1]) for row in data['images']])
    assert {image.size for image in coco_images(
        read_tables(path), path)} == {None}


def test_a_category_that_is_only_a_supercategory_is_no_class(
        tmp_path, said):
    path = changed(
        tmp_path, lambda data: rename(
            data, ('animals', 'none'), ('cat', 'animals'), ('dog', 'animals')),
        {0: 'animals', 1: 'cat', 2: 'dog'})
    assert names(path) == ['cat', 'dog']
    assert names(path, ['animals', 'cat']) == ['animals', 'cat', 'dog']
    assert said == []


def test_a_root_may_have_the_name_of_its_class(tmp_path, said):
    """Roboflow writes the name of a project for both."""
    path = changed(
        tmp_path, lambda data: rename(
            data, ('cat', 'none'), ('cat', 'cat'), ('dog', 'cat')),
        {0: 'cat', 1: 'cat', 2: 'dog'})
    assert names(path) == ['cat', 'dog'] == names(path, ['cat'])
    assert said == []


def test_a_category_that_names_itself_is_a_class_without_annotations(
        tmp_path):
    """COCO's person is of the supercategory person."""
    path = changed(
        tmp_path, lambda data: rename(
            data, ('cat', ''), ('dog', ''), ('person', 'person')),
        {1: 'cat', 2: 'dog', 3: 'person'})
    assert names(path) == ['cat', 'dog', 'person']


@pytest.mark.parametrize('supercategory', [None, '', 'absent'])
def test_a_name_that_is_like_no_supercategory_is_that_of_a_class(
        tmp_path, supercategory):
    def change(data):
        rename(data, *[(name, supercategory) for name in ('', 'None', 'dog')])
        for row in data['categories'] if supercategory == 'absent' else ():
            del row['supercategory']
    path = changed(tmp_path, change, {0: 'x', 1: 'y', 2: 'dog'})
    assert names(path) == ['', 'None', 'dog']


def test_a_supercategory_with_annotations_is_a_class(tmp_path):
    path = changed(tmp_path, lambda data: rename(
        data, ('animal', ''), ('dog', 'animal')))
    assert names(path) == ['animal', 'dog']


@pytest.mark.parametrize('name', ['none', 'None', 'background', 'undecided'])
def test_a_reserved_name_without_annotations_is_no_class(tmp_path, name):
    path = changed(tmp_path, categories={0: name, 1: 'cat', 2: 'dog'})
    assert names(path) == ['cat', 'dog']


def test_of_two_categories_of_one_name_the_used_one_is_the_class(
        tmp_path, said):
    path = changed(tmp_path, categories={1: 'cat', 2: 'dog', 3: 'cat'})
    assert names(path) == ['cat', 'dog']
    assert said == []


def test_the_order_of_classes_does_not_depend_on_which_one_is_used(
        tmp_path):
    for use in (1, 3):
        path = changed(tmp_path, lambda data, use=use: data['annotations'][
            0].update(category_id=use), {1: 'cat', 2: 'dog', 3: 'cat'})
        assert names(path) == ['cat', 'dog']


def test_two_used_categories_of_one_name_are_one_class(tmp_path, said):
    path = changed(tmp_path, categories={1: 'cat', 2: 'cat', 3: 'dog'})
    assert names(path) == ['cat', 'dog']
    assert objects(path) == {'a.jpg': ['cat'], 'b.jpg': ['cat']}
    note, = said
    assert note.endswith(
        "a.json: the categories with the ids [1, 2] are one class, as all "
        "have the name 'cat'; rename them to keep them apart")


def test_two_used_categories_of_different_kinds_stay_apart(tmp_path):
    path = changed(tmp_path, lambda data: rename(
        data, ('other', 'animal'), ('other', 'vehicle')))
    assert names(path) == ['other', 'other']  # which is refused


def test_a_name_may_be_a_whole_number(tmp_path):
    path = changed(tmp_path, categories={1: 7, 2: 'dog'})
    assert names(path) == ['7', 'dog']
    assert objects(path)['a.jpg'] == ['7']
