from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

from mmseg_panet.errors import InputError
from mmseg_panet.models.edge_filter import (
    EdgeFilter,
    edge_filter_of,
    to_grey,
)
from mmseg_panet.models.guided_filter import guided_filter


def model_of(default=None, test_cfg=None):
    """Build an object with the attributes of a model that are read."""
    return SimpleNamespace(
        decode_head=SimpleNamespace(classifier=SimpleNamespace(edges=default)),
        test_cfg=test_cfg and ConfigDict(test_cfg))


@pytest.mark.parametrize(('default', 'test_cfg', 'expected'), [
    (None, None, None),
    (None, dict(mode='whole'), None),
    (None, dict(edges=True), EdgeFilter(0.05, 1e-3)),
    (None, dict(edges=dict()), EdgeFilter(0.05, 1e-3)),
    (None, dict(edges=dict(radius=0.1)), EdgeFilter(0.1, 1e-3)),
    (dict(eps=1), None, EdgeFilter(0.05, 1)),
    (dict(eps=1), dict(mode='whole'), EdgeFilter(0.05, 1)),
    (dict(eps=1), dict(edges=True), EdgeFilter(0.05, 1)),
    (dict(eps=1), dict(edges=dict(radius=1)), EdgeFilter(1, 1e-3)),
    (dict(eps=1), dict(edges=False), None),
    (dict(eps=1), dict(edges=None), None),
])
def test_the_settings_are_those_of_test_cfg_or_of_the_classifier(
        default, test_cfg, expected):
    assert edge_filter_of(model_of(default, test_cfg)) == expected


@pytest.mark.parametrize(('edges', 'words'), [
    (dict(radius=0), 'radius of edges above 0 and at most 1, .* got 0'),
    (dict(radius=1.5), 'radius of edges .* got 1.5'),
    (dict(radius='a'), "radius of edges .* got 'a'"),
    (dict(radius=True), 'radius of edges .* got True'),
    (dict(eps=0), 'eps of edges above 0, got 0'),
    (dict(eps=float('nan')), 'eps of edges above 0, got nan'),
    (dict(width=3), r"edges as .* \['radius', 'eps'\], got {'width': 3}"),
    (0.05, 'edges as a bool or a dict .* got 0.05'),
    ('yes', "edges as a bool or a dict .* got 'yes'"),
])
def test_invalid_settings_raise_an_error_at_construction(
        edges, words):
    with pytest.raises(InputError, match=words):
        MODELS.build(dict(
            type='FewShotSegmentor',
            backbone=dict(type='DilatedResNet', depth=18, base_channels=8,
                          stem_channels=8),
            decode_head=dict(type='PANetHead', in_channels=32),
            test_cfg=ConfigDict(mode='whole', edges=edges)))


def test_a_guide_is_the_grey_image_that_was_normalised():
    preprocessor = MODELS.build(dict(
        type='SegDataPreProcessor', mean=[100, 110, 120], std=[50, 60, 70],
        bgr_to_rgb=True))
    # The pixels are black, white, green, and red or blue.
    image = torch.tensor([
        [0, 255, 0, 255], [0, 255, 255, 0], [0, 255, 0, 0]])[:, None]
    seen = preprocessor(dict(inputs=[image]))['inputs'][0]
    torch.testing.assert_close(
        to_grey(seen, preprocessor),
        torch.tensor([[0, 1, 0.587, 0.2065]]), atol=1e-6, rtol=0)


def test_a_guide_without_a_normalisation_is_scaled_to_0_and_1():
    image = torch.tensor([[-2., 0., 2.]]).expand(3, 1, 3)
    torch.testing.assert_close(to_grey(image), torch.tensor([[0, 0.5, 1]]))
    # A SegDataPreProcessor without mean and std does not have them.
    plain = MODELS.build(dict(type='SegDataPreProcessor'))
    torch.testing.assert_close(
        to_grey(image, plain), torch.tensor([[0, 0.5, 1]]))
    assert torch.equal(to_grey(torch.ones(3, 2, 2)), torch.zeros(2, 2))


def test_margins_are_filtered_in_the_input_without_its_padding():
    """20 x 33 of the 24 x 40 pixels are a flipped image of 50 x 61."""
    metainfo = dict(
        img_shape=(20, 33), pad_shape=(24, 40), img_padding_size=(0, 7, 0, 4),
        ori_shape=(50, 61), flip=True, flip_direction='horizontal')
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(
        2, 3, 3, 5, generator=generator, dtype=torch.float64)
    image = torch.randn(
        3, 24, 40, generator=generator, dtype=torch.float64)
    found = EdgeFilter(0.1, 1e-2)(logits, image, metainfo)

    def resized(maps, size):
        return F.interpolate(maps, size, mode='bilinear')

    margins = resized(logits, (24, 40))[..., :20, :33].flip(-1)
    margins = margins - margins[:, :1]
    guide = to_grey(image[:, :20, :33]).flip(-1)
    # A tenth of the 33 pixels of the longer side.
    filtered = guided_filter(margins, guide, 3, 1e-2)
    torch.testing.assert_close(found.cells, filtered)
    assert (found.cells[:, 0] == 0).all()
    torch.testing.assert_close(
        found.rows(), resized(filtered, (50, 61)))
    # Logits of sliding windows have the size of the input.
    torch.testing.assert_close(
        EdgeFilter(0.1, 1e-2)(
            resized(logits, (24, 40)), image, metainfo).cells, filtered)


def test_the_radius_is_at_least_one_pixel():
    logits, image = torch.randn(2, 6, 8), torch.rand(3, 6, 8)
    metainfo = dict(img_shape=(6, 8), ori_shape=(6, 8))
    torch.testing.assert_close(
        EdgeFilter(1e-6)(logits, image, metainfo).cells[1],
        guided_filter(logits[1] - logits[0], to_grey(image), 1, 1e-3))
