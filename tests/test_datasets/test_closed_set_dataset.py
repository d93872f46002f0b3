"""Single images with the labels of base classes, or of all classes."""
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.datasets import TOY_CLASSES, ClosedSetDataset
from mmseg_panet.errors import InputError

PIPELINE = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
            dict(type='EpisodeLabels'), dict(type='PackSegInputs')]
NOVEL, BASE = TOY_CLASSES[:3], TOY_CLASSES[3:]


def toy(root, **settings):
    return ClosedSetDataset(
        dict(type='ToyDataset', data_root=str(root)), PIPELINE,
        **dict(folds='toy-3i', fold=0) | settings)


def labels_of(dataset, index):
    """The labels of an item, and the ids of the file."""
    item = dataset[index]
    path = item['data_samples'].seg_map_path
    return (item['data_samples'].gt_sem_seg.data[0].numpy(),
            np.array(Image.open(path)))


@pytest.mark.parametrize(('settings', 'of_novel'), [
    (dict(), [0, 0, 0]), (dict(novel_pixels='ignore'), [255] * 3),
    (dict(split='all'), [10, 11, 12])])
def test_base_classes_come_first_and_novel_ones_are_treated_as_asked(
        settings, of_novel, toy_root):
    dataset = toy(toy_root, **settings)
    table = np.zeros(256, int)
    table[255] = 255
    table[4:13] = range(1, 10)
    table[1:4] = of_novel
    seen = set()
    for index in range(12):
        labels, ids = labels_of(dataset, index)
        assert (labels == table[ids]).all()
        seen |= set(np.unique(ids))
    assert len(dataset) == 120
    assert seen >= {0, 1, 2, 3, 4, 255}
    classes = ('background', *BASE)
    if 'split' in settings:
        classes += tuple(NOVEL)
    assert dataset.metainfo['classes'] == classes
    own = dataset.images.dataset.metainfo
    colours = dict(zip(own['classes'], own['palette'], strict=True))
    assert dataset.metainfo['palette'] == [colours[one] for one in classes]


def test_images_with_novel_classes_can_be_left_out(toy_root):
    dataset = toy(toy_root, novel_pixels='drop')
    assert 0 < len(dataset) < 120
    for index in range(len(dataset)):
        assert not np.isin(labels_of(dataset, index)[1], [1, 2, 3]).any()
    with pytest.raises(InputError, match="set 'ignore' or 'background'"):
        toy(toy_root, novel_pixels='drop', folds=[TOY_CLASSES])


@pytest.mark.parametrize('split', ['base', 'all'])
def test_a_class_that_is_alone_in_the_folds_is_listed_once(split, toy_root):
    dataset = toy(toy_root, folds=[TOY_CLASSES[:1]], split=split)
    assert dataset.metainfo['classes'] == ('background', TOY_CLASSES[0])


def test_unknown_settings_are_refused(toy_root):
    with pytest.raises(InputError, match='split'):
        toy(toy_root, split='novel')
    with pytest.raises(InputError, match='novel_pixels'):
        toy(toy_root, novel_pixels='keep')
