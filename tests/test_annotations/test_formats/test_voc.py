import annotation_files as files
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mmseg_panet.annotations import convert_cvat, convert_voc
from mmseg_panet.annotations.class_list import ClassList
from mmseg_panet.annotations.formats.voc import VOC_CLASSES, read_voc
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports

SIZE = (20, 30)
PALETTE = ClassList(['background'], {}).palette()
PALETTE[255] = 224, 224, 192


def indices(*values):
    """Squares of 5 pixels with the given values in the first rows."""
    mask = np.zeros(SIZE, np.uint8)
    for i, value in enumerate(values):
        mask[1:6, 6 * i:6 * i + 5] = value
    return mask


def save(path, mask, kind):
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == 'RGB':
        return Image.fromarray(PALETTE[mask]).save(path)
    picture = Image.fromarray(mask)
    if kind == 'P':
        picture.putpalette(PALETTE.tobytes())
    return picture.save(path)


def voc(folder, masks, kind='P', name='SegmentationClass'):
    """Write the folders of VOC 2012 or of labelme2voc."""
    for stem, mask in masks.items():
        save(folder / f'{name}/{stem}.png', mask, kind)
        save(folder / f'SegmentationObject/{stem}.png', mask > 0, 'L')
        files.save_photograph(
            folder / f'JPEGImages/{stem}.jpg', np.zeros(SIZE, np.uint8))
    return folder


def labels_of(source, *args):
    found = read_voc(source, *args)
    return {task.stem: found.rasterize(task.source) for task in found.tasks}


@pytest.fixture
def notes(monkeypatch):
    found = []
    monkeypatch.setattr(
        'mmseg_panet.annotations.formats.voc.warn',
        found.append)
    return found


@pytest.mark.parametrize('kind', ['P', 'RGB'])
@pytest.mark.parametrize('above', ['', 'VOCdevkit/VOC2012'])
def test_the_20_classes_of_voc_are_assumed_with_a_warning(
        tmp_path, notes, kind, above):
    mask = indices(1, 15, 20, 255)
    voc(tmp_path / 'in' / above, {'2007_000032': mask}, kind)
    (found,) = labels_of(tmp_path / 'in').values()
    assert (found == mask).all()
    supports = read_supports(tmp_path / 'in')
    assert list(supports) == ['aeroplane', 'person', 'tvmonitor']
    labels = supports['person'][0].rasterize(SIZE)
    assert VOC_CLASSES[14] == 'person'
    assert (labels == mask).all()
    assert 'its 20 classes are assumed, from 1 aeroplane' in notes[0]


def test_images_of_voc_without_masks_are_left_out(tmp_path, notes):
    folder = voc(tmp_path / 'in', {'a': indices(3)})
    files.save_photograph(
        folder / 'JPEGImages/b.jpg', np.zeros(SIZE, np.uint8))
    lists = folder / 'ImageSets/Segmentation'
    lists.mkdir(parents=True)
    (lists / 'test.txt').write_text('b\n')
    assert [*labels_of(folder)] == ['a']


@pytest.mark.parametrize('name', ['SegmentationClass', 'SegmentationClassPNG'])
def test_the_folders_of_labelme2voc_are_read(tmp_path, notes, name):
    mask = indices(1, 2, 255)
    folder = voc(tmp_path / 'in', {'a': mask}, name=name)
    (folder / 'SegmentationClass').mkdir(exist_ok=True)
    np.save(folder / 'SegmentationClass/a.npy', mask)
    files.save_photograph(
        folder / 'SegmentationClassVisualization/a.jpg', mask)
    (folder / 'class_names.txt').write_text('_background_\nseal\npup')
    out = tmp_path / 'out'
    assert convert_voc(folder, out) == ['background', 'seal', 'pup']
    assert (files.mask_of(out, 'a') == mask).all()
    assert list(read_supports(folder)) == ['seal', 'pup']
    assert convert_voc(files.zipped(folder), tmp_path / 'pup',
                       classes=['pup']) == ['background', 'pup']
    expected = np.where(mask == 2, 1, np.where(mask == 255, 255, 0))
    assert (files.mask_of(tmp_path / 'pup', 'a') == expected).all()
    assert not notes


