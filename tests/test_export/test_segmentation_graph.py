"""A graph prepares images as the pipeline does, or refuses the pipeline."""
import numpy as np
import pytest
import torch
from exported_parts import PHOTOGRAPHS, small_network
from inference_parts import RESIZE, red_and_blue, small_inferencer
from mmseg.models.backbones.swin import ShiftWindowMSA

from mmseg_panet.errors import InputError
from mmseg_panet.export.segmentation_graph import (
    SegmentationGraph,
    _join_windows_by,
)


@pytest.mark.parametrize('steps', [
    (), (dict(RESIZE, keep_ratio=True),),
    (dict(RESIZE, interpolation='nearest'),),
    (RESIZE, dict(type='PhotoMetricDistortion'))], ids=str)
def test_a_pipeline_of_more_than_one_resize_is_refused(steps):
    inferencer = small_inferencer(*steps).fit(red_and_blue())
    with pytest.raises(InputError, match=r'only resizes.*47x90|83x61'):
        SegmentationGraph(inferencer.model, inferencer.pipeline)


def test_padding_is_refused():
    inferencer = small_inferencer(RESIZE, model=dict(data_preprocessor=dict(
        type='SegDataPreProcessor', test_cfg=dict(size_divisor=50))))
    inferencer.fit(red_and_blue())
    with pytest.raises(InputError, match='no other transform or padding'):
        SegmentationGraph(inferencer.model, inferencer.pipeline)


@pytest.mark.parametrize('package', ['mmseg', 'mmpretrain'])
def test_windows_are_joined_for_any_number_of_images(package):
    if package == 'mmseg':
        module = ShiftWindowMSA(4, 1, 3)
        further = ()
    else:
        attention = pytest.importorskip('mmpretrain.models.utils.attention')
        module, further = attention.ShiftWindowMSA(4, 1, 3), (3,)
    windows = torch.randn(12, 3, 3, 4)
    expected = module.window_reverse(windows, 6, 9, *further)
    assert expected.shape == (2, 6, 9, 4)
    _join_windows_by(module)
    traced = torch.jit.trace(
        lambda images: module.window_reverse(images, 6, 9, *further), windows)
    for images in (1, 2):
        assert torch.equal(traced(windows[:6 * images]), expected[:images])


def test_the_logits_are_those_of_the_network():
    network = small_network()
    graph = SegmentationGraph(network.model, network.support_pipeline)
    image = PHOTOGRAPHS[0]
    with torch.no_grad():
        found = graph(torch.from_numpy(image[None, ..., ::-1].copy()))
    torch.testing.assert_close(
        found[0], network.views([image])[0][0].rows(), rtol=0, atol=1e-4)


def test_the_model_stays_as_it_was():
    network = small_network(channels_last=True)
    image = PHOTOGRAPHS[0]
    before = network.views([image])[0][0].labels()
    SegmentationGraph(network.model, network.support_pipeline, half=True)
    assert network.model.channels_last
    np.testing.assert_array_equal(
        network.views([image])[0][0].labels(), before)
