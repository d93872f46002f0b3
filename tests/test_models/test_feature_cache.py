"""The cache of the backbone's outputs."""
import torch

from mmseg_panet.models.feature_cache import FeatureCache


class Backbone:
    """It returns two levels and records how many images pass it."""

    def __init__(self):
        self.passed = []

    def __call__(self, images):
        self.passed.append(len(images))
        return images.mean(1, keepdim=True), images[:, :, ::2, ::2] * 2


def test_an_image_passes_the_backbone_once_in_whatever_batch_it_is():
    images = torch.rand(4, 3, 8, 8)
    backbone = Backbone()
    cache = FeatureCache(backbone, 1)
    for rows in ([0, 1], [1, 2, 0], [3, 3], [2, 1]):
        found = cache(images[rows])
        for level, of_cache in zip(
                Backbone()(images[rows]), found, strict=True):
            torch.testing.assert_close(of_cache, level, rtol=0, atol=0)
    assert backbone.passed == [2, 1, 1]


def test_shape_and_type_are_part_of_what_an_image_is_known_by():
    backbone = Backbone()
    cache = FeatureCache(backbone, 1)
    for images in (torch.zeros(1, 3, 8, 2), torch.zeros(1, 3, 4, 4),
                   torch.zeros(1, 3, 4, 4).double()):
        assert cache(images)[0].dtype == images.dtype
    assert backbone.passed == [1, 1, 1]


def test_the_outputs_that_were_used_last_are_kept():
    # 8 * 8 values of one level and 3 * 4 * 4 of the other: 448 bytes.
    images = torch.rand(3, 3, 8, 8)
    backbone = Backbone()
    cache = FeatureCache(backbone, 2 * 448e-6)
    for i in (0, 1, 0, 2, 0, 1):
        cache(images[[i]])
    assert sum(backbone.passed) == 4  # 0, 1, 2, and 1 again
    assert len(cache) == 2 and cache.bytes == 896


def test_more_images_than_there_is_memory_for_are_computed():
    images = torch.rand(3, 3, 8, 8)
    cache = FeatureCache(Backbone(), 1e-6)
    torch.testing.assert_close(cache(images)[1], Backbone()(images)[1])
    assert len(cache) == cache.bytes == 0