def test_a_class_list_names_grey_masks(tmp_path, notes):
    folder = voc(tmp_path / 'in', {'a': indices(1), 'b': indices(3)}, 'L')
    with pytest.raises(InputError, match=(
            r'got neither; write classes\.txt there, with the lines '
            '`1 NAME`, `2 NAME` and `3 NAME`')) as caught:
        read_supports(folder)
    lines = str(caught.value).split('`')[1::2]
    (folder / 'classes.txt').write_text('\n'.join(lines).replace('NAME', 'x'))
    with pytest.raises(InputError, match='more than once'):
        read_supports(folder)
    (folder / 'classes.txt').write_text('1 seal\n2 pup\n3 cow\n')
    supports = read_supports(folder)
    assert list(supports) == ['seal', 'cow']
    assert (supports['cow'][0].rasterize(SIZE) == indices(3)).all()
    (tmp_path / 'list.txt').write_text('background\nx\ny\nz\n')
    assert convert_voc(
        folder, tmp_path / 'out', classes_file=tmp_path / 'list.txt'
    ) == ['background', 'x', 'y', 'z']


def test_other_colours_need_a_list(tmp_path, notes):
    # 25 is 1 + 8 + 16: bits of red, of red and of green.
    folder = voc(tmp_path / 'in', {'a': indices(25)}, 'RGB')
    with pytest.raises(InputError, match=(
            r'classes\.txt there, with the line `1 NAME 192,64,0`'
    )) as caught:
        read_supports(folder)
    line = str(caught.value).split('`')[1].replace('NAME', 'seal')
    (folder / 'classes.txt').write_text(line)
    (support,) = read_supports(folder)['seal']
    assert (support.rasterize(SIZE) == (indices(25) > 0)).all()


def test_an_export_of_cvat_is_also_read(tmp_path, notes):
    folder = files.write_cvat_masks(
        tmp_path / 'in', {'background': (0, 0, 0), 'cat': (9, 8, 7)},
        {'a': indices(1).astype(int)})
    assert convert_voc(folder, tmp_path / 'out') == ['background', 'cat']
    (folder / 'labelmap.txt').unlink()
    with pytest.raises(InputError, match=(
            r'labelmap\.txt is missing, so that .* `prepare-data voc`')):
        convert_cvat(folder, tmp_path / 'cvat')


def test_a_folder_without_masks_raises_an_input_error(tmp_path):
    with pytest.raises(InputError, match='expected masks as Segmentation'):
        convert_voc(tmp_path, tmp_path / 'out')


def test_boxes_of_voc_are_refused(tmp_path):
    files.save_photograph(
        tmp_path / 'train/a.jpg', np.zeros(SIZE, np.uint8))
    (tmp_path / 'train/a.xml').write_text(
        '<annotation>\n<object><name>cat</name><bndbox><xmin>1</xmin>'
        '</bndbox></object></annotation>')
    with pytest.raises(InputError, match=r'a\.xml: .* got boxes of PASCAL'):
        read_supports(tmp_path)


@settings(max_examples=60, deadline=None,
          suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_edited_folder_is_read_or_refused(tmp_path_factory, data):
    folder = voc(tmp_path_factory.mktemp('voc'), {'a': indices(1, 2)})
    (folder / 'class_names.txt').write_text('_background_\nseal\npup')
    path = folder / data.draw(st.sampled_from([
        'class_names.txt', 'SegmentationClass/a.png']))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        content[place:place + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=4))
    path.write_bytes(content)
    try:
        for mask in labels_of(folder).values():
            assert mask.ndim == 2
    except InputError as error:
        assert '\n' not in str(error)
