import base64
import io
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from inference_parts import RESIZE, image_of, red_and_blue, small_inferencer
from PIL import Image
from pycocotools import mask

from mmseg_panet.annotations.class_colours import class_palette
from mmseg_panet.annotations.formats.coco import read_coco
from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import ImageItem
from mmseg_panet.inference.images.image_source import VideoFrame
from mmseg_panet.inference.results.segmentation_result import (
    SegmentationResult,
)


@pytest.fixture(scope='module')
def inferencer():
    return small_inferencer(RESIZE).fit(red_and_blue())


@pytest.fixture
def photos(tmp_path):
    for name, colour in (('a', (20, 20, 230)), ('b', (230, 20, 20))):
        image, _ = image_of(colour, seed=77)
        Image.fromarray(image[..., ::-1]).save(tmp_path / f'{name}.png')
    (tmp_path / 'c.png').write_bytes(b'broken')
    return tmp_path


def result_of(class_maps, classes=('<cat>', 'dog'), items=None):
    """A result as the inferencer makes it, of images in memory."""
    items = items or [
        ImageItem(f'{i}', np.full(
            (*getattr(one, 'shape', (4, 6)), 3), 100, np.uint8))
        for i, one in enumerate(class_maps)]
    return SegmentationResult(dict(
        classes=classes, classifier='Guess', failures={}, out_dir=None),
        items, class_maps, class_palette(classes))


def test_a_result_says_what_it_is_of(inferencer, photos, tmp_path):
    array = image_of((20, 20, 230))[0]
    out = tmp_path / 'out'
    result = inferencer([str(photos / 'a.png'), array], out_dir=out)
    assert isinstance(result, dict)
    assert result['paths'] == [str(photos / 'a.png'), None]
    assert result['names'][0] == 'a'
    assert result['class_names'] == {
        0: 'none', 1: 'red', 2: 'blue', 255: 'undecided'}
    assert result['classifier'] == (
        'PrototypeClassifier for 2 ways, 2 shots')
    assert result['out_dir'] == str(out)
    for name, files in zip(result['names'], result['files'], strict=True):
        assert files == {'mask': str(out / f'masks/{name}.png'),
                         'overlay': str(out / f'overlays/{name}.jpg')}
        assert all(map(np.any, map(Image.open, files.values())))


