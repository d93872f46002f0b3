import json
import shutil

import annotation_files as files
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tool_exports import cvat_polygon, write_cvat_xml

from mmseg_panet.annotations import convert_yolo
from mmseg_panet.annotations.formats.yolo import read_yolo
from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports

SIZE = (20, 40)  # a pixel is 0.05 of the height and 0.025 of the width
CAT = '0 0.25 0.1 0.5 0.1 0.5 0.5 0.25 0.5\n'
DOG = '1 0.5 0.7 0.2 0.4\n'
REGIONS = {'cat': np.s_[2:10, 10:20], 'dog': np.s_[10:18, 16:24]}
NAMES = 'names: [cat, dog]\n'


def photograph(path, orientation=None):
    files.save_photograph(path, np.zeros(SIZE, np.uint8), orientation)


def write(path, text=''):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def labels_of(source, image_dir=None, boxes=True):
    """Rasterize all images of a data set."""
    found = read_yolo(source, image_dir, boxes=boxes)
    return {task.stem: found.rasterize(task.source) for task in found.tasks}


def region(*names):
    """The labels of an image that shows some classes."""
    mask = np.zeros(SIZE, int)
    for name in names:
        mask[REGIONS[name]] = 1 + list(REGIONS).index(name)
    return mask


def ultralytics(root):
    for split, text in {'train': CAT + DOG, 'val': DOG}.items():
        photograph(root / f'images/{split}/{split}.jpg')
        write(root / f'labels/{split}/{split}.txt', text)
    write(root / 'data.yaml', 'path: ../datasets/mine # of that computer\n'
          'train: images/train\nval: images/val\ntest:\n'
          "names:\n  0: cat\n  1: 'dog'\n")
    return root


def roboflow(root):
    for split, text in {'train': CAT + DOG, 'valid': DOG}.items():
        photograph(root / f'{split}/images/{split}.jpg')
        write(root / f'{split}/labels/{split}.txt', text)
    write(root / 'data.yaml', 'train: ../train/images\nval: ../valid/images\n'
          "test: ../test/images\n\nnc: 2\nnames: ['cat', 'dog']\n\nroboflow:\n"
          '  workspace: mine\n')
    write(root / 'README.roboflow.txt', 'Provided by nobody')
    return root


def label_studio(root):
    for name, text in {'train': CAT + DOG, 'val': DOG}.items():
        photograph(root / f'images/{name}.jpg')
        write(root / f'labels/{name}.txt', text)
    write(root / 'classes.txt', 'cat\ndog')
    write(root / 'notes.json', json.dumps(dict(
        categories=[dict(id=0, name='cat'), dict(id=1, name='dog')],
        info=dict(year=2026, contributor='Label Studio'))))
    return root


def cvat(root):
    """CVAT's export 'Ultralytics YOLO Segmentation 1.0'."""
    ultralytics(root)
    write(root / 'data.yaml', 'names:\n  0: cat\n  1: dog\npath: .\n'
          'train: train.txt\nval: val.txt\n')
    for split in ('train', 'val'):
        write(root / f'{split}.txt', f'data/images/{split}/{split}.jpg\n')
    return root


def darknet(root):
    """CVAT's export 'YOLO 1.1', which has boxes only."""
    cat = '0 0.375 0.3 0.25 0.4\n'
    for name, text in {'train': cat + DOG, 'val': DOG}.items():
        photograph(root / f'obj_train_data/{name}.jpg')
        write(root / f'obj_train_data/{name}.txt', text)
    write(root / 'obj.names', 'cat\ndog\n')
    write(root / 'obj.data', 'classes = 2\nnames = data/obj.names\n')
    write(root / 'train.txt', 'data/obj_train_data/train.jpg\n')
    return root


def flat(root):
    """The files of labelImg or X-AnyLabeling, in one folder."""
    for name, text in {'train': CAT + DOG, 'val': DOG}.items():
        photograph(root / f'{name}.jpg')
        write(root / f'{name}.txt', text)
    write(root / 'classes.txt', 'cat\ndog\n')
    return root


LAYOUTS = [ultralytics, roboflow, label_studio, cvat, darknet, flat]


