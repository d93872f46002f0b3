"""The back end answers requests that Label Studio 1.23.2 has sent.

They are of a project of 20 images, with an annotation of a brush and a
polygon, which was updated and deleted, one with a hostile name, and one that
was cancelled.
"""
import copy
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from inference_parts import (
    RESIZE,
    image_of,
    red_and_blue,
    small_inferencer,
)
from tool_exports import ls_brush, write_json

from mmseg_panet.annotations.formats.brush_runs import brush_mask
from mmseg_panet.annotations.formats.labelstudio import convert_labelstudio
from mmseg_panet.annotations.label_objects import label_objects
from mmseg_panet.errors import InputError
from mmseg_panet.inference.results.mask_file import read_mask
from mmseg_panet.label_tools.label_studio import LabelStudioBackend
from mmseg_panet.label_tools.task_images import TaskImages

HOSTILE = '<img src=x onerror=alert(1)>'
RECORDED = json.loads(Path(__file__).with_name(
    'label_studio_1.23.2.json').read_text())


def recorded(path, action=None):
    """Copies of the requests of a kind."""
    return [copy.deepcopy(one['body']) for one in RECORDED
            if one['path'] == path and one['body'].get('action') == action]


(PREDICT,) = recorded('/predict')
CREATED, CREATED_HOSTILE, CANCELLED = recorded(
    '/webhook', 'ANNOTATION_CREATED')
(UPDATED,) = recorded('/webhook', 'ANNOTATION_UPDATED')
(DELETED,) = recorded('/webhook', 'ANNOTATIONS_DELETED')


def photo(number):
    image, _ = image_of((20, 20, 230), (60 + number, 80 - number),
                        seed=number)
    image[45:58, 42:58] = (230, 20, 20)
    return image


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """The folder of local files, with the images of the recorded tasks."""
    folder = tmp_path_factory.mktemp('root')
    (folder / 'toys').mkdir()
    for number in range(20):
        cv2.imwrite(str(folder / f'toys/photo {number:02d}.png'),
                    photo(number))
    return folder


@pytest.fixture
def make(root, tmp_path):
    """Make back ends with the same bank."""
    def make(min_area=1, **settings):
        return LabelStudioBackend(
            small_inferencer(RESIZE, classifier=None, **settings),
            tmp_path / 'bank.safetensors', TaskImages(root=root), min_area)
    return make


@pytest.fixture
def warnings(monkeypatch):
    found = []
    monkeypatch.setattr('mmseg_panet.notices.warn', found.append)
    monkeypatch.setattr(
        'mmseg_panet.label_tools.label_studio.warn', found.append)
    monkeypatch.setattr('mmseg_panet.notices._given', set())
    return found


def bank_of(backend):
    return backend._state[0]


def class_map(prediction, size):
    """The labels that a prediction shows, by name; brushes only."""
    labels = np.full(size, '', object)
    for one in prediction['result']:
        (name,) = one['value']['brushlabels']
        mask = brush_mask(one['value']['rle'], size)
        assert not labels[mask].any()
        labels[mask] = name
    return labels


def test_the_first_annotation_registers_its_classes(make):
    backend = make()
    before = backend.predict(PREDICT)
    assert before['model_version'] == backend.model_version
    assert all(not one['result'] for one in before['results'])
    backend.webhook(CREATED)
    bank = bank_of(backend)
    assert bank.classes == ('red', 'blue')
    # The image is the fourth one; red and blue are in one map of labels.
    assert [one.names for one in bank.supports] == [
        ('red', 'blue'), ('blue', 'red')]
    # A brush of 30x35 pixels, and a polygon around 16x13.
    expected = small_inferencer(RESIZE, classifier=None)
    mask = np.zeros((63, 77), np.uint8)
    mask[10:45, 10:40], mask[45:58, 42:58] = 1, 2
    expected.fit({'red': [(photo(3), mask == 1)]})
    area = expected.bank.supports[0].statistics.areas[1]
    assert bank.supports[0].statistics.areas[1] == area
    found = backend.predict(PREDICT)
    assert found['model_version'] != before['model_version']
    assert len(found['results']) == 20
    assert all(one['result'] for one in found['results'])


