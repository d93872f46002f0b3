import numpy as np
import pytest
from image_files import SEEN, oriented_bytes, save_image, tiff_bytes
from mmcv.transforms import LoadImageFromFile
from mmseg.registry import TRANSFORMS

from mmseg_panet.datasets.cached_pipeline import split_steps
from mmseg_panet.datasets.transforms import LoadOrientedImage
from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_source import read_image


def test_without_an_orientation_it_is_mmcvs(tmp_path):
    for name in ('a.jpg', 'a.png', 'a.webp', 'a.bmp', 'a.tif'):
        info = dict(img_path=str(save_image(tmp_path / name)))
        for settings in ({}, dict(to_float32=True)):
            ours, theirs = (loader(**settings)(dict(info)) for loader in (
                LoadOrientedImage, LoadImageFromFile))
            assert list(ours) == list(theirs)
            assert ours['img'].dtype == theirs['img'].dtype
            assert (ours.pop('img') == theirs.pop('img')).all()
            assert ours == theirs


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', SEEN)
def test_what_is_trained_is_what_is_segmented(tmp_path, kind, orientation):
    path = tmp_path / 'a.dat'
    path.write_bytes(oriented_bytes(kind, orientation))
    loaded = LoadOrientedImage()(dict(img_path=str(path)))
    assert loaded['img_shape'] == loaded['ori_shape'] == (16, 24)
    assert (loaded['img'] == read_image(str(path))).all()
    assert loaded['img'][3, 3, 1] > 128 > loaded['img'][12, 20, 1]


def test_bands_and_a_stretch_are_settings_of_a_config(tmp_path):
    array = np.zeros((4, 6, 5), np.uint16)
    array[..., 4] = 3000
    path = tmp_path / 'a.tif'
    path.write_bytes(tiff_bytes(array))
    loader = TRANSFORMS.build(dict(
        type='LoadOrientedImage', bands=[5, 2, 1], stretch=[0, 3000]))
    image = loader(dict(img_path=str(path)))['img']
    assert (image == [0, 0, 255]).all()
    with pytest.raises(InputError, match='--bands'):
        LoadOrientedImage()(dict(img_path=str(path)))
    with pytest.raises(InputError, match='expected bands'):
        LoadOrientedImage(bands=[1, 2])


def test_its_result_can_be_cached():
    loader = LoadOrientedImage(bands=(1,))
    assert split_steps([loader]) == ([loader], [])
    assert repr(loader) == "LoadOrientedImage({'bands': [1]})"


def test_a_missing_file_is_the_error_of_mmengine(tmp_path):
    with pytest.raises(FileNotFoundError):
        LoadOrientedImage()(dict(img_path=str(tmp_path / 'a.png')))
