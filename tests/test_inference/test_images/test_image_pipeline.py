import pytest
from inference_parts import RESIZE, small_config

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_pipeline import (
    at_own_size,
    image_steps,
    network_size,
    rescaled,
)

WIDE = dict(type='Resize', scale=(200, 100), keep_ratio=True)


def test_steps_of_labels_and_padding_are_left_out():
    cfg = small_config(WIDE, dict(type='Pad', size=(200, 200)),
                       dict(type='PadLabelsToSquare'),
                       dict(type='EpisodeLabels'))
    assert image_steps(cfg) == [WIDE]


def test_a_plain_config_of_mmseg_has_one_pipeline():
    cfg = small_config(WIDE)
    dataset = cfg.test_dataloader.dataset
    dataset.pipeline = dataset.pop('query_pipeline')
    assert image_steps(cfg) == [WIDE]


@pytest.mark.parametrize('loader', [None, dict(), dict(dataset=dict())])
def test_a_config_without_a_test_is_refused(loader):
    cfg = small_config()
    cfg.test_dataloader = loader
    with pytest.raises(InputError, match='expected test_dataloader.dataset'):
        image_steps(cfg)


def test_the_networks_size_is_that_of_the_last_resize():
    cfg = small_config()
    assert network_size([RESIZE, WIDE], cfg) == (100, 200)
    assert network_size([], cfg) == (512, 512)
    cfg.model.data_preprocessor.size = (128, 96)
    assert network_size([], cfg) == (128, 96)


def test_the_last_resize_is_rescaled():
    assert rescaled([RESIZE, WIDE], 0.5) == [
        RESIZE, dict(WIDE, scale=(100, 50))]
    assert rescaled([], 0.5) == [
        dict(type='Resize', scale_factor=0.5, keep_ratio=True)]
    assert rescaled([WIDE], 1) == [WIDE]


def test_a_single_number_is_both_sides():
    square = dict(type='Resize', scale=60)
    assert network_size([square], small_config()) == (60, 60)
    assert rescaled([square], 1.5) == [dict(square, scale=(90, 90))]


def test_at_its_own_size_nothing_is_resized():
    flip = dict(type='RandomFlip', prob=0.0)
    assert at_own_size([RESIZE, flip, WIDE]) == [flip]