def test_brushes_are_the_class_map_of_the_inferencer_to_the_pixel(
        make, tmp_path):
    backend = make()
    backend.webhook(CREATED)
    inferencer = small_inferencer(RESIZE, classifier=None).load(
        tmp_path / 'bank.safetensors')
    request = copy.deepcopy(PREDICT)
    request['label_config'] = request['label_config'].replace(
        HOSTILE.replace('<', '&lt;').replace('>', '&gt;'), 'blue')
    found = backend.predict(request)['results']
    for number, (task, prediction) in enumerate(
            zip(request['tasks'], found, strict=True)):
        assert task['data']['image'].endswith(f'{number:02d}.png')
        expected, = inferencer.predict([photo(number)])
        size = expected.class_map.shape
        names = np.array(['', *inferencer.classes], object)
        assert (class_map(prediction, size)
                == names[expected.class_map]).all()
        assert prediction['score'] == pytest.approx(
            expected.confidence.mean())
        assert {(one['original_height'], one['original_width'])
                for one in prediction['result']} == {size}
        ids = [one['id'] for one in prediction['result']]
        assert len({*ids}) == len(ids)


def test_each_class_gets_the_most_exact_form_that_the_config_offers(make):
    backend = make(min_area=20)
    backend.webhook(CREATED)
    backend.webhook(CREATED_HOSTILE)
    of_label = {}
    for one in backend.predict(PREDICT)['results']:
        for region in one['result']:
            name, = region['value'][region['type']]
            of_label.setdefault(name, set()).add(
                (region['type'], region['from_name'], region['to_name']))
    assert of_label == {
        'red': {('brushlabels', 'brush', 'image')},
        'blue': {('polygonlabels', 'poly', 'image')},
        HOSTILE: {('brushlabels', 'brush', 'image')}}


def test_polygons_and_boxes_are_in_percent_of_the_image(make, tmp_path):
    backend = make(min_area=20)
    backend.webhook(CREATED)
    inferencer = small_inferencer(RESIZE, classifier=None).load(
        tmp_path / 'bank.safetensors')
    request = copy.deepcopy(PREDICT)
    request['tasks'] = request['tasks'][3:4]
    config = ('<View><Image name="i" value="$image"/><{0} name="c" '
              'toName="i"><Label value="blue"/></{0}></View>')
    (one,) = [one for one in label_objects(
        inferencer.predict([photo(3)])[0].class_map, 20) if one.label == 2]
    request['label_config'] = config.format('RectangleLabels')
    (found,), = [each['result'] for each in backend.predict(
        request)['results']]
    x, y, width, height = one.box
    assert [found['value'][key] for key in (
        'x', 'y', 'width', 'height', 'rotation')] == pytest.approx([
            x / .77, y / .63, width / .77, height / .63, 0])
    request['label_config'] = config.format('PolygonLabels')
    (found,), = [each['result'] for each in backend.predict(
        request)['results']]
    np.testing.assert_allclose(
        found['value']['points'], one.polygon() / (.77, .63), rtol=1e-6)


def test_an_update_replaces_the_example_and_a_deletion_removes_it(make):
    backend = make()
    backend.webhook(CREATED)
    first = backend.model_version
    backend.webhook(UPDATED)
    second = backend.model_version
    # The polygon has become a box, which is filled.
    assert bank_of(backend).classes == ('red', 'green')
    assert second != first
    backend.webhook(CREATED_HOSTILE)
    assert bank_of(backend).classes == ('red', 'green', HOSTILE)
    backend.webhook(DELETED)
    assert bank_of(backend).classes == (HOSTILE,)
    later = copy.deepcopy(UPDATED)
    later['annotation']['updated_at'] = '2999-01-01T00:00:00Z'
    backend.webhook(later)  # It was on its way when the other was deleted.
    assert bank_of(backend).classes == (HOSTILE,)


