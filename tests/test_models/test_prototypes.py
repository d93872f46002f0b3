import plain_panet
import pytest
import torch
from torch.nn import functional as F

from mmseg_panet.models import masked_average_pool
from mmseg_panet.models.prototypes import resize_matrix

SIZES = [((5, 5), (40, 40)), ((5, 7), (33, 50)), ((6, 4), (6, 4)),
         ((8, 9), (5, 3))]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def random_case(size, mask_size, dtype, requires_grad=False):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(
        3, 4, *size, dtype=dtype, generator=generator)
    masks = torch.rand(3, *mask_size, generator=generator) > 0.6
    return features.requires_grad_(requires_grad), masks


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize(('size', 'mask_size'), SIZES)
@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('pool_at', ['image', 'feature'])
def test_pooling_equals_the_plain_equation(
        size, mask_size, dtype, align_corners, pool_at):
    features, masks = random_case(size, mask_size, dtype)
    expected = torch.stack([
        plain_panet.pool(f, m, pool_at, align_corners)
        for f, m in zip(features, masks, strict=True)])
    pooled = masked_average_pool(features, masks, pool_at, align_corners)
    assert pooled.dtype == dtype
    torch.testing.assert_close(
        pooled, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize(('size', 'mask_size'), SIZES)
def test_gradient_of_pooling_equals_the_plain_equation(
        size, mask_size, dtype):
    features, masks = random_case(size, mask_size, dtype, requires_grad=True)
    upstream = torch.randn(3, 4, dtype=dtype)
    plain = torch.stack([
        plain_panet.pool(f, m) for f, m in zip(features, masks, strict=True)])
    expected, = torch.autograd.grad((plain * upstream).sum(), features)
    pooled = masked_average_pool(features, masks)
    gradient, = torch.autograd.grad((pooled * upstream).sum(), features)
    torch.testing.assert_close(
        gradient, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_gradient_of_pooling_passes_gradcheck():
    features, masks = random_case((3, 4), (9, 10), torch.float64, True)
    assert torch.autograd.gradcheck(
        lambda x: masked_average_pool(x, masks), features)


def test_pooling_constant_features_gives_the_constant():
    features = torch.full((1, 2, 3, 3), 7.0)
    masks = torch.zeros(1, 24, 24)
    masks[0, 3:9, 5:20] = 1  # 90 pixels
    # 7 * 90 / (90 + 1e-5)
    torch.testing.assert_close(
        masked_average_pool(features, masks), torch.full((1, 2), 7.0))


def test_an_empty_mask_pools_to_zero():
    pooled = masked_average_pool(torch.ones(1, 2, 3, 3), torch.zeros(1, 9, 9))
    assert pooled.tolist() == [[0, 0]]


def test_pooling_never_makes_a_tensor_of_features_at_image_size():
    """512 channels at 417x417 would be 356 MB; an allocation is refused."""
    features = torch.zeros(1, 512, 53, 53, requires_grad=True)
    masks = torch.ones(1, 417, 417)
    with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU],
            profile_memory=True) as profile:
        masked_average_pool(features, masks).sum().backward()
    largest = max(event.cpu_memory_usage for event in profile.events())
    assert largest < 512 * 53 * 53 * 4 * 2


@pytest.mark.parametrize('align_corners', [False, True])
def test_the_resize_matrix_is_what_interpolate_does(align_corners):
    row = torch.randn(1, 1, 7)
    expected = F.interpolate(
        row, 19, mode='linear', align_corners=align_corners)
    matrix = resize_matrix(7, 19, align_corners)
    torch.testing.assert_close(matrix @ row[0, 0], expected[0, 0])


def test_a_large_mask_pools_right_in_half_precision():
    features = torch.full((1, 2, 9, 9), 3.0, dtype=torch.float16)
    pooled = masked_average_pool(features, torch.ones(1, 417, 417))
    assert pooled.dtype == torch.float16
    assert pooled.tolist() == [[3.0, 3.0]]


def test_an_unknown_place_to_pool_at_is_named():
    with pytest.raises(ValueError, match="must be one of .*'image'"):
        masked_average_pool(
            torch.ones(1, 1, 2, 2), torch.ones(1, 4, 4), pool_at='featur')


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'\(N, H, W\), got \(2, 3, 4, 4\)'):
        masked_average_pool(torch.ones(2, 3, 4, 4), torch.ones(3, 8, 8))
