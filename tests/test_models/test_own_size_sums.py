import plain_panet as plain
import pytest
import torch
import torch.nn.functional as F

from mmseg_panet.models.own_size_sums import mask_operators, own_size_sums
from mmseg_panet.models.support_sums import class_sums

SAME = dict(img_shape=(19, 23), ori_shape=(19, 23))
RESIZED = dict(img_shape=(33, 41), ori_shape=(50, 37))
PADDED = dict(
    img_shape=(30, 36), ori_shape=(50, 37), pad_shape=(32, 40),
    img_padding_size=(0, 4, 0, 2))


def example(metainfo):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(5, 4, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(
        0, 3, metainfo['ori_shape'], generator=generator).byte()
    labels[3:9, 4:8] = 255
    return features, labels


@pytest.mark.parametrize('pool_at', ['image', 'feature'])
def test_without_a_resize_they_are_the_class_sums(pool_at):
    features, labels = example(SAME)
    torch.testing.assert_close(
        own_size_sums(features, labels, 2, SAME, pool_at),
        class_sums(features[None], labels[None], 2, pool_at)[0])


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('metainfo', [RESIZED, PADDED])
def test_features_are_resized_to_the_labels_as_logits_are(
        metainfo, align_corners):
    features, labels = example(metainfo)
    own_size = plain.up(features, metainfo.get(
        'pad_shape', metainfo['img_shape']), align_corners)
    height, width = metainfo['img_shape']
    own_size = plain.up(
        own_size[:, :height, :width], labels.shape, align_corners)
    expected = [
        torch.cat([(own_size * mask).sum((1, 2)), mask.sum()[None]])
        for mask in (labels != 255, labels == 1, labels == 2)]
    torch.testing.assert_close(
        own_size_sums(
            features, labels, 2, metainfo, align_corners=align_corners),
        torch.stack(expected))


def test_a_mask_is_resized_to_the_features_and_padding_is_not_of_it():
    features, labels = example(PADDED)
    mask = (labels == 1).double()[None, None]
    mask = F.interpolate(mask, (30, 36), mode='bilinear', align_corners=True)
    mask = F.pad(mask, (0, 4, 0, 2))
    mask = F.interpolate(mask, (4, 6), mode='bilinear', align_corners=True)
    found = own_size_sums(features, labels, 1, PADDED, 'feature')
    torch.testing.assert_close(
        found[1, :-1], (features * mask[0]).sum((1, 2)))


def test_a_single_pixel_of_a_large_image_is_not_lost():
    labels = torch.zeros(400, 600, dtype=torch.uint8)
    labels[123, 456] = 1
    features = torch.randn(5, 4, 6, generator=torch.Generator().manual_seed(1))
    metainfo = dict(img_shape=(33, 41), ori_shape=(400, 600))
    assert own_size_sums(features, labels, 1, metainfo)[1, -1] == (
        pytest.approx(1))


def test_the_operators_of_a_mask_are_the_adjoint_of_those_of_logits():
    rows, columns = mask_operators((4, 6), RESIZED)
    assert rows.shape == (4, 50) and columns.shape == (6, 37)
    # Every pixel of the image is shared out whole.
    torch.testing.assert_close(rows.sum(0), torch.ones(50).double())