def test_a_deleted_task_takes_its_examples_along(make, tmp_path):
    image, mask = image_of((20, 20, 230), seed=1)
    # The name of another example says nothing about a task.
    cv2.imwrite(str(tmp_path / 'task 44 (1).png'), image)
    inferencer = small_inferencer(RESIZE, classifier=None)
    inferencer.fit({'own': [(tmp_path / 'task 44 (1).png', mask)]})
    inferencer.save(tmp_path / 'bank.safetensors')
    backend = make()
    backend.webhook(CREATED)
    backend.webhook(CREATED_HOSTILE)
    backend.webhook(dict(action='TASKS_DELETED', tasks=[dict(id=4)]))
    assert bank_of(backend).classes == ('own', 'red', 'blue', HOSTILE)
    assert CREATED['task']['id'] == 44
    restarted = make()
    restarted.webhook(dict(action='TASKS_DELETED', tasks=[dict(id=44)]))
    assert bank_of(restarted).classes == ('own', HOSTILE)
    restarted.webhook(CREATED)  # It arrives late.
    assert bank_of(restarted).classes == ('own', HOSTILE)


def test_the_version_comes_back_with_the_examples_also_after_a_restart(make):
    backend = make()
    backend.webhook(CREATED)
    backend.webhook(CREATED_HOSTILE)
    version = backend.model_version
    assert make().model_version == version
    for time, points in (('2998', [[60, 80], [70, 80], [70, 90]]),
                         ('2999', None)):
        request = copy.deepcopy(CREATED)
        request['action'] = 'ANNOTATION_UPDATED'
        request['annotation']['updated_at'] = f'{time}-01-01T00:00:00Z'
        if points:
            request['annotation']['result'][1]['value']['points'] = points
        # It finds the earlier example in the bank.
        restarted = make()
        restarted.webhook(request)
        assert (restarted.model_version == version) == (points is None)
        assert bank_of(restarted).classes == ('red', 'blue', HOSTILE)


def test_a_bank_that_another_program_changed_is_not_written_over(make):
    backend, other = make(), make()
    other.webhook(CREATED)
    with pytest.raises(InputError, match='changed by another program'):
        backend.webhook(CREATED_HOSTILE)
    restarted = make()
    restarted.webhook(CREATED_HOSTILE)
    assert make()._state[0].classes == ('red', 'blue', HOSTILE)
    with pytest.raises(InputError, match='changed by another program'):
        other.webhook(UPDATED)


def test_an_older_version_that_arrives_late_is_left_out(make):
    backend = make()
    backend.webhook(UPDATED)
    backend.webhook(CREATED)
    assert bank_of(backend).classes == ('red', 'green')


def test_without_examples_there_is_no_bank_and_nothing_is_predicted(
        make, tmp_path):
    backend = make()
    empty = backend.model_version
    backend.webhook(CREATED)
    assert (tmp_path / 'bank.safetensors').exists()
    backend.webhook(DELETED)
    assert not (tmp_path / 'bank.safetensors').exists()
    assert backend.model_version == empty
    assert not any(one['result']
                   for one in backend.predict(PREDICT)['results'])


def test_a_cancelled_annotation_is_no_example(make):
    backend = make()
    before = backend.model_version
    backend.webhook(CANCELLED)
    assert backend.model_version == before
    backend.webhook(CREATED)
    cancelled = copy.deepcopy(UPDATED)
    cancelled['annotation']['was_cancelled'] = True
    backend.webhook(cancelled)
    assert bank_of(backend).classes == ()


