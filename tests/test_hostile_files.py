"""Random edits of genuine files: they load, or raise an InputError."""
import json
import os
import sys
from pathlib import Path

import annotation_files as files
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_exports import (
    cvat_box,
    cvat_mask,
    cvat_polygon,
    element,
    json_min,
    ls_box,
    ls_brush,
    ls_polygon,
    ls_result,
    ls_task,
    sly_bitmap,
    sly_figure,
    sly_polygon,
    sly_rectangle,
    write_cvat_xml,
    write_supervisely,
)

from mmseg_panet.annotations.formats.coco import read_coco
from mmseg_panet.annotations.formats.cvat import read_cvat
from mmseg_panet.annotations.formats.labelme import read_labelme
from mmseg_panet.annotations.formats.labelstudio import read_labelstudio
from mmseg_panet.annotations.formats.supervisely import read_supervisely
from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.errors import InputError
from mmseg_panet.evaluation.comparison import read_result
from mmseg_panet.inference.supports import read_supports
from mmseg_panet.inference.supports.support import NotShownError
from mmseg_panet.json_text import parse_json, read_json

SIZE = (8, 12)
PIPELINE = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
    dict(type='EpisodeLabels'), dict(type='PackEpisodeInputs')]
QUICK = settings(
    max_examples=50, deadline=None, derandomize=True, database=None)
DEEP = 100_000

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 20), st.floats(),
    st.sampled_from([
        10 ** 9, 10 ** 12, -1, 2 ** 63, 10 ** 400, 1e308, '', '.', '..',
        '/etc/passwd', 'a\0b', '\ud800', 'x' * 300, '../a.jpg', 'base',
        [], {}, [[]], [1], [1, 2, 3], ['cat'], {'size': [8, 12]}, '1', 1.0,
        [1, 1, 5, 1, 5, 5], [[1, 1], [5, 1], [5, 5]], [[1, 1, 5, 5]]]),
    st.text(max_size=5))


def places(value, path=()):
    """Yield the path of each value inside a JSON value, itself included."""
    yield path
    for key, inner in (value.items() if isinstance(value, dict) else
                       enumerate(value) if isinstance(value, list) else ()):
        yield from places(inner, (*path, key))


def edited(data, value):
    """Change, remove or repeat one place of a JSON value."""
    value = json.loads(json.dumps(value))
    *path, last = data.draw(st.sampled_from(list(places(value))[1:]))
    inner = value
    for key in path:
        inner = inner[key]
    kind = data.draw(st.sampled_from(['change', 'change', 'remove', 'repeat']))
    if kind == 'change':
        inner[last] = data.draw(ODD)
    elif kind == 'remove':
        del inner[last]
    elif isinstance(inner, list):
        inner.append(inner[last])
    else:
        inner[f'{last} '] = inner[last]
    return value


def reads_or_refuses(read):
    """Call it; tell whether it refused with one sentence."""
    try:
        read()
    except InputError as error:
        assert str(error).strip()
        return True
    return False


def rasterized(annotations):
    ids = [*range(len(annotations.classes.names)), 255]
    for task in annotations.tasks:
        labels = annotations.rasterize(task.source)
        assert labels.dtype == np.uint8
        assert task.size is None or labels.shape == task.size
        assert np.isin(labels, ids).all()


def coco_file(folder, name='a.json'):
    mask = np.zeros(SIZE, bool)
    mask[2:5, 3:7] = True
    return files.write_coco(
        folder / name, {'a.jpg': SIZE, 'b.jpg': SIZE},
        [('a.jpg', 1, [files.box_polygon(1, 4, 2, 6)], 0),
         ('a.jpg', 2, files.uncompressed(mask), 1),
         ('b.jpg', 2, files.compressed(mask), 0)], {1: 'cat', 2: 'dog'})


def labelme_file(folder):
    mask = files.base64_png(np.ones((3, 4)))
    corners = [[1, 2], [6, 1], [7, 5], [2, 6]]
    path = files.write_labelme(folder / 'a.json', SIZE, [
        files.shape('cat', 'polygon', [[1, 1], [5, 1], [5, 5]]),
        files.shape('dog', 'circle', [[4, 4], [4, 6]]),
        files.shape('cat', 'mask', [[2, 2], [5, 4]], mask=mask),
        files.shape('cat', 'rectangle', corners),
        files.shape('dog', 'rotation', corners, direction=1.5),
        files.shape('dog', 'ellipse', corners),
        files.shape('cat', 'cuboid', corners + [[8, 1], [9, 7]]),
        files.shape('cat', 'points', [[1, 1], [9, 3]])])
    image = files.base64_png(np.zeros(SIZE))
    path.write_text(json.dumps(
        json.loads(path.read_text()) | dict(imageData=image)))
    return path


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('hostile')


@QUICK
@given(data=st.data())
def test_an_edited_coco_file_is_read_or_refused(folder, data):
    path = coco_file(folder)
    path.write_text(json.dumps(edited(data, json.loads(path.read_text()))))
    reads_or_refuses(lambda: rasterized(read_coco(
        path, boxes=data.draw(st.booleans()))))


