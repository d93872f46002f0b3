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
    grey_of,
)
from mmseg_panet.models.guided_filter import guided_filter


def model_of(usual=None, test_cfg=None):
    """All that is asked of a model."""
    return SimpleNamespace(
        decode_head=SimpleNamespace(classifier=SimpleNamespace(edges=usual)),
        test_cfg=test_cfg and ConfigDict(test_cfg))


@pytest.mark.parametrize(('usual', 'test_cfg', 'expected'), [
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
        usual, test_cfg, expected):
    assert edge_filter_of(model_of(usual, test_cfg)) == expected


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
def test_settings_that_cannot_be_are_refused_when_the_model_is_built(
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
    # Black, white, green, and red or blue.
    image = torch.tensor([
        [0, 255, 0, 255], [0, 255, 255, 0], [0, 255, 0, 0]])[:, None]
    seen = preprocessor(dict(inputs=[image]))['inputs'][0]
    torch.testing.assert_close(
        grey_of(seen, preprocessor),
        torch.tensor([[0, 1, 0.587, 0.2065]]), atol=1e-6, rtol=0)


def test_a_guide_of_an_unknown_normalisation_goes_from_0_to_1():
    image = torch.tensor([[-2., 0., 2.]]).expand(3, 1, 3)
    torch.testing.assert_close(grey_of(image), torch.tensor([[0, 0.5, 1]]))
    # SegDataPreProcessor has neither where it is given none.
    plain = MODELS.build(dict(type='SegDataPreProcessor'))
    torch.testing.assert_close(
        grey_of(image, plain), torch.tensor([[0, 0.5, 1]]))
    assert torch.equal(grey_of(torch.ones(3, 2, 2)), torch.zeros(2, 2))


def test_margins_are_filtered_in_the_input_without_its_padding():
    """24 x 40 pixels, of which 20 x 33 show an image of 50 x 61, mirrored."""
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
    guide = grey_of(image[:, :20, :33]).flip(-1)
    # A tenth of the 33 pixels of the longer side.
    filtered = guided_filter(margins, guide, 3, 1e-2)
    torch.testing.assert_close(found.cells, filtered)
    assert (found.cells[:, 0] == 0).all()
    torch.testing.assert_close(
        found.rows(), resized(filtered, (50, 61)))
    # Logits of windows have the size of the input already.
    torch.testing.assert_close(
        EdgeFilter(0.1, 1e-2)(
            resized(logits, (24, 40)), image, metainfo).cells, filtered)


def test_the_radius_is_a_pixel_at_least():
    logits, image = torch.randn(2, 6, 8), torch.rand(3, 6, 8)
    metainfo = dict(img_shape=(6, 8), ori_shape=(6, 8))
    torch.testing.assert_close(
        EdgeFilter(1e-6)(logits, image, metainfo).cells[1],
        guided_filter(logits[1] - logits[0], grey_of(image), 1, 1e-3))