def test_examples_of_the_bank_and_negatives_stay(make, tmp_path):
    inferencer = small_inferencer(RESIZE, classifier=None)
    inferencer.fit(red_and_blue(), negatives=[photo(0)])
    inferencer.save(tmp_path / 'bank.safetensors')
    backend = make()
    backend.webhook(CREATED)
    assert bank_of(backend).shots == [3, 3]
    backend.webhook(DELETED)
    bank = bank_of(backend)
    assert bank.shots == [2, 2]
    assert len(bank.negatives) == 1
    assert make().model_version == backend.model_version


def test_webhooks_at_once_are_all_in_the_bank(make):
    backend = make()
    requests = []
    for number in range(12):
        one = copy.deepcopy(CREATED_HOSTILE)
        one['annotation'] |= dict(id=100 + number)
        one['annotation']['result'][0]['value']['brushlabels'] = [
            f'class {number}']
        requests.append(one)
    with ThreadPoolExecutor(6) as pool:
        for _ in pool.map(backend.webhook, requests):
            pass
        list(pool.map(backend.predict, [PREDICT | dict(
            tasks=PREDICT['tasks'][:2])] * 3))
    assert {*bank_of(backend).classes} == {f'class {i}' for i in range(12)}
    assert {*make()._state[0].classes} == {f'class {i}' for i in range(12)}


def test_no_image_is_kept_in_memory(make):
    backend = make()
    backend.webhook(CREATED)
    assert all(one.source is None for one in bank_of(backend).supports)


def test_many_annotations_and_those_of_older_versions_are_added(make):
    backend = make()
    backend.webhook(dict(
        action='ANNOTATIONS_CREATED', project=CREATED['project'],
        annotation=[CREATED['annotation'], CREATED_HOSTILE['annotation']],
        task=[CREATED_HOSTILE['task'], CREATED['task']]))
    both = backend.model_version
    assert bank_of(backend).classes == ('red', 'blue', HOSTILE)
    backend.webhook(dict(action='ANNOTATIONS_DELETED', annotations=[
        dict(id=one['annotation']['id'])
        for one in (CREATED, CREATED_HOSTILE)]))
    other = make()
    other.train(dict(label_config=CREATED['project']['label_config'],
                     annotations=[
        one['task'] | dict(annotations=[one['annotation']])
        for one in (CREATED, CREATED_HOSTILE)]))
    assert other.model_version == both


def test_one_annotation_of_many_that_is_malformed_stops_no_other(make):
    backend = make()
    bad = copy.deepcopy(CREATED)
    bad['annotation']['result'][0]['value']['rle'] = [1]
    with pytest.raises(InputError, match='ends early'):
        backend.webhook(dict(
            action='ANNOTATIONS_CREATED', project=CREATED['project'],
            annotation=[bad['annotation'], CREATED_HOSTILE['annotation']],
            task=[CREATED['task'], CREATED_HOSTILE['task']]))
    assert bank_of(backend).classes == (HOSTILE,)


def test_a_class_without_a_label_is_left_out_with_one_warning(make, warnings):
    backend = make()
    backend.webhook(CREATED)
    request = PREDICT | dict(label_config=(
        '<View><Image name="other" value="$image"/><BrushLabels name="b" '
        'toName="other"><Label value="red"/></BrushLabels></View>'))
    found = backend.predict(request)['results']
    assert {name for one in found for region in one['result']
            for name in region['value']['brushlabels']} == {'red'}
    warning, = warnings
    assert "no label 'blue' for the image 'other'" in warning


def test_a_task_whose_image_is_missing_does_not_stop_the_others(
        make, warnings):
    backend = make()
    backend.webhook(CREATED)
    request = copy.deepcopy(PREDICT)
    request['tasks'] = request['tasks'][:2]
    request['tasks'][0]['data']['image'] = '/data/local-files/?d=no.png'
    first, second = backend.predict(request)['results']
    assert first['result'] == []
    assert second['result']
    warning, = warnings
    assert 'task 41: expected an image in the folder' in warning


