import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

from mmseg_panet.datasets.image_pool import ImagePool
from mmseg_panet.errors import InputError

CLASSES = dict(classes=('background', 'cat'))


@pytest.fixture
def config(tmp_path):
    """A data set of two images, whose classes are not given."""
    init_default_scope('mmseg')
    labels = Image.fromarray(np.eye(6, dtype=np.uint8))
    for name in ('images', 'masks', 'empty'):
        (tmp_path / name).mkdir()
    for name in 'ab':
        Image.new('RGB', (6, 6)).save(tmp_path / f'images/{name}.jpg')
        labels.save(tmp_path / f'masks/{name}.png')
    return dict(
        type='BaseSegDataset', data_root=str(tmp_path),
        data_prefix=dict(img_path='images', seg_map_path='masks'))


def pool(tmp_path, config, **settings):
    return ImagePool(
        dict(config, **settings), LoadAnnotations(), str(tmp_path / 'cache'))


def test_images_are_named_and_their_classes_are_counted(config, tmp_path):
    found = pool(tmp_path, config, metainfo=CLASSES)
    assert found.classes == ['background', 'cat']
    assert found.image_ids == ['a.jpg', 'b.jpg']
    assert found.index.counts.tolist() == [[30, 6], [30, 6]]


@pytest.mark.parametrize('metainfo', [
    None, dict(classes=None), dict(classes=()), dict(classes='cats.txt')])
def test_a_data_set_needs_the_names_of_its_classes(
        metainfo, config, tmp_path):
    with pytest.raises(InputError, match=(
            r'classes of the BaseSegDataset, got classes=.*; write metainfo')):
        pool(tmp_path, config, metainfo=metainfo)


@pytest.mark.parametrize(('settings', 'message'), [
    (dict(img_suffix='.png'), r'no \*\.png in .*/images; check img_suffix'),
    (dict(data_prefix=dict(img_path='empty', seg_map_path='masks')),
     r'no \*\.jpg in .*/empty; check img_suffix and data_prefix'),
    (dict(ann_file='list.txt'), r'list\.txt lists no image; write the name'),
    (dict(data_prefix=dict(img_path='images')),
     'masks as seg_map_path in data_prefix of the BaseSegDataset'),
    (dict(seg_map_suffix='.tif'),
     r'masks/a\.tif is missing .* check data_root, data_prefix and the suff'),
    (dict(data_prefix=dict(img_path='gone', seg_map_path='masks')),
     r'could not be listed under data_root=.*gone'),
    (dict(ann_file='gone.txt'), r'could not be listed .*gone\.txt')])
def test_a_data_set_whose_files_are_elsewhere_says_what_to_check(
        settings, message, config, tmp_path):
    (tmp_path / 'list.txt').write_text('')
    with pytest.raises(InputError, match=message):
        pool(tmp_path, config, metainfo=CLASSES, **settings)


def test_the_part_of_several_data_sets_without_images_is_named(
        config, tmp_path):
    parts = [dict(config, metainfo=CLASSES, img_suffix=suffix)
             for suffix in ('.jpg', '.webp')]
    with pytest.raises(InputError, match=r'no \*\.webp in'):
        ImagePool(dict(type='ConcatDataset', datasets=parts),
                  LoadAnnotations(), str(tmp_path / 'cache'))
