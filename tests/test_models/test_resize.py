import plain_panet as plain
import pytest
import torch
import torch.nn.functional as F

from mmseg_panet.models import PANetHead
from mmseg_panet.models.resize import (
    cut_to_image,
    pooling,
    resize_matrix,
    to_original_size,
)

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


def class_sums(features, labels, num_classes, metainfo=None, pool_at='image',
               align_corners=False):
    """Compute sums, with the areas in the last column."""
    head = PANetHead(
        len(features), pool_at=pool_at, align_corners=align_corners)
    found = head.class_statistics(
        features[None], labels[None], num_classes, metainfo)
    return torch.cat([found.sums, found.areas[..., None]], dim=2)[0]


@pytest.mark.parametrize('pool_at', ['image', 'feature'])
def test_without_a_resize_sums_are_those_without_metainfo(pool_at):
    features, labels = example(SAME)
    torch.testing.assert_close(
        class_sums(features, labels, 2, SAME, pool_at),
        class_sums(features, labels, 2, pool_at=pool_at))


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('metainfo', [RESIZED, PADDED])
def test_features_are_resized_to_the_labels_like_logits(
        metainfo, align_corners):
    features, labels = example(metainfo)
    resized = plain.up(features, metainfo.get(
        'pad_shape', metainfo['img_shape']), align_corners)
    height, width = metainfo['img_shape']
    resized = plain.up(
        resized[:, :height, :width], labels.shape, align_corners)
    expected = [
        torch.cat([(resized * mask).sum((1, 2)), mask.sum()[None]])
        for mask in (labels != 255, labels == 1, labels == 2)]
    torch.testing.assert_close(
        class_sums(
            features, labels, 2, metainfo, align_corners=align_corners),
        torch.stack(expected))


def test_a_mask_is_resized_to_the_features_without_padding():
    features, labels = example(PADDED)
    mask = (labels == 1).double()[None, None]
    mask = F.interpolate(mask, (30, 36), mode='bilinear', align_corners=True)
    mask = F.pad(mask, (0, 4, 0, 2))
    mask = F.interpolate(mask, (4, 6), mode='bilinear', align_corners=True)
    found = class_sums(features, labels, 1, PADDED, 'feature')
    torch.testing.assert_close(
        found[1, :-1], (features * mask[0]).sum((1, 2)))


def test_a_single_pixel_of_a_large_image_is_not_lost():
    labels = torch.zeros(400, 600, dtype=torch.uint8)
    labels[123, 456] = 1
    features = torch.randn(5, 4, 6, generator=torch.Generator().manual_seed(1))
    metainfo = dict(img_shape=(33, 41), ori_shape=(400, 600))
    assert class_sums(features, labels, 1, metainfo)[1, -1] == (
        pytest.approx(1))


def test_the_operators_of_a_mask_are_the_adjoint_of_those_of_logits():
    like = torch.empty(0, dtype=torch.float64)
    to_mask = pooling((4, 6), RESIZED, like=like)
    assert to_mask.rows.shape == (50, 4) and to_mask.columns.shape == (37, 6)
    # The weights of every pixel of the image add up to 1.
    torch.testing.assert_close(to_mask.rows.sum(1), torch.ones(50).double())
    to_image = to_original_size((4, 6), RESIZED, like=like)
    cells, mask = torch.randn(4, 6).double(), torch.randn(50, 37).double()
    torch.testing.assert_close(
        (to_image(cells) * mask).sum(), (cells * to_mask.adjoint(mask)).sum())


@pytest.mark.parametrize('direction', ['horizontal', 'vertical'])
@pytest.mark.parametrize('metainfo', [SAME, RESIZED, PADDED])
@pytest.mark.parametrize('pool_at', ['image', 'feature'])
def test_a_flipped_image_gives_the_sums_of_its_flipped_labels(
        metainfo, direction, pool_at):
    """The input was flipped before it was padded at its right and bottom."""
    features, labels = example(metainfo)
    turned = labels.flip(1 if direction == 'horizontal' else 0)
    flipped = dict(metainfo, flip=True, flip_direction=direction)
    torch.testing.assert_close(
        class_sums(features, labels, 2, flipped, pool_at),
        class_sums(features, turned, 2, metainfo, pool_at))


@pytest.mark.parametrize('metainfo', [
    SAME, RESIZED, PADDED, dict(PADDED, flip=True)])
def test_maps_of_the_input_are_resized_like_those_of_the_cells(metainfo):
    cells, _ = example(metainfo)
    at_input = plain.up(
        cells, metainfo.get('pad_shape', metainfo['img_shape']))
    maps, resize = cut_to_image(at_input, metainfo)
    torch.testing.assert_close(
        resize(maps), to_original_size((4, 6), metainfo, like=cells)(cells))


@pytest.mark.parametrize('align_corners', [False, True])
def test_the_resize_matrix_is_that_of_interpolate(align_corners):
    row = torch.randn(1, 1, 7)
    expected = F.interpolate(
        row, 19, mode='linear', align_corners=align_corners)
    matrix = resize_matrix(7, 19, align_corners)
    torch.testing.assert_close(matrix @ row[0, 0], expected[0, 0])


def test_the_resize_matrix_of_four_pixels_by_hand():
    # Pixels 1 and 2 are 1/4 and 3/4 of the way between the two cells.
    assert resize_matrix(2, 4).tolist() == [
        [1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]


def test_an_image_in_its_own_size_needs_no_matrix():
    same = to_original_size(
        (3, 4), dict(img_shape=(3, 4), ori_shape=(3, 4)),
        like=torch.ones(1))
    assert same == (None, None)
    rows, columns = to_original_size(
        (3, 4), dict(img_shape=(6, 4), ori_shape=(6, 4)),
        like=torch.ones(1))
    assert rows.shape == (6, 3) and columns is None


def test_a_diagonal_flip_is_both_flips():
    maps = torch.arange(6.).view(2, 3)
    metainfo = dict(img_shape=(2, 3), ori_shape=(2, 3), flip=True)
    for direction, dims in (
            ('diagonal', (0, 1)), ('vertical', (0,)), ('horizontal', (1,))):
        flipped = to_original_size(
            (2, 3), metainfo | dict(flip_direction=direction), like=maps)
        assert torch.equal(flipped(maps), maps.flip(dims))
    # Without a direction, mmseg flips horizontally.
    assert torch.equal(
        to_original_size((2, 3), metainfo, like=maps)(maps), maps.flip(1))