@QUICK
@given(data=st.data())
def test_examples_of_an_edited_coco_file_are_read_or_refused(folder, data):
    """Two edits, whose images exist."""
    path = coco_file(folder / 'examples')
    for name in ('a.jpg', 'b.jpg'):
        files.save_photograph(path.with_name(name), np.zeros(SIZE, np.uint8))
    value = json.loads(path.read_text())
    for _ in range(2):
        value = edited(data, value)
    path.write_text(json.dumps(value))
    image_dir = data.draw(st.sampled_from([None, path.parent]))

    def read():
        for name, supports in read_supports(path, image_dir).items():
            for one in supports:
                assert name == one.class_name == one.names[
                    one.names.index(name)]
                try:
                    labels = one.rasterize(SIZE)
                except NotShownError:
                    continue
                assert np.isin(
                    labels, [*range(1 + len(one.names)), 255]).all()

    reads_or_refuses(read)


@QUICK
@given(data=st.data())
def test_an_edited_labelme_file_is_read_or_refused(folder, data):
    path = labelme_file(folder)
    path.write_text(json.dumps(edited(data, json.loads(path.read_text()))))
    reads_or_refuses(lambda: rasterized(read_labelme(path)))


@QUICK
@given(data=st.data())
def test_bytes_of_a_labelme_file_are_read_or_refused(folder, data):
    path = labelme_file(folder)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(content) - 1))
        content[start:start + data.draw(st.integers(0, 40))] = data.draw(
            st.binary(max_size=20))
    path.write_bytes(data.draw(st.sampled_from([
        bytes(content), content.decode(errors='replace').encode('utf-16')])))
    reads_or_refuses(lambda: rasterized(read_labelme(
        data.draw(st.sampled_from([path, path.parent])),
        embedded_dir=folder / 'images')))


@QUICK
@given(data=st.data())
def test_an_edited_export_of_cvat_is_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp('task')
    files.write_cvat_masks(
        folder / 'task', {'background': (0, 0, 0), 'cat': (9, 9, 9)},
        {'a': np.eye(8, dtype=int)})
    path = folder / 'task' / data.draw(st.sampled_from([
        'labelmap.txt', 'ImageSets/Segmentation/default.txt',
        'SegmentationClass/a.png']))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        content[place:place + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=4))
    path.write_bytes(content)

    def read():
        annotations = read_cvat(folder / 'task', folder / 'unused')
        for task in annotations.tasks:
            annotations.rasterize(task.source)

    reads_or_refuses(read)


@QUICK
@given(data=st.data())
def test_edited_xml_of_cvat_is_read_or_refused(folder, data):
    path = write_cvat_xml(folder / 'a.xml', {'a.jpg': [
        cvat_polygon([(2, 1), (6, 1), (6, 4)]), cvat_box(1, 1, 3, 3),
        cvat_mask(np.eye(3, dtype=bool), 2, 2, 'dog', z_order=1),
        element('ellipse', cx=3, cy=3, rx=2, ry=1, rotation=30)]}, size=SIZE)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        content[place:place + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from(
                [b'9', b'-', b'1e9', b'"', b'<', b',', b';', b'nan'])))
    path.write_bytes(content)
    reads_or_refuses(lambda: rasterized(read_cvat(
        path, folder / 'unused', boxes=data.draw(st.booleans()))))


@QUICK
@given(data=st.data())
def test_an_edited_export_of_label_studio_is_read_or_refused(folder, data):
    results = [
        ls_polygon([(2, 1), (6, 1), (6, 4)], size=SIZE),
        ls_box(1, 1, 2, 2, 'dog', 30, SIZE),
        ls_brush(np.eye(*SIZE, dtype=bool)),
        ls_result('ellipselabels', dict(
            x=50, y=50, radiusX=20, radiusY=30), size=SIZE)]
    row = data.draw(st.sampled_from([ls_task, json_min]))(1, 'a.jpg', *results)
    path = folder / 'tasks.json'
    path.write_text(json.dumps(edited(data, [row, ls_task(2, 'b.jpg')])))
    reads_or_refuses(lambda: rasterized(read_labelstudio(
        [path], boxes=data.draw(st.booleans()))))


@QUICK
@given(data=st.data())
def test_an_edited_project_of_supervisely_is_read_or_refused(folder, data):
    project = write_supervisely(folder / 'project', {'ds/a.jpg': [
        sly_polygon([[1, 1], [5, 1], [5, 5]], [[3, 2], [4, 2], [4, 3]]),
        sly_rectangle(1, 1, 2, 2), sly_bitmap(np.eye(3), 1, 1, 'dog'),
        sly_figure('oriented_bbox', points=[[1, 1], [4, 3]], angle=.3)]},
        size=SIZE)
    annotated = project / 'ds/ann/a.jpg.json'
    path = data.draw(st.sampled_from([annotated, project / 'meta.json']))
    path.write_text(json.dumps(edited(data, json.loads(path.read_text()))))
    reads_or_refuses(lambda: rasterized(read_supervisely(
        project, [annotated], boxes=data.draw(st.booleans()))))