def test_a_path_is_that_of_the_folder_as_it_was_given(
        inferencer, photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    result = inferencer(photos.name)
    assert result['paths'] == [
        f'{photos.name}/{name}.png' for name in 'abc']
    assert result['files'] == [None] * 3
    alone = inferencer(f'{photos.name}/a.png')
    assert (alone['paths'], alone['names']) == (f'{photos.name}/a.png', 'a')


def test_samples_say_it_too(inferencer, photos, tmp_path):
    sample = inferencer(
        photos / 'a.png', return_datasamples=True, out_dir=tmp_path / 'out')
    assert (sample.name, sample.img_path) == ('a', str(photos / 'a.png'))
    assert sample.class_names[2] == 'blue'
    assert sample.classifier.startswith('PrototypeClassifier')
    assert sample.files['mask'] == str(tmp_path / 'out/masks/a.png')


def test_a_result_is_plotted_with_its_legend(inferencer, photos, tmp_path):
    result = inferencer(photos / 'a.png')
    picture = result.plot(tmp_path / 'new/a.png')
    assert picture.dtype == np.uint8 and picture.shape[2] == 3
    with Image.open(tmp_path / 'new/a.png') as written:
        assert (np.asarray(written) == picture).all()
    # Image 480 x 360, the legend below it.
    assert picture.shape[1] == 480 and len(picture) > 360
    legend = picture[360:]
    for label, colour in enumerate(inferencer.palette()[:3].tolist()):
        present = (result['predictions'] == label).any()
        assert (legend == colour).all(-1).any() == (present and label > 0)
    result.plot(tmp_path / 'a.JPG')
    assert Image.open(tmp_path / 'a.JPG').format == 'JPEG'


def test_a_plot_has_the_style_that_is_asked_for(inferencer, photos):
    result = inferencer(photos / 'a.png', names=True, return_vis=True)
    plain = inferencer(photos / 'a.png', return_vis=True)
    assert (result['visualization'] != plain['visualization']).any()
    without = result.plot(legend=False)
    assert without.shape == (360, 480, 3)
    assert (without == result.plot()[:360, :480]).all()
    assert (result.plot(names=True) != result.plot()).any()
    assert (result.plot(opacity=0.9) != result.plot()).any()


def test_several_images_are_a_grid_without_those_that_broke(
        inferencer, photos):
    result = inferencer(photos)
    both, one = result.plot(), result.plot(max_images=1)
    assert both.shape[1] > 1.9 * one.shape[1]


@pytest.mark.parametrize('settings', [
    dict(out='a.gif'), dict(out='folder.png'), dict(max_images=0),
    dict(opacity=2)])
def test_a_plot_that_cannot_be_is_one_sentence(settings, tmp_path):
    (tmp_path / 'folder.png').mkdir()
    if 'out' in settings:
        settings = dict(out=tmp_path / settings['out'])
    with pytest.raises(InputError):
        result_of([np.zeros((4, 6), np.uint8)]).plot(**settings)


def test_an_image_that_changed_or_is_gone_is_a_sentence(inferencer, photos):
    result = inferencer(photos / 'a.png')
    Image.new('RGB', (3, 4)).save(photos / 'a.png')
    with pytest.raises(InputError, match='expected 80x60 .* got 3x4'):
        result.plot()
    (photos / 'a.png').unlink()
    with pytest.raises(InputError, match='a.png'):
        result.plot()
    assert '<img' not in result._repr_html_() and 'red' in repr(result)


def test_shares_are_a_small_table():
    """Of 24 pixels 6 are a cat, 2 undecided."""
    labels = np.zeros((4, 6), np.uint8)
    labels[:2, :3] = 1
    labels[3, :2] = 255
    text = repr(result_of([labels]))
    assert text.splitlines() == [
        'SegmentationResult', '  images      1 image',
        '  classes     2: <cat>, dog', '  classifier  Guess',
        '  image   none  <cat>  undecided',
        '  0      66.7%  25.0%       8.3%']


def test_a_notebook_shows_the_overlay_and_escapes_names():
    labels = np.ones((400, 600), np.uint8)
    html = result_of([labels])._repr_html_()
    assert '&lt;cat&gt;' in html and '<cat>' not in html
    start = 'data:image/jpeg;base64,'
    data = html[html.index(start) + len(start):html.index('" alt')]
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.width == 320


@pytest.mark.parametrize('class_maps', [
    [], [None], [None, np.zeros((4, 6), np.uint8)],
    [np.zeros((2, 3), np.uint8)] * 300])
def test_a_summary_is_never_long_and_never_fails(class_maps):
    classes = tuple(f'{i}' * 50 for i in range(250))
    for labels in class_maps[:10]:
        if labels is not None:
            labels[:] = np.arange(labels.size).reshape(labels.shape)
    result = result_of(class_maps, classes)
    assert len(repr(result)) < 8000
    assert len(result._repr_html_()) < 200_000


def test_a_late_frame_of_a_video_is_not_decoded_for_a_summary():
    read = []
    video = SimpleNamespace(path='clip.mp4', read=read.append)
    item = ImageItem('clip/000900', VideoFrame(video, 900))
    assert item.path == 'clip.mp4'
    html = result_of([np.ones((4, 6), np.uint8)], items=[item])._repr_html_()
    assert not read and '<img' not in html


def test_a_result_is_copied_and_pickled(inferencer):
    result = inferencer(image_of((20, 20, 230))[0])
    for other in (result.copy(), pickle.loads(pickle.dumps(result))):
        assert repr(other) == repr(result)
        assert (other.plot() == result.plot()).all()
        assert set(other) == set(result)


def counts(*numbers):
    """Compress run lengths of an image of 2 x 4."""
    runs = dict(size=[2, 4], counts=[*numbers])
    return mask.frPyObjects(runs, 2, 4)['counts'].decode()


def test_objects_leave_as_coco(tmp_path):
    labels = np.array([[1, 1, 0, 2], [0, 0, 0, 255]], np.uint8)
    confidence = np.array([[0.5, 1, 0, 0.3], [0, 0, 0, 0]], np.float32)
    items = [ImageItem('broken', 'broken.jpg'), ImageItem('a', 'of/a.JPG')]
    result = result_of([None, labels], items=items)
    result['confidence'] = [None, confidence]
    assert result.to_coco(polygons=False) == dict(
        images=[dict(id=1, file_name='a.JPG', height=2, width=4)],
        categories=[
            dict(id=1, name='<cat>', color=result._palette[1].tolist()),
            dict(id=2, name='dog', color=result._palette[2].tolist())],
        annotations=[
            dict(id=1, image_id=1, category_id=1, area=2, iscrowd=0,
                 bbox=[0, 0, 2, 1], score=0.75,
                 # Column by column: 1, none, 1, and 5 others.
                 segmentation=dict(size=[2, 4], counts=counts(0, 1, 1, 1, 5))),
            dict(id=2, image_id=1, category_id=2, area=1, iscrowd=0,
                 bbox=[3, 0, 1, 1], score=0.3,
                 segmentation=dict(size=[2, 4], counts=counts(6, 1, 1)))])
    first, = result.to_coco(min_area=2)['annotations']
    assert first['segmentation'] == [
        [0.25, 0.25, 0.25, 0.75, 1.75, 0.75, 1.75, 0.25]]


def test_objects_leave_as_detections(monkeypatch):
    monkeypatch.setitem(sys.modules, 'supervision', SimpleNamespace(
        Detections=SimpleNamespace))
    labels = np.array([[1, 0], [0, 2]], np.uint8)
    result = result_of([None, labels])
    result['names'] = ['0', '1']
    broken, found = result.to_supervision()
    assert broken is None
    # They touch with a corner, but are of two classes.
    assert found.class_id.tolist() == [0, 1]
    alone = result_of([labels])
    alone['names'] = '0'
    assert alone.to_supervision().class_id.tolist() == [0, 1]


def test_the_objects_of_a_call_are_exported(inferencer, photos, tmp_path):
    result = inferencer([str(photos / 'a.png'), str(photos / 'b.png')])
    result.export(tmp_path / 'out', ['coco', 'labelme'], polygons=False)
    result.export(tmp_path / 'out', 'yolo')
    annotations = read_coco(
        tmp_path / 'out' / 'coco' / 'instances.json', photos)
    for task, labels in zip(
            annotations.tasks, result['predictions'], strict=True):
        np.testing.assert_array_equal(
            annotations.rasterize(task.source), labels)
    assert (tmp_path / 'out/labelme/b.json').is_file()
    assert (tmp_path / 'out/yolo/labels/b.txt').is_file()
    single = inferencer(image_of((20, 20, 230))[0])
    assert len(single.to_coco()['images']) == 1
    with pytest.raises(InputError, match='save it as a file'):
        single.export(tmp_path / 'out', 'labelme')
