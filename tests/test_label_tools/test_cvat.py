"""CVAT's function, run by cvat-cli itself on a task of 20 images."""
import functools
from types import SimpleNamespace
from xml.sax.saxutils import escape

import cv2
import numpy as np
import pytest
import torch
from fake_cvat import TASK, FakeCvat
from inference_parts import (
    RESIZE,
    image_of,
    red_and_blue,
    small_config,
    small_inferencer,
)
from markdown_pages import blocks, commands
from PIL import Image
from tool_exports import cvat_polygon, element, write_cvat_xml

from mmseg_panet.annotations.formats.cvat import convert_cvat
from mmseg_panet.annotations.label_objects import label_objects
from mmseg_panet.annotations.marks import label_polygons
from mmseg_panet.errors import InputError
from mmseg_panet.inference.results.mask_file import read_mask
from mmseg_panet.label_tools.cvat import BankFunction, create

HOSTILE = '<img src=x onerror=alert(1)>'
SIZES = [(60 + i, 80 - i) for i in range(20)]


@pytest.fixture(scope='module')
def photos():
    """Images of 20 sizes, each with a red and a blue box."""
    found = []
    for seed, size in enumerate(SIZES):
        image, _ = image_of((20, 20, 230), size, seed=seed)
        image[45:58, 42:58] = (230, 20, 20)
        found.append(image)
    return found


@pytest.fixture(scope='module')
def inferencer():
    examples = red_and_blue()
    return small_inferencer(RESIZE, classifier=None).fit(
        {'red': examples['red'], HOSTILE: examples['blue']})


@pytest.fixture(scope='module')
def files(inferencer, tmp_path_factory):
    """The parameters of the function that name its files."""
    folder = tmp_path_factory.mktemp('files')
    small_config(RESIZE).dump(folder / 'config.py')
    torch.save(inferencer.model.state_dict(), folder / 'weights.pth')
    inferencer.save(folder / 'bank.safetensors')
    return dict(config=str(folder / 'config.py'),
                checkpoint=str(folder / 'weights.pth'),
                bank=str(folder / 'bank.safetensors'))


def options(parameters):
    """Write strings as parameters of cvat-cli."""
    return [word for name, value in parameters.items()
            for word in ('-p', f'{name}=str:{value}')]


@pytest.fixture
def annotate(photos, monkeypatch, tmp_path):
    """Run cvat-cli, and return the shapes that it uploads."""
    cvat_cli = pytest.importorskip('cvat_cli.__main__')
    from cvat_sdk.core import auth
    from cvat_sdk.models import PatchedLabeledDataRequest
    monkeypatch.setattr(cvat_cli.logger, 'handlers', [])
    monkeypatch.setenv('CVAT_ACCESS_TOKEN', 'a token')
    monkeypatch.setattr(auth, 'Config', functools.partial(
        auth.Config, cache_dir=tmp_path / 'cache'))
    cvat = FakeCvat({
        f'photo {i}.png': cv2.imencode('.png', photo)[1].tobytes()
        for i, photo in enumerate(photos)}, SIZES,
        {'other': 3, HOSTILE: 11, 'red': 12})

    def run(*arguments, kind='any'):
        cvat.kind = kind
        words, = (
            words for block in blocks('bash')
            if block.page == 'docs/label_tools.md'
            for words in commands(block.text) if words[0] == 'cvat-cli')
        # The parameters of the page come first, and are replaced by others.
        start = words.index('-p')
        assert [word.partition('=')[0] for word in words[start:]] == [
            word.partition('=')[0] for word in arguments[:6]]
        before = words[words.index('task'):start]
        assert before[2] == str(TASK)
        with cvat.served() as address:
            code = cvat_cli.main(
                ['--server-host', address, *before, *arguments])
        assert code == 0
        (path, body), = cvat.uploads
        assert path == f'/api/tasks/{TASK}/annotations/?action=create'
        # The class of the SDK checks the types of all fields.
        read = PatchedLabeledDataRequest._new_from_openapi_data(**body)
        assert all(one.source == 'auto' for one in read.shapes)
        return read.shapes
    return run


def class_map(shapes, frame):
    """The class map that CVAT shows, by its own decoder."""
    from cvat_sdk.masks import decode_mask
    height, width = SIZES[frame]
    labels = np.zeros((height, width), np.uint8)
    for one in shapes:
        if one.frame == frame:
            mask = decode_mask(
                one.points, image_width=width, image_height=height)
            assert not labels[mask].any()
            labels[mask] = {12: 1, 11: 2}[one.label_id]
    return labels


def test_cvat_gets_the_masks_of_the_inferencer_to_the_pixel_by_name(
        annotate, files, inferencer, photos):
    shapes = annotate(*options(files), '-p', 'min_area=int:1')
    assert {one.type.value for one in shapes} == {'mask'}
    found = inferencer.predict(photos)
    for frame, prediction in enumerate(found):
        np.testing.assert_array_equal(
            class_map(shapes, frame), prediction.class_map)
        scores = sorted(one.score for one in shapes if one.frame == frame)
        assert scores == pytest.approx(sorted(
            one.pixels(prediction.confidence).mean()
            for one in label_objects(prediction.class_map)))
    assert {one.label_id for one in shapes} == {11, 12}