@pytest.mark.parametrize('layout', LAYOUTS)
def test_every_layout_is_read_to_the_pixel(tmp_path, layout):
    folder = layout(tmp_path / 'set')
    found = {stem.rpartition('/')[2]: mask
             for stem, mask in labels_of(folder).items()}
    assert (found['train'] == region('cat', 'dog')).all()
    assert (found.get('val', found.get('valid')) == region('dog')).all()
    assert len(found) == 2


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('pack', [lambda folder: folder, files.zipped])
def test_every_layout_gives_examples(tmp_path, layout, pack):
    supports = read_supports(pack(layout(tmp_path / 'set')))
    assert {name: len(those) for name, those in supports.items()} == {
        'cat': 1, 'dog': 2}
    (cat,) = supports['cat']
    assert (cat.rasterize(SIZE) == region('cat', 'dog')).all()


@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_zip_may_contain_the_folder(tmp_path, layout):
    layout(tmp_path / 'pack/set')
    write(tmp_path / 'pack/__MACOSX/set/._data.yaml', b'\0\5')
    write(tmp_path / 'pack/set/labels/._a.txt', b'\0\5')
    path = files.zipped(tmp_path / 'pack')
    out = tmp_path / 'out'
    assert convert_yolo(path, out, boxes=True) == ['background', 'cat', 'dog']
    assert len(read_supports(path)['dog']) == 2
    masks = sorted((out / 'masks').rglob('*.png'))
    assert [path.stem for path in masks] in (
        ['train', 'val'], ['train', 'valid'])


def test_prepared_masks_are_read_by_all_tools(tmp_path):
    folder = ultralytics(tmp_path / 'set')
    assert convert_yolo(folder / 'data.yaml', tmp_path / 'out', boxes=True
                        ) == ['background', 'cat', 'dog']
    assert (tmp_path / 'out/images.txt').read_text().split() == [
        'train/train', 'val/val']
    files.read_by_all(tmp_path / 'out', folder / 'images', 'dog')
    convert_yolo(folder, tmp_path / 'cat', classes=['cat'], boxes=True)
    mask = files.mask_of(tmp_path / 'cat', 'train/train')
    assert (mask == region('cat')).all()


