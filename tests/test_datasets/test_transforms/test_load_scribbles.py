import numpy as np
import pytest
from mmcv.transforms import Compose
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_panet.datasets import EpisodicDataset
from mmseg_panet.datasets.transforms import LoadScribbles
from mmseg_panet.errors import InputError

SCRIBBLES = np.array([[255, 3, 255], [0, 255, 5]], np.uint8)


def results(**changes):
    return dict(
        img_path='images/cat.jpg', seg_map_path='masks/cat.png',
        gt_seg_map=np.full((2, 3), 5, np.uint8), seg_fields=['gt_seg_map'],
        reduce_zero_label=False, label_map=None) | changes


def save(folder, picture, name='cat.png'):
    Image.fromarray(picture).save(folder / name)


def test_grey_values_are_class_ids(tmp_path):
    save(tmp_path, SCRIBBLES)
    loaded = LoadScribbles(tmp_path)(results())
    assert (loaded['gt_seg_map'] == SCRIBBLES).all()
    assert loaded['gt_seg_map'].dtype == np.uint8
    assert loaded['seg_map_path'] == 'masks/cat.png'


def test_palette_indices_are_class_ids(tmp_path):
    picture = Image.fromarray(SCRIBBLES)
    picture.putpalette(np.arange(768, dtype=np.uint8)[::-1].tobytes())
    picture.save(tmp_path / 'cat_scribble.png')
    loaded = LoadScribbles(str(tmp_path), suffix='_scribble.png')(results())
    assert (loaded['gt_seg_map'] == SCRIBBLES).all()


def test_labels_are_mapped_as_those_of_the_masks(tmp_path):
    save(tmp_path, SCRIBBLES)
    reduced = LoadScribbles(tmp_path)(results(reduce_zero_label=True))
    assert reduced['gt_seg_map'].tolist() == [[255, 2, 255], [255, 255, 4]]
    chosen = LoadScribbles(tmp_path)(results(label_map={0: 0, 3: 255, 5: 1}))
    assert chosen['gt_seg_map'].tolist() == [[255, 255, 255], [0, 255, 1]]


def test_scribbles_are_flipped_once_like_their_image(tmp_path):
    save(tmp_path, SCRIBBLES)
    flip = TRANSFORMS.build(dict(type='RandomFlip', prob=1.0))
    loaded = Compose([LoadScribbles(tmp_path), flip])(
        results(img=np.zeros((2, 3, 3), np.uint8)))
    assert (loaded['gt_seg_map'] == SCRIBBLES[:, ::-1]).all()


@pytest.mark.parametrize(('picture', 'sentence'), [
    (SCRIBBLES[:, :2], r'cat\.png to be .* of 3x2 pixels as images/cat\.jpg, '
     'got mode L of 2x2; save them in the size of the image'),
    (np.zeros((2, 3, 3), np.uint8), r'cat\.png .* got mode RGB of 3x2'),
    (SCRIBBLES.astype(np.uint16), r'cat\.png .* got mode I;16.* of 3x2'),
])
def test_a_picture_that_is_no_label_map_is_named(tmp_path, picture, sentence):
    save(tmp_path, picture)
    with pytest.raises(InputError, match=sentence):
        LoadScribbles(tmp_path)(results())


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(
            InputError, match=r'scribbles .*cat\.png of images/cat\.jpg cann'):
        LoadScribbles(tmp_path)(results())
    (tmp_path / 'cat.png').write_bytes(b'no picture')
    with pytest.raises(InputError, match=r'cat\.png of .* cannot be read'):
        LoadScribbles(tmp_path)(results())


def test_episodes_have_the_scribbles_of_the_user(toy_root, tmp_path):
    for path in (toy_root / 'SegmentationClass').iterdir():
        scribbles = np.array(Image.open(path))
        scribbles[::2] = 255
        save(tmp_path, scribbles, path.name)
    load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
    finish = [dict(type='EpisodeLabels'), dict(type='PackEpisodeInputs')]
    data = EpisodicDataset(
        dict(type='ToyDataset', data_root=str(toy_root)),
        [*load, dict(type='LoadScribbles', scribble_dir=str(tmp_path)),
         *finish],
        [*load, *finish], num_episodes=5, folds='toy-3i', split='novel')
    for i in range(5):
        sample = data[i][0]['data_samples']
        stem = sample.img_path.rsplit('/', 1)[1][:-4]
        given = np.array(Image.open(tmp_path / f'{stem}.png'))
        labels = sample.gt_sem_seg.data[0].numpy()
        assert ((labels == 255) == (given == 255)).all()
        assert ((labels == 1) == (given == sample.class_ids[0])).all()