@pytest.fixture(scope='module')
def manifest(toy_root, folder):
    def episodic(**changes):
        return EpisodicDataset(**dict(
            dataset=dict(type='ToyDataset', data_root=str(toy_root)),
            folds='toy-3i', fold=1, split='novel', num_episodes=3, num_runs=2,
            num_ways=2, num_shots=2, num_queries=2, support_pipeline=PIPELINE,
            query_pipeline=PIPELINE) | changes)

    data = episodic()
    return list(map(json.loads, data.manifest_lines())), lambda path: (
        episodic(dataset=data.dataset, manifest=str(path)))


@QUICK
@given(data=st.data())
def test_an_edited_manifest_loads_or_is_refused(folder, manifest, data):
    lines, load = manifest
    number = data.draw(st.sampled_from([0, 0, 1, 6]))
    changed = list(lines)
    changed[number] = edited(data, lines[number])
    path = folder / 'episodes.jsonl'
    path.write_text(''.join(f'{json.dumps(line)}\n' for line in changed))
    if not reads_or_refuses(lambda: load(path)):
        # What loads has the episodes of the file, with their own types.
        episodes = load(path).episodes
        assert [one.index for one in episodes] == [0, 1, 2] * 2
        assert all(type(i) is int for one in episodes for i in (
            one.seed, one.index, *one.class_ids, *one.query_ways))


def deep_files(folder):
    text = '{"a":' + '[' * DEEP + ']' * DEEP + '}\n'
    path = folder / 'deep.json'
    path.write_text(text)
    return path


@pytest.mark.parametrize('read', [
    read_json, read_coco, read_labelme, read_result,
    lambda path: EpisodicDataset(manifest=str(path)),
    lambda path: parse_json(path.read_bytes())],
    ids=['json', 'coco', 'labelme', 'result', 'manifest', 'text'])
def test_json_that_is_nested_100000_deep_is_a_sentence(tmp_path, read):
    with pytest.raises(ValueError, match='nested too deeply') as caught:
        read(deep_files(tmp_path))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('depth', [10, 60, 200, 800, 900, 960, 985])
def test_values_that_are_nested_less_deeply_are_a_sentence(tmp_path, depth):
    depth = min(depth, sys.getrecursionlimit() - 15)
    nested = '[' * depth + ']' * depth
    path = coco_file(tmp_path)
    text = path.read_text()
    for old in ('"segmentation": [[2', '"file_name": "a.jpg"', '"height": 8'):
        assert old in text
        key = old.split(':')[0]
        changed = text.replace(old, f'{key}: {nested}, "x": [[2' if (
            '[[' in old) else f'{key}: {nested}', 1)
        path.write_text(changed)
        assert reads_or_refuses(lambda: rasterized(read_coco(path)))
    path = labelme_file(tmp_path)
    path.write_text(path.read_text().replace(
        '"points": [', f'"points": {nested}, "x": [', 1))
    assert reads_or_refuses(lambda: rasterized(read_labelme(path)))


def test_a_manifest_of_10_to_the_12_episodes_is_a_sentence(folder, manifest):
    lines, load = manifest
    for key in ('num_episodes', 'num_shots', 'num_ways', 'num_queries'):
        path = folder / 'episodes.jsonl'
        for number, sentence in ((10 ** 12, 'numbers of 1 or more'),
                                 (10 ** 4, 'episodes|ways, shots and q')):
            header = lines[0] | {key: number}
            path.write_text(''.join(
                f'{json.dumps(line)}\n' for line in [header, *lines[1:]]))
            with pytest.raises(InputError, match=sentence):
                load(path)


def test_an_edited_result_is_read_or_refused(tmp_path):
    good = dict(mIoU=5.0, manifest_sha256='a', classes=['cat'], class_ids=[1])
    path = tmp_path / 'a.json'
    for key, value in dict(
            mIoU='5', manifest_sha256=1, classes='cat', class_ids=[1.5],
            test_cfg=3, checkpoint_sha256=[1]).items():
        path.write_text(json.dumps(good | {key: value}))
        with pytest.raises(InputError, match='is not a result: expected mIoU'):
            read_result(path)


def test_no_module_reads_xml_or_unpacks_an_archive_by_itself():
    package = Path(__file__).parents[1] / 'mmseg_panet'
    for path in package.rglob('*.py'):
        text = path.read_text(encoding='utf-8')
        if path.name in ('cvat_xml.py', 'label_config.py'):
            # They refuse a DOCTYPE, whose entities may fill the memory.
            assert 'StartDoctypeDeclHandler = self._refuse' in text, path
        else:
            assert 'import xml' not in text and 'from xml' not in text, path
        assert 'json.loads(' not in text or path.name in (
            'json_text.py', 'demo.py', 'testing.py', 'description.py'), path
        assert 'extractall(' not in text or path.name == 'archive.py', path
    assert os.path.exists(package / 'archive.py')
