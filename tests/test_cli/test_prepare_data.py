"""The command on benchmarks and on annotations of users."""
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tool_exports import (
    cvat_box,
    ls_box,
    ls_task,
    sly_rectangle,
    write_cvat_xml,
    write_json,
    write_supervisely,
)
from tool_runs import tool_process

TOOL = Path(__file__).parents[2] / 'tools/prepare_data.py'


@pytest.fixture
def tool(monkeypatch, capfd):
    """Return a function that runs the tool here and returns its output."""
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as end:
            if end.code:
                raise
        return capfd.readouterr()
    return run


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(folder / 'a.jpg')
    return folder


def mask(out):
    return np.array(Image.open(out / 'masks/a.png')).tolist()


# A square of 2x2 pixels at (1, 1) in an image of 4x6.
SQUARE = [[0] * 6, [0, 1, 1, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0] * 6]


def test_a_benchmark_is_prepared_with_warnings_about_differences(
        tool, tmp_path):
    for name in ('bus', 'car', 'cat'):
        (tmp_path / name).mkdir()
        for suffix in ('jpg', 'png'):
            Image.fromarray(np.full((4, 4), 255, np.uint8)).save(
                tmp_path / f'{name}/1.{suffix}')
    (tmp_path / 'test_classes.txt').write_text('car\n')
    done = tool('fss-1000', tmp_path, '--test-list',
                tmp_path / 'test_classes.txt')
    assert done.out.splitlines()[-1] == f"fss-1000 is ready in '{tmp_path}'"
    assert ('warning: fss-1000 as published has 1000 classes, this folder '
            'has 3') in done.err.splitlines()
    assert (tmp_path / 'test.txt').read_text() == 'car\n'


def test_coco_becomes_masks(tool, tmp_path, photographs):
    ann = tmp_path / 'instances.json'
    ann.write_text(json.dumps(dict(
        images=[dict(id=1, file_name='a.jpg', height=4, width=6)],
        categories=[dict(id=7, name='dog'), dict(id=3, name='cat')],
        annotations=[dict(
            id=1, image_id=1, category_id=3, iscrowd=0,
            segmentation=[[1, 1, 3, 1, 3, 3, 1, 3]])])))
    out = tmp_path / 'out'
    done = tool('coco', ann, out, '--image-dir', photographs)
    assert done.out.splitlines()[-1] == (
        f"3 classes in '{out}': background, cat, dog")
    assert mask(out) == SQUARE


def test_boxes_of_coco_become_masks_by_a_switch(tool, tmp_path, photographs):
    ann = photographs / '_annotations.coco.json'
    ann.write_text(json.dumps(dict(
        images=[dict(id=1, file_name='a.jpg', height=4, width=6)],
        categories=[dict(id=7, name='dog')],
        annotations=[dict(
            image_id=1, category_id=7, segmentation=[], bbox=[1, 1, 2, 2])])))
    out = tmp_path / 'out'
    done = tool('coco', photographs, out, '--boxes')
    assert done.out.splitlines()[-1] == (
        f"2 classes in '{out}': background, dog")
    assert mask(out) == SQUARE


def test_labelme_becomes_masks(tool, tmp_path, photographs):
    (photographs / 'a.json').write_text(json.dumps(dict(
        version='5.5.0', flags={}, imagePath='a.jpg', imageData=None,
        imageHeight=4, imageWidth=6, shapes=[
            dict(label=label, points=points, group_id=None,
                 shape_type='rectangle', flags={})
            for label, points in (
                ('cat', [[0, 0], [0, 0]]), ('dog', [[1, 1], [2, 2]]))])))
    out = tmp_path / 'out'
    done = tool('labelme', photographs, out, '--classes', 'dog')
    assert done.out.splitlines()[-1] == (
        f"2 classes in '{out}': background, dog")
    assert mask(out) == SQUARE


