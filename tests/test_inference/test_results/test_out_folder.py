import numpy as np
import pytest
from image_files import save_image
from PIL import Image
from result_parts import CLASSES, PALETTE, prediction

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import ImageItem
from mmseg_panet.inference.results.out_folder import (
    OutFolder,
    overlay_path,
    prepare_folder,
    take_over,
)
from mmseg_panet.inference.results.out_path import refuse_support_folder
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.locks import folder_lock

IMAGE = np.full((4, 6, 3), 100, np.uint8)


def out_folder(path, overlay=True):
    return OutFolder(path, CLASSES, PALETTE, overlay, csv=False, coco=False)


def test_a_mask_is_a_palette_png_of_the_class_map(tmp_path):
    out_folder(tmp_path, overlay=False).write(
        ImageItem('deep/a', IMAGE), IMAGE, prediction())
    with Image.open(tmp_path / 'masks/deep/a.png') as mask:
        assert mask.mode == 'P'
        assert (np.array(mask) == prediction().class_map).all()
        assert (np.array(mask.convert('RGB'))[0, 0] == (250, 10, 20)).all()
    assert not (tmp_path / 'overlays').exists()


def test_an_overlay_has_the_colours_of_the_palette_over_the_image(tmp_path):
    # Large enough that a pixel is not in the outline of its class.
    labels, confidence, image = (
        small.repeat(32, 0).repeat(32, 1)
        for small in (*prediction()[:2], IMAGE))
    out_folder(tmp_path).write(
        ImageItem('a', image), image, Prediction(labels, confidence, CLASSES))
    with Image.open(overlay_path(tmp_path, 'a')) as overlay:
        picture = np.array(overlay).astype(int)
    # 55 % of grey 100 and 45 % of the class's colour.
    assert np.abs(picture[16, 16] - (167, 59, 64)).max() < 8
    assert np.abs(picture[80, 180] - 100).max() < 4


def test_a_mask_is_written_after_its_overlay(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError('disk full')
    monkeypatch.setattr(Image.Image, 'save', fail)
    with pytest.raises(OSError, match='disk full'):
        out_folder(tmp_path).write(ImageItem('a', IMAGE), IMAGE, prediction())
    assert [path.name for path in tmp_path.rglob('*.*')] == ['a.jpg']


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    part = '.part-0123abcd-12'
    keep = ['masks/a.png', 'masks/.a.png', 'overlays/a.jpg', '.part-1',
            f'deep/{part}']
    left = [f'masks/{part}', f'masks/b/{part}', f'overlays/{part}', part]
    for file in keep + left:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / 'made_with.txt').write_text('a model\n')
    with folder_lock(tmp_path):
        take_over(tmp_path, 'a model')
    assert all((tmp_path / file).exists() for file in keep)
    assert not any((tmp_path / file).exists() for file in left)


def test_an_image_that_broke_loses_its_files_if_there_are_any(tmp_path):
    item, broken = ImageItem('a', IMAGE), InputError('it broke')
    out_folder(tmp_path).write(item, IMAGE, prediction())
    assert out_folder(tmp_path).is_finished(item)
    for _ in range(2):
        assert out_folder(tmp_path).write(item, None, broken) is broken
        assert not list(tmp_path.rglob('*.*'))


def test_masks_of_other_classes_stay_only_where_all_are_replaced(tmp_path):
    """The labels of one list of classes would be wrong for the others."""
    a, b = ImageItem('a', IMAGE), ImageItem('deep/b', IMAGE)
    take_over(tmp_path, 'a model')
    for item in (a, b):
        out_folder(tmp_path).write(item, IMAGE, prediction())
    other = OutFolder(
        tmp_path, CLASSES[::-1], PALETTE, True, csv=False, coco=False)
    with pytest.raises(InputError, match='got b.png of the classes .*cat'):
        other.refuse_other_classes('another model', [a])
    other.refuse_other_classes('another model', [a, b])
    out_folder(tmp_path).refuse_other_classes('another model', [a])
    # With the fingerprint of the masks, none of them has to be read.
    other.refuse_other_classes('a model', [a])


def test_a_folder_with_masks_of_several_models_is_known_as_results(tmp_path):
    take_over(tmp_path, 'a model')
    out_folder(tmp_path).write(ImageItem('a', IMAGE), IMAGE, prediction())
    take_over(tmp_path, 'another model')
    assert (tmp_path / 'made_with.txt').read_text() == 'several\n'


def test_results_never_lie_among_the_examples(tmp_path):
    for file in ('cat/a.jpg', 'cat/a.png'):
        save_image(tmp_path / 'support' / file)
    before = sorted(tmp_path.rglob('*'))
    with pytest.raises(InputError, match=r"examples of the classes \['cat'\]"):
        take_over(tmp_path / 'support', 'a model')
    for path in ('support', 'support/out', 'support/cat/../new/out'):
        with pytest.raises(InputError, match='outside the folder of the exam'):
            refuse_support_folder(tmp_path / path, tmp_path / 'support')
    for path in ('out', 'support2'):
        refuse_support_folder(tmp_path / path, tmp_path / 'support')
    # A file of annotations does not take what lies beside it for examples.
    refuse_support_folder(tmp_path, tmp_path / 'support/cat/a.png')
    refuse_support_folder(tmp_path, None)
    assert sorted(tmp_path.rglob('*')) == before


@pytest.mark.parametrize('name', ['masks', 'overlays'])
def test_a_link_out_of_the_folder_is_refused(tmp_path, name):
    for folder in ('out', 'elsewhere'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'out' / name).symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(InputError, match=f'{name} as a folder in .* a link'):
        prepare_folder(tmp_path / 'out', 'a fingerprint')
    assert not list((tmp_path / 'elsewhere').iterdir())
    # The folder itself may be on another disk.
    (tmp_path / 'link').symlink_to(tmp_path / 'elsewhere')
    prepare_folder(tmp_path / 'link', 'a fingerprint')
    assert (tmp_path / 'elsewhere').is_dir()