def test_a_corrected_prediction_is_an_example_and_an_export_is_read(
        make, root, tmp_path):
    """The circle closes: predicted, corrected, fitted, exported, read."""
    backend = make()
    backend.webhook(CREATED)
    config = CREATED['project']['label_config'].replace(
        'value="red"/>', 'value="red"/><Label value="blue"/>')
    task = PREDICT['tasks'][7]
    (predicted,) = backend.predict(
        dict(tasks=[task], label_config=config))['results']
    expected, = small_inferencer(RESIZE, classifier=None).load(
        tmp_path / 'bank.safetensors').predict([photo(7)])
    # A person paints a rectangle of a new class over it.
    mask = np.zeros((67, 73), bool)
    mask[:9, :12] = True
    annotation = dict(id=77, result=[
        *predicted['result'], ls_brush(mask, 'new', i='drawn')])
    backend.webhook(dict(
        action='ANNOTATION_CREATED', annotation=annotation, task=task,
        project=dict(label_config=config)))
    labels = expected.class_map.copy()
    labels[mask] = 3
    assert bank_of(backend).classes == ('red', 'blue', 'new')
    support = bank_of(backend).supports[-1]
    assert support.names[0] == 'new'
    whole = small_inferencer(RESIZE, classifier=None)
    whole.fit({'new': [(photo(7), mask)]})
    torch.testing.assert_close(
        support.statistics.areas[1],
        whole.bank.supports[0].statistics.areas[1])
    # Label Studio's export 'JSON' has the same regions.
    export = write_json(tmp_path / 'export.json', [
        task | dict(annotations=[annotation])])
    names = convert_labelstudio(export, tmp_path / 'masks', root)
    (file,) = (tmp_path / 'masks').rglob('*.png')
    found = np.array(names, object)[read_mask(file)]
    known = np.array(['background', 'red', 'blue', 'new'], object)
    assert (found == known[labels]).all()


@pytest.mark.parametrize('change, message', [
    (lambda one: one['annotation']['result'][0].update(original_width=78),
     'region a: expected a region of an image of 77x63 pixels, got 78x63'),
    (lambda one: one['annotation']['result'][0]['value'].update(rle=[1]),
     'region a: .*ends early'),
    (lambda one: one['annotation']['result'][0]['value'].update(
        brushlabels=['background']), "got 'background'"),
    (lambda one: one['task'].update(data=dict(image=7)),
     "task 44: expected the URL of an image as 'image' in its data, got 7"),
    (lambda one: one.update(annotation='x'), "expected 'annotation' as"),
    (lambda one: one.pop('task'), "expected 'task' as Label Studio sends"),
    (lambda one: one.update(task=[dict(id=1), dict(id=2)]),
     'expected the task 44 of the annotation 11, got 2 others'),
    (lambda one: one['project'].update(label_config='<View>'),
     'the labeling config is not valid XML'),
    (lambda one: one.update(project=3), 'the labeling config is not valid'),
])
def test_a_malformed_annotation_changes_nothing(change, message, make):
    backend = make()
    backend.webhook(CREATED_HOSTILE)
    before = backend.model_version
    request = copy.deepcopy(CREATED)
    change(request)
    with pytest.raises(InputError, match=message):
        backend.webhook(request)
    assert backend.model_version == before
    assert make().model_version == before


def test_a_bank_that_cannot_be_written_changes_nothing(
        make, monkeypatch, tmp_path):
    backend = make()
    backend.webhook(CREATED)
    before = backend.model_version
    with monkeypatch.context() as patch:
        patch.setattr('mmseg_panet.models.bank.bank_file.write_atomic',
                      lambda *_: (_ for _ in ()).throw(OSError('full')))
        with pytest.raises(OSError, match='full'):
            backend.webhook(UPDATED)
    assert backend.model_version == before
    found = backend.predict(PREDICT | dict(tasks=PREDICT['tasks'][:1]))
    assert found['model_version'] == before
    backend.webhook(UPDATED)
    assert bank_of(backend).classes == ('red', 'green')
