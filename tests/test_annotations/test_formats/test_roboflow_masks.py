import annotation_files as files
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mmseg_panet.annotations import convert_roboflow
from mmseg_panet.annotations.formats.roboflow_masks import read_roboflow
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports

SIZE = (16, 24)
MASK = np.zeros(SIZE, np.uint8)
MASK[2:9, 3:12], MASK[10:14, 5:20] = 1, 2
CLASSES = 'Pixel Value, Class\n0, background\n1, cat\n2, dog\n'


def write(folder, splits=('train', 'valid'), classes=CLASSES):
    for split in splits:
        stem = f'{split}_jpg.rf.0a1b'
        files.save_photograph(
            folder / split / f'{stem}.jpg', np.zeros(SIZE, np.uint8))
        Image.fromarray(MASK).save(folder / split / f'{stem}_mask.png')
        (folder / split / '_classes.csv').write_text(classes)
    (folder / 'README.roboflow.txt').write_text('mine')
    return folder


@pytest.mark.parametrize('pack', [lambda folder: folder, files.zipped])
def test_splits_are_read_to_the_pixel(tmp_path, pack, monkeypatch):
    notes = []
    monkeypatch.setattr(
        'mmseg_panet.annotations.formats.roboflow_masks.warn',
        notes.append)
    source = pack(write(tmp_path / 'in'))
    supports = read_supports(source)
    assert {name: len(those) for name, those in supports.items()} == {
        'cat': 2, 'dog': 2}
    assert (supports['cat'][0].rasterize(SIZE) == MASK).all()
    assert 'the splits train, valid are read together' in notes[0]
    out = tmp_path / 'out'
    assert convert_roboflow(source, out) == ['background', 'cat', 'dog']
    assert (files.mask_of(out, 'train/train_jpg.rf.0a1b') == MASK).all()
    assert convert_roboflow(source, tmp_path / 'dog', classes=['dog']) == [
        'background', 'dog']
    dog = files.mask_of(tmp_path / 'dog', 'valid/valid_jpg.rf.0a1b')
    assert (dog == (MASK == 2)).all()


def test_a_split_is_read_alone(tmp_path):
    folder = write(tmp_path / 'in')
    assert len(read_supports(folder / 'valid')['dog']) == 1


def test_the_background_may_have_another_value(tmp_path):
    classes = '\ufeffPixel Value, Class\r\n0, "cat, small"\r\n1, unlabeled\r\n'
    folder = write(tmp_path / 'in', ['train'], f'{classes}2, dog\r\n')
    supports = read_supports(folder)
    assert list(supports) == ['cat, small', 'dog']
    expected = np.array([1, 0, 2])[MASK]
    assert (supports['dog'][0].rasterize(SIZE) == expected).all()


@pytest.mark.parametrize(('classes', 'sentence'), [
    ('Pixel Value, Class\n0, background\n1, cat\n', r'got \[2\]; export'),
    (CLASSES + '2, cow\n', r'line 5: expected `value, class` with a value'),
    (CLASSES + 'x, cow\n', 'line 5'),
    (CLASSES + '3\n', 'line 5'),
    (CLASSES + '3, cat\n', 'more than once'),
])
def test_a_malformed_list_raises_an_input_error(tmp_path, classes, sentence):
    folder = write(tmp_path / 'in', ['train'], classes)
    with pytest.raises(InputError, match=sentence):
        convert_roboflow(folder, tmp_path / 'out')


def test_other_faults_raise_an_input_error(tmp_path):
    folder = write(tmp_path / 'in')
    with pytest.raises(InputError, match='expected no image_dir'):
        read_supports(folder, tmp_path)
    (folder / 'valid/_classes.csv').write_text(CLASSES.replace('cat', 'cow'))
    with pytest.raises(InputError, match=r'the classes of .*; give the fol'):
        read_supports(folder)
    (folder / 'train/train_jpg.rf.0a1b.jpg').unlink()
    with pytest.raises(InputError, match=r'there is no image train_jpg'):
        read_supports(folder / 'train')
    (folder / 'train/_classes.csv').write_text('filename, cat, dog\n')
    with pytest.raises(InputError, match='expected _classes.csv with the'):
        convert_roboflow(folder / 'train', tmp_path / 'out')


@settings(max_examples=40, deadline=None,
          suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_edited_export_is_read_or_refused(tmp_path_factory, data):
    folder = write(tmp_path_factory.mktemp('roboflow'), ['train'])
    path = data.draw(st.sampled_from([
        *folder.glob('*/*.csv'), *folder.glob('*/*.png')]))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        content[place:place + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=4))
    path.write_bytes(content)
    try:
        found = read_roboflow(folder)
        for task in found.tasks:
            assert found.rasterize(task.source).ndim == 2
    except InputError as error:
        assert '\n' not in str(error)
