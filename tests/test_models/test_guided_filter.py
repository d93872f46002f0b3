import pytest
import torch
import torch.nn.functional as F

from mmseg_panet.models.guided_filter import box_mean, guided_filter


def plain_mean(maps, radius):
    """Compute the mean of each window within the image, by loops."""
    found = torch.empty_like(maps)
    for y in range(maps.shape[-2]):
        for x in range(maps.shape[-1]):
            found[..., y, x] = maps[
                ..., max(0, y - radius):y + radius + 1,
                max(0, x - radius):x + radius + 1].mean((-2, -1))
    return found


def plain_filter(maps, guide, radius, eps, mean=plain_mean):
    """Apply algorithm 1 of He et al. 2010."""
    mean_i, mean_z = mean(guide, radius), mean(maps, radius)
    var = mean(guide * guide, radius) - mean_i * mean_i
    cov = mean(guide * maps, radius) - mean_i * mean_z
    a = cov / (var + eps)
    b = mean_z - a * mean_i
    return mean(a, radius) * guide + mean(b, radius)


def random(*size, seed=0):
    return torch.rand(
        *size, generator=torch.Generator().manual_seed(seed),
        dtype=torch.float64)


@pytest.mark.parametrize('radius', [1, 3, 6, 20])
def test_a_box_mean_is_that_of_the_pixels_inside_the_image(radius):
    maps = random(2, 3, 7, 11)
    torch.testing.assert_close(
        box_mean(maps, radius), plain_mean(maps, radius))


@pytest.mark.parametrize('shape', [(40, 2000), (2000, 40)])
def test_a_box_mean_of_a_large_image_is_precise_in_float32(shape):
    """The logits are far from 0, with different levels on both sides."""
    maps = 50 + random(*shape)
    maps[:, :20] += 10
    found = box_mean(maps.float(), 100) - box_mean(maps, 100)
    # Half a unit in the last place of 64 is 4e-6.
    assert found.abs().max() < 1e-5


@pytest.mark.parametrize('shape', [(8, 13), (3, 8, 13), (2, 3, 8, 13)])
def test_the_filter_is_the_plain_equation(shape):
    guide, maps = random(8, 13), 20 * random(*shape, seed=1)
    torch.testing.assert_close(
        guided_filter(maps, guide, 2, 1e-3),
        plain_filter(maps, guide, 2, 1e-3))


def test_many_maps_are_filtered_like_each_map_by_itself():
    """A map of 400 x 400 is filtered by itself on a CPU."""
    guide, maps = random(400, 400), random(3, 400, 400, seed=1)
    together = guided_filter(maps, guide, 9, 1e-3)
    assert torch.equal(together, torch.stack([
        guided_filter(one, guide, 9, 1e-3) for one in maps]))

    def mean(maps, radius):
        return F.avg_pool2d(
            maps[None], 2 * radius + 1, 1, radius, count_include_pad=False)[0]

    torch.testing.assert_close(together[1:2], plain_filter(
        maps[1:2], guide[None], 9, 1e-3, mean))


def test_the_filter_of_a_large_image_is_precise_in_float32():
    guide, maps = random(60, 2000), 50 + 10 * random(60, 2000, seed=1)
    guide[:, 700:] *= 0.1
    found = guided_filter(maps.float(), guide.float(), 100, 1e-3)
    assert (found - guided_filter(maps, guide, 100, 1e-3)).abs().max() < 3e-5


def test_the_filter_is_linear_and_does_not_change_constants():
    guide, maps = random(9, 12), random(2, 9, 12, seed=1)
    torch.testing.assert_close(
        guided_filter(torch.full_like(maps, 7), guide, 2, 1e-3),
        torch.full_like(maps, 7))
    first, second = guided_filter(maps, guide, 2, 1e-3)
    torch.testing.assert_close(
        guided_filter(3 * maps[0] - maps[1], guide, 2, 1e-3),
        3 * first - second)


def test_a_border_two_pixels_off_moves_to_the_edge_of_the_image():
    """The image is bright from column 10, and the logits from column 12."""
    guide = torch.zeros(20, 20)
    guide[:, 10:] = 1
    logits = torch.full((20, 20), -1.)
    logits[:, 12:] = 1
    expected = guide > 0.5
    assert torch.equal(guided_filter(logits, guide, 5, 1e-3) > 0, expected)
    # The image moves the border, and not the smoothing.
    assert torch.equal(box_mean(logits, 5) > 0, logits > 0)
    flat = guided_filter(logits, torch.ones(20, 20), 5, 1e-3)
    torch.testing.assert_close(flat, box_mean(box_mean(logits, 5), 5))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_the_dtype_does_not_change_under_autocast(dtype):
    guide, maps = random(8, 9).to(dtype), random(2, 8, 9).to(dtype)
    expected = guided_filter(maps, guide, 2, 1e-3)
    with torch.autocast('cpu', torch.bfloat16):
        found = guided_filter(maps, guide, 2, 1e-3)
    assert found.dtype == dtype and torch.equal(found, expected)


def test_a_batch_is_filtered_by_the_guide_of_each_image():
    guides, maps = random(2, 9, 12), random(2, 3, 9, 12, seed=1)
    torch.testing.assert_close(
        guided_filter(maps, guides[:, None], 2, 1e-3),
        torch.stack([guided_filter(one, guide, 2, 1e-3)
                     for one, guide in zip(maps, guides, strict=True)]))


def test_the_sums_of_a_recorded_graph_are_the_same(monkeypatch):
    maps = random(2, 9, 12)
    expected = box_mean(maps, 3)
    monkeypatch.setattr(
        'mmseg_panet.models.guided_filter.is_recording', lambda: True)
    torch.testing.assert_close(box_mean(maps, 3), expected)