def test_data_sets_of_yolo_voc_and_roboflow_become_masks_of_ids(
        tool, photographs, tmp_path):
    labels = tmp_path / 'labels'
    labels.mkdir()
    (tmp_path / 'data.yaml').write_text('train: images\nnames: [dog, cat]\n')
    # Columns 1 and 2 of 6, rows 1 and 2 of 4.
    (labels / 'a.txt').write_text('1 0.3333 0.5 0.3333 0.5\n')
    done = tool('yolo', tmp_path / 'data.yaml', tmp_path / 'yolo', '--boxes',
                '--classes', 'cat')
    assert done.out.splitlines()[-1] == (
        f"2 classes in '{tmp_path / 'yolo'}': background, cat")
    assert mask(tmp_path / 'yolo') == SQUARE

    voc = tmp_path / 'voc'
    (voc / 'SegmentationClass').mkdir(parents=True)
    values = Image.fromarray(np.array(SQUARE, np.uint8))
    values.save(voc / 'SegmentationClass/a.png')
    classes = tmp_path / 'classes.txt'
    classes.write_text('1 cat\n')
    tool('voc', voc, tmp_path / 'of_voc', '--classes-file', classes,
         '--image-dir', photographs)
    assert mask(tmp_path / 'of_voc') == SQUARE

    values.save(photographs / 'a_mask.png')
    (photographs / '_classes.csv').write_text(
        'Pixel Value, Class\n0, background\n1, cat\n')
    tool('roboflow', photographs, tmp_path / 'roboflow')
    assert mask(tmp_path / 'roboflow') == SQUARE


def test_coloured_masks_and_a_cvat_export_become_masks_of_ids(tool, tmp_path):
    """Convert CVAT's 'Segmentation mask 1.1', and its masks on their own."""
    colours = np.zeros((4, 6, 3), np.uint8)
    colours[1:3, 1:3] = 250, 50, 83
    export = tmp_path / 'export'
    (export / 'SegmentationClass').mkdir(parents=True)
    Image.fromarray(colours).save(export / 'SegmentationClass/a.png')
    (export / 'labelmap.txt').write_text(
        '# label:color_rgb:parts:actions\n'
        'background:0,0,0::\ncat:250,50,83::\n')
    (export / 'ImageSets/Segmentation').mkdir(parents=True)
    (export / 'ImageSets/Segmentation/default.txt').write_text('a\n')
    tool('cvat', export, tmp_path / 'cvat')
    assert mask(tmp_path / 'cvat') == SQUARE
    classes = tmp_path / 'classes.txt'
    classes.write_text('0 background\n1 cat 250,50,83\n')
    tool('masks', export / 'SegmentationClass', tmp_path / 'masks',
         '--classes-file', classes)
    assert mask(tmp_path / 'masks') == SQUARE


def test_exports_of_other_tools_become_masks(tool, tmp_path, photographs):
    """Convert boxes of CVAT for images, Label Studio and Supervisely."""
    sources = dict(
        cvat=write_cvat_xml(
            tmp_path / 'a.xml', {'a.jpg': [cvat_box(1, 1, 3, 3)]}, ['cat'],
            size=(4, 6)),
        labelstudio=write_json(tmp_path / 'a.json', [
            ls_task(1, '/data/upload/1/1a2b3c4d-a.jpg',
                 ls_box(1, 1, 2, 2, size=(4, 6)))]),
        supervisely=write_supervisely(
            tmp_path / 'project', {'ds/a.jpg': [sly_rectangle(1, 1, 2, 2)]},
            ['cat'], size=(4, 6)))
    for name, source in sources.items():
        out = tmp_path / f'out-{name}'
        done = tool(name, source, out, '--image-dir', photographs, '--boxes')
        assert done.out.splitlines()[-1] == (
            f"2 classes in '{out}': background, cat")
        assert mask(out) == SQUARE


def test_a_missing_file_gives_one_line_and_the_exit_code_2(tmp_path):
    done = tool_process(
        'prepare-data', 'coco-20i', tmp_path, '--year', 2017, code=2)
    assert done.stderr.splitlines()[-1] == (
        f'error: {tmp_path}/annotations/instances_train2017.json is missing; '
        'download http://images.cocodataset.org/annotations/'
        f'annotations_trainval2017.zip and unpack it in {tmp_path}')
    assert 'Traceback' not in done.stderr