def test_splits_are_read_together_and_named(tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(
        'mmseg_panet.annotations.formats.yolo.warn',
        notes.append)
    for layout, names in ((ultralytics, 'train, val'),
                          (roboflow, 'train, valid')):
        folder = layout(tmp_path / layout.__name__)
        assert len(labels_of(folder)) == 2
        assert f'the splits {names} are read together' in notes[-1]
    labels_of(roboflow(tmp_path / 'one') / 'train')
    assert len(notes) == 2


@pytest.mark.parametrize(('layout', 'split'), [
    (roboflow, 'train'), (ultralytics, 'images/train'),
    (roboflow, 'train/images'), (roboflow, 'train/labels')])
def test_the_folder_of_a_split_is_read_alone(tmp_path, layout, split):
    folder = layout(tmp_path / 'set') / split
    assert [*labels_of(folder)] == ['train']
    assert len(read_supports(folder)['dog']) == 1


@pytest.mark.parametrize('text', [
    'path: /home/me/set\ntrain: /home/me/set/images/train\n' + NAMES,
    'train: C:\\sets\\mine\\images\\train\n' + NAMES,
    'train: "C:\\sets\\mine\\images\\train"\n' + NAMES,
    'path: D:/sets/set\ntrain: images\\train\n' + NAMES,
    'train: [images/train, images/none]\n' + NAMES,
    'train: ./images/train/\n' + NAMES,
    '\ufefftrain: images/train\r\nnames:\r\n- cat\r\n- dog\r\n',
    "train: images/train\nnames: {'0': cat, '1': dog}\n",
    'train: list.txt\n' + NAMES,
])
def test_paths_of_other_computers_lead_to_the_folder(tmp_path, text):
    folder = ultralytics(tmp_path / 'set')
    write(folder / 'list.txt', 'D:\\sets\\images\\train\\train.jpg\n')
    write(folder / 'data.yaml', text)
    for source in (folder, folder / 'data.yaml'):
        ((stem, mask),) = labels_of(source).items()
        assert stem == 'train'
        assert (mask == region('cat', 'dog')).all()


def test_a_yaml_elsewhere_leads_to_its_path(tmp_path):
    folder = ultralytics(tmp_path / 'datasets/set')
    path = write(tmp_path / 'configs/set.yml',
                 f'path: {folder}\ntrain: images/train\n{NAMES}')
    assert [*labels_of(path)] == ['train']
    path = write(tmp_path / 'configs/set.yml',
                 f'path: ../datasets/set\ntrain: images/train\n{NAMES}')
    assert [*labels_of(path)] == ['train']
    assert set(read_supports(path)) == {'cat', 'dog'}


def test_images_without_labels_are_background(tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(
        'mmseg_panet.annotations.formats.yolo_files.warn', notes.append)
    folder = roboflow(tmp_path / 'set')
    photograph(folder / 'train/images/none.jpg')
    photograph(folder / 'train/images/empty.jpg')
    write(folder / 'train/labels/empty.txt')
    photograph(folder / 'test/images/unlabelled.jpg')
    found = labels_of(folder)
    assert not found['train/images/none'].any()
    assert not found['train/images/empty'].any()
    assert len(found) == 4  # a split without labels is not annotated
    assert notes[0].startswith('1 image in folders without labels left out')
    assert len(read_supports(folder)['dog']) == 2


def test_labels_without_images_find_them_in_image_dir(tmp_path):
    folder = ultralytics(tmp_path / 'set')
    (folder / 'images').rename(tmp_path / 'photos')
    (tmp_path / 'photos/val/val.jpg').rename(tmp_path / 'photos/val.JPG')
    found = labels_of(folder, tmp_path / 'photos')
    assert (found['train/train'] == region('cat', 'dog')).all()
    assert (found['val'] == region('dog')).all()
    for source in (folder, folder / 'data.yaml'):
        with pytest.raises(InputError, match=(
                r'train\.txt: there is no image train/train\.\* in .*'
                r'image_dir \(--image-dir\)')):
            labels_of(source)
    photograph(tmp_path / 'photos/train.jpg')
    photograph(tmp_path / 'photos/other/val.jpg')
    with pytest.raises(InputError, match="expected one image for 'val/val'"):
        labels_of(folder, tmp_path / 'photos')


def test_the_prefix_of_label_studio_may_be_missing(tmp_path):
    folder = label_studio(tmp_path / 'set')
    labels = folder / 'labels'
    (labels / 'train.txt').rename(labels / '0a1b2c3d-cat 1.txt')
    photograph(tmp_path / 'photos/cat 1.jpg')
    photograph(tmp_path / 'photos/val.jpg')
    found = labels_of(folder, tmp_path / 'photos')
    assert (found['cat 1'] == region('cat', 'dog')).all()


def test_folders_may_have_capital_letters(tmp_path):
    folder = roboflow(tmp_path / 'set')
    for path in folder.glob('*/[il]*'):
        path.rename(path.with_name(path.name.title()))
    (folder / 'data.yaml').write_text(NAMES)
    assert (labels_of(folder)['valid/Images/valid'] == region('dog')).all()


def test_listed_images_without_files_raise_an_input_error(tmp_path):
    folder = cvat(tmp_path / 'set')
    (folder / 'images/train/train.jpg').rename(tmp_path / 'train.jpg')
    with pytest.raises(InputError, match=r'train\.txt, line 1: there is no'):
        labels_of(folder)
    (folder / 'images/val/val.jpg').rename(tmp_path / 'val.jpg')
    assert len(labels_of(folder, tmp_path)) == 2


def test_labels_belong_to_the_oriented_image(tmp_path):
    folder = label_studio(tmp_path / 'set')
    photograph(folder / 'images/train.jpg', orientation=6)
    found = labels_of(folder)['train']
    assert found.shape == SIZE[::-1]
    # The box is 0.4..0.6 of the width and 0.5..0.9 of the height.
    assert (found[20:36, 8:12] == 2).all()
    assert (found == 2).sum() == 16 * 4


@pytest.mark.parametrize(('line', 'expected'), [
    # 5 digits after the point, as supervision and Roboflow write them.
    ('0 0.33333 0.5 0.33333 0.5', np.s_[5:15, 7:20]),
    ('0 .5 5e-1 2.5E-1 0.5   ', np.s_[5:15, 15:25]),
    ('0 0 0 0.5 0.5', np.s_[:5, :10]),  # over the border
    ('0 0.5 0.5 1.2 1.2', np.s_[:, :]),
    ('0 0.25 0.25 0.5 0.5 0.91', np.s_[:10, :20]),  # with a confidence
    ('0 0.25 0.25 0.5 0.5 17', np.s_[:10, :20]),  # with a track
    ('0.0 -0.1 -0.1 0.5 -0.1 0.5 0.5 -0.1 0.5', np.s_[:10, :20]),
    ('1e0 0.5 0.5 1.02 0.5 1.02 1.02 0.5 1.02', np.s_[10:, 20:]),
])
def test_lines_are_read_to_the_pixel(tmp_path, line, expected):
    folder = flat(tmp_path / 'set')
    write(folder / 'train.txt', f'\ufeff{line}\r\n\r\n')
    mask = np.zeros(SIZE, bool)
    mask[expected] = True
    assert ((labels_of(folder)['train'] > 0) == mask).all()


def test_smaller_objects_are_in_front(tmp_path):
    folder = flat(tmp_path / 'set')
    write(folder / 'train.txt', '1 0.4 0.4 0.2 0.2\n0 0.5 0.5 1 1\n')
    mask = np.ones(SIZE)
    mask[6:10, 12:20] = 2
    assert (labels_of(folder)['train'] == mask).all()


def test_boxes_are_filled_on_request(tmp_path):
    folder = label_studio(tmp_path / 'set')
    with pytest.raises(InputError, match=(
            r'train\.txt, line 2: expected a polygon, got a box; fill boxes '
            r'with boxes=True \(--boxes\)')):
        convert_yolo(folder, tmp_path / 'out')
    convert_yolo(folder, tmp_path / 'out', boxes=True)
    mask = files.mask_of(tmp_path / 'out', 'train')
    assert (mask == region('cat', 'dog')).all()


@pytest.mark.parametrize(('line', 'sentence'), [
    ('cat 0.1 0.1 0.5 0.5', 'expected numbers `id x y x y x y ...`, got'),
    ('0,0.1,0.1,0.5,0.5', 'expected numbers'),
    ('2 0.1 0.1 0.5 0.5', r'id of a class of classes.txt, \[0, 1\], got 2'),
    ('-1 0.1 0.1 0.5 0.5', 'got -1; add its name there'),
    ('0.5 0.1 0.1 0.5 0.5', 'got 0.5;'),
    ('nan 0.1 0.1 0.5 0.5', 'expected numbers'),
    ('0', 'expected pairs x y of three .* got 0 numbers'),
    ('0 0.1 0.1', 'got 2 numbers'),
    ('0 0.1 0.1 0.2 0.1 0.2 0.2 0.9', 'remove the confidence or the track'),
    ('0 10 20 30 20 30 40', r'0\.\.1, got 10; divide pixels by the width'),
    ('0 0.1 0.1 0.2 nan 0.2 0.2', 'got nan'),
    ('0 320 240 100 80', 'got 320'),
    ('0 0.5 0.5 -0.1 0.1', 'a width and a height, got -0.1 and 0.1'),
])
def test_a_malformed_line_raises_an_input_error(tmp_path, line, sentence):
    folder = label_studio(tmp_path / 'set')
    write(folder / 'labels/train.txt', f'{CAT}{line}\n')
    with pytest.raises(
            InputError, match=rf'train\.txt, line 2: .*{sentence}') as caught:
        labels_of(folder)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('text', 'sentence'), [
    ('names: [cat', r"cannot be read as YAML: expected ',' .* in line 1;"),
    ('', r'expected names .* got none; write a line such as `names: \[cat'),
    ('train: images/train\n', 'got none; write a line'),
    ('names: cat\n', 'got none'),
    ('names: [cat, [dog]]\n', 'got a list for 1'),
    ('names: {cat: dog}\n', "got 'dog' for 'cat'"),
    ('names: [cat, cat]\n', 'more than once; rename them'),
    ('kpt_shape: [17, 3]\n' + NAMES, 'has kpt_shape; export the labels for'),
])
def test_a_malformed_yaml_raises_an_input_error(tmp_path, text, sentence):
    folder = ultralytics(tmp_path / 'set')
    write(folder / 'data.yaml', text)
    with pytest.raises(InputError, match=sentence) as caught:
        labels_of(folder / 'data.yaml')
    assert '\n' not in str(caught.value)


def test_names_of_a_yaml_are_the_text_that_is_written(tmp_path):
    folder = ultralytics(tmp_path / 'set')
    for names in ('[007, yes]', "{0: '007', 1: yes}", '\n  - 007\n  - yes'):
        write(folder / 'data.yaml', f'names: {names}\n')
        assert convert_yolo(folder, tmp_path / names[:3], boxes=True) == [
            'background', '007', 'yes']


def test_other_yaml_files_are_left_alone(tmp_path):
    folder = ultralytics(tmp_path / 'set')
    expected = list(read_supports(folder))
    write(folder / 'actions.yml', '- a list')
    write(folder / 'z.yaml', '{')
    assert list(read_supports(folder)) == expected


def test_notes_beside_labels_are_left_alone(tmp_path):
    folder = roboflow(tmp_path / 'set')
    expected = list(read_supports(folder))
    write(folder / 'train/labels/notes.txt', 'see a.txt')
    write(folder / 'info.json', '{"images": 2, "annotations": "mine"}')
    assert list(read_supports(folder)) == expected


def test_a_warning_names_labels_beside_other_annotations(
        tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_panet.annotations.detection.warn', said.append)
    folder = label_studio(tmp_path / 'set')
    read_supports(folder)
    assert not said
    write_cvat_xml(folder / 'annotations.xml', {
        'train.jpg': [cvat_polygon([(2, 1), (6, 1), (6, 4)], 'cow')]},
        size=SIZE)
    assert list(read_supports(folder)) == ['cow']
    assert 'the labels of YOLO are left out' in said[-1]


def test_the_folder_of_a_data_set_may_lie_beside_a_readme(tmp_path):
    ultralytics(tmp_path / 'set/inner')
    write(tmp_path / 'set/README.md', '# cats')
    assert set(read_supports(tmp_path / 'set')) == {'cat', 'dog'}


def test_a_message_names_the_zip_and_not_the_folder_of_its_files(tmp_path):
    folder = label_studio(tmp_path / 'set')
    (folder / 'classes.txt').unlink()
    archive = shutil.make_archive(tmp_path / 'a', 'zip', folder)
    for read in (read_supports, lambda path: convert_yolo(
            path, tmp_path / 'out')):
        with pytest.raises(InputError, match=f'^{archive}: expected the nam'):
            read(archive)


def test_a_yaml_of_another_encoding_raises_an_input_error(tmp_path):
    folder = ultralytics(tmp_path / 'set')
    (folder / 'data.yaml').write_bytes("names: ['caf\xe9']".encode('latin-1'))
    with pytest.raises(InputError, match=r'data\.yaml .*; save it as UTF-8'):
        read_supports(folder / 'data.yaml')


def test_missing_names_raise_an_input_error_that_can_be_followed(tmp_path):
    folder = flat(tmp_path / 'set')
    (folder / 'classes.txt').unlink()
    with pytest.raises(InputError, match=r'got none of them; write classes'):
        read_supports(folder)
    write(folder / 'classes.txt', 'cat\ndog\n')
    assert set(read_supports(folder)) == {'cat', 'dog'}
    write(folder / 'labels.txt', 'dog\ncat\n')
    with pytest.raises(InputError, match=r'classes\.txt and .*labels\.txt, w'):
        read_supports(folder)


def test_missing_labels_raise_an_input_error(tmp_path):
    folder = ultralytics(tmp_path / 'set')
    for path in folder.glob('labels/*/*.txt'):
        path.unlink()
    with pytest.raises(InputError, match=(
            r'got none; export the labels again, or correct the paths in '
            r'data\.yaml')):
        read_supports(folder)


def test_two_images_of_one_label_raise_an_input_error(tmp_path):
    folder = ultralytics(tmp_path / 'set')
    photograph(folder / 'images/train/train.png')
    with pytest.raises(InputError, match=r'share the labels train\.txt'):
        read_supports(folder)


def test_a_mask_folder_stays_a_mask_folder(tmp_path):
    folder = tmp_path / 'set'
    photograph(folder / 'images/a.jpg')
    write(folder / 'labels/a.txt', DOG)
    write(folder / 'classes.txt', '0 background\n1 cow\n')
    (folder / 'masks').mkdir()
    Image.fromarray(np.ones(SIZE, np.uint8)).save(folder / 'masks/a.png')
    assert set(read_supports(folder)) == {'cow'}


def test_captions_beside_images_are_no_labels(tmp_path):
    photograph(tmp_path / 'cat/a.jpg')
    Image.fromarray(np.eye(*SIZE, dtype=np.uint8)).save(
        tmp_path / 'cat/a.png')
    write(tmp_path / 'cat/a.txt', 'a photograph of my cat')
    assert set(read_supports(tmp_path)) == {'cat'}


@settings(max_examples=60, deadline=None,
          suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_edited_data_set_is_read_or_refused(tmp_path_factory, data):
    folder = ultralytics(tmp_path_factory.mktemp('yolo'))
    path = folder / data.draw(st.sampled_from([
        'data.yaml', 'labels/train/train.txt']))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        content[place:place + data.draw(st.integers(0, 3))] = data.draw(
            st.binary(max_size=4))
    path.write_bytes(content)
    try:
        for mask in labels_of(folder).values():
            assert mask.shape == SIZE
    except InputError as error:
        assert '\n' not in str(error)