@pytest.mark.parametrize('shape', ['mask', 'polygon'])
def test_an_export_of_what_was_uploaded_is_read_again(
        shape, annotate, files, inferencer, photos, tmp_path):
    """The circle closes: uploaded, exported by CVAT, read as examples."""
    frame = 5
    shapes = [one for one in annotate(
        *options(files), '-p', f'shape=str:{shape}', '-p', 'min_area=int:1')
        if one.frame == frame]
    names = {12: 'red', 11: HOSTILE}
    elements = []
    for one in shapes:
        if shape == 'mask':
            *runs, left, top, right, bottom = map(int, one.points)
            elements.append(element(
                'mask', names[one.label_id], left=left, top=top,
                rle=', '.join(map(str, runs)), width=right - left + 1,
                height=bottom - top + 1))
        else:
            points = np.reshape(one.points, (-1, 2))
            elements.append(cvat_polygon(points, names[one.label_id]))
    cv2.imwrite(str(tmp_path / 'photo.png'), photos[frame])
    file = write_cvat_xml(
        tmp_path / 'annotations.xml', {'photo.png': elements},
        ('red', escape(HOSTILE)), SIZES[frame])
    read = convert_cvat(file, tmp_path / 'out', tmp_path)
    assert read == ['background', 'red', HOSTILE]
    (path,) = (tmp_path / 'out').rglob('photo.png')
    found = read_mask(path)
    expected, = inferencer.predict([photos[frame]])
    agree = (found == expected.class_map).mean()
    assert agree == 1 if shape == 'mask' else agree > 0.99


@pytest.mark.parametrize('arguments', [
    ['-p', 'shape=str:polygon'], ['--conv-mask-to-poly']],
    ids=['by the parameter', 'by CVAT'])
def test_a_task_of_polygons_gets_polygons(
        arguments, annotate, files, inferencer, photos):
    shapes = annotate(
        *options(files), *arguments, '-p', 'min_area=float:40',
        kind='polygon')
    for frame, prediction in enumerate(inferencer.predict(photos)):
        expected = label_objects(prediction.class_map, 40)
        of_frame = [one for one in shapes if one.frame == frame]
        assert len(of_frame) == len(expected)
        for shape, one in zip(of_frame, expected, strict=True):
            mask = label_polygons(SIZES[frame], [shape.points]) > 0
            x, y, width, height = one.box
            inside = mask[y:y + height, x:x + width]
            assert (inside & one.mask).sum() >= 0.99 * (
                mask.sum() + (one.mask & ~inside).sum())


def test_objects_of_a_lower_confidence_or_a_smaller_area_are_left_out(
        annotate, files, inferencer, photos):
    every = [
        (one.area, float(one.pixels(prediction.confidence).mean()))
        for prediction in inferencer.predict(photos)
        for one in label_objects(prediction.class_map)]
    middle = sorted(score for _, score in every)[len(every) // 2] + 1e-6
    expected = [score for area, score in every
                if area >= 50 and score >= middle]
    assert 0 < len(expected) < len([a for a, _ in every if a >= 50])
    shapes = annotate(*options(files), '-p', 'min_area=int:50',
                      '--conf-threshold', str(middle))
    assert sorted(one.score for one in shapes) == pytest.approx(
        sorted(expected))


def test_the_options_of_the_page_exist(annotate, files):
    annotate(
        *options(files), '-p', 'shape=str:polygon', '-p',
        'min_area=float:0.002', '-p', 'min_confidence=float:0.5', '-p',
        'device=str:cpu', '--conf-threshold', '0.7', '--conv-mask-to-poly',
        '--allow-unmatched-labels')


def test_undecided_pixels_belong_to_no_object(files, inferencer, photos):
    pytest.importorskip('cvat_sdk')
    context = SimpleNamespace(
        frame_name='a.jpg', conf_threshold=None, conv_mask_to_poly=False)
    function = create(**files, min_confidence=0.9)
    # CVAT hands over Pillow images, also grey ones.
    image = Image.fromarray(photos[0][..., ::-1])
    sure = inferencer.predict([photos[0]])[0].confidence >= 0.9
    shapes = function.detect(context, image)
    from cvat_sdk.masks import decode_mask
    for one in shapes:
        mask = decode_mask(one.points, image_width=80, image_height=60)
        assert sure[mask].all()
    assert function.detect(context, image.convert('L')) is not None
    with pytest.raises(InputError, match="^a.jpg: .*mode 'F'"):
        function.detect(context, image.convert('F'))


@pytest.mark.parametrize('change, message', [
    (dict(bank=None), "expected the parameters ['config', 'checkpoint', "
     "'bank'], got ['config', 'checkpoint']; add -p bank=str:VALUE"),
    (dict(shapes='mask'), "got 'shapes'; correct its name"),
    (dict(shape='box'), "shape must be one of ('mask', 'polygon'), got 'box'"),
    (dict(min_area=-1), 'expected min_area as a number at least 0, got -1'),
    (dict(min_confidence='high'),
     "expected min_confidence of 0..1, got 'high'"),
    (dict(bank='nowhere.safetensors'), 'nowhere.safetensors'),
])
def test_a_wrong_parameter_is_refused_in_one_line(
        change, message, files, capsys):
    parameters = {name: value for name, value in (files | change).items()
                  if value is not None}
    with pytest.raises(SystemExit, match='2'):
        create(**parameters)
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith('error: ')
    assert message in line


def test_without_the_sdk_its_package_is_named(inferencer, monkeypatch):
    monkeypatch.setattr('mmseg_panet.extras.find_spec', lambda _: None)
    with pytest.raises(InputError, match=r'"mmseg_panet\[cvat\]"'):
        BankFunction(inferencer)
