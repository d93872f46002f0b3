from dataclasses import replace

import plain_panet
import pytest
import torch

from mmseg_panet.models import PANetHead, SupportStatistics
from mmseg_panet.models.resize import pooling, size_metainfo
from mmseg_panet.models.statistics import join, stack

SIZES = [((5, 5), (40, 40)), ((5, 7), (33, 50)), ((6, 4), (6, 4)),
         ((8, 9), (5, 3))]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def masked_average_pool(features, masks, pool_at='image',
                        align_corners=False):
    """Compute means of features (N, C, h, w) under masks (N, H, W)."""
    to_masks = pooling(
        features.shape[2:], size_metainfo(masks.shape[1:]), pool_at,
        align_corners, like=features)
    weights = to_masks.adjoint(masks.to(features))
    return SupportStatistics.from_weights(
        features, weights[:, None]).means()[:, 0]


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


def test_pooling_never_allocates_features_at_image_size():
    """512 channels at 417x417 would take 356 MB."""
    features = torch.zeros(1, 512, 53, 53, requires_grad=True)
    masks = torch.ones(1, 417, 417)
    with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU],
            profile_memory=True) as profile:
        masked_average_pool(features, masks).sum().backward()
    largest = max(event.cpu_memory_usage for event in profile.events())
    assert largest < 512 * 53 * 53 * 4 * 2


def test_a_large_mask_is_pooled_correctly_in_half_precision():
    """The area of a mask easily exceeds the range of float16."""
    features = torch.full((2, 2, 9, 9), 3.0, dtype=torch.float16)
    head = PANetHead(2)
    features = head.features([features])
    statistics = head.mask_statistics(features, torch.ones(2, 1, 417, 417))
    assert statistics.areas.tolist() == [[417.0**2]] * 2
    torch.testing.assert_close(
        statistics.means(), torch.full((2, 1, 2), 3.0))


def test_an_unknown_pool_at_raises_an_error_that_names_it():
    with pytest.raises(ValueError, match="must be one of .*'image'"):
        masked_average_pool(
            torch.ones(1, 1, 2, 2), torch.ones(1, 4, 4), pool_at='featur')


def class_statistics(features, labels, num_classes, **settings):
    return PANetHead(features.shape[1], **settings).class_statistics(
        features, labels, num_classes)


def pairs_of(features, labels, num_classes, ways, **settings):
    """Compute background and way of supports (W, S, ...) of an episode.

    The classes of the images are 1..num_classes; ``ways`` are the classes of
    the episode.
    """
    statistics = class_statistics(
        features.flatten(0, 1), labels.flatten(0, 1), num_classes, **settings)
    shots = labels.shape[1]
    return join([
        statistics.masks([0, *ways]).background(),
        stack([
            statistics.each(lambda one, i=i: one[i]).masks(
                [ways[i // shots]])
            for i in range(len(ways) * shots)])])


def test_sums_and_areas_of_two_cells_by_hand():
    """Label 2 is at the cell of 3, label 1 nowhere, and one pixel is 255."""
    features = torch.tensor([[[[3., 5., 7.]], [[1., 1., 1.]]]])
    labels = torch.tensor([[[2, 0, 255]]])
    found = class_statistics(features, labels, 2)
    assert found.sums[0].tolist() == [[8, 2], [0, 0], [3, 1]]
    assert found.areas[0].tolist() == [2, 0, 1]


def test_moments_and_cells_of_two_cells_by_hand():
    """The cells are (3, 1) with 2 pixels and (4, 3) with 1 pixel."""
    features = torch.tensor([[[[3., 4.]], [[1., 3.]]]])
    weights = torch.tensor([[[[2., 1.]]]])
    found = SupportStatistics.from_weights(
        features, weights, ('moments', 'cells'))
    # 2 (3, 1)(3, 1)^T + (4, 3)(4, 3)^T
    assert found.moments.tolist() == [[[[34., 18.], [18., 11.]]]]
    assert found.cells.tolist() == [[[3., 1.], [4., 3.]]]
    assert found.weights.tolist() == [[[2., 1.]]]
    unit = SupportStatistics.from_weights(features, weights, unit=True)
    torch.testing.assert_close(unit.sums, torch.tensor(
        [[[6 / 10**.5 + .8, 2 / 10**.5 + .6]]]))


@pytest.mark.parametrize('needs', [(), ('moments',), ('moments', 'cells')])
def test_statistics_that_are_added_can_be_subtracted(needs):
    generator = torch.Generator().manual_seed(4)
    one, other = (
        SupportStatistics.from_weights(
            torch.randn(1, 3, 2, 4, generator=generator).double(),
            torch.rand(1, 2, 2, 4, generator=generator).double(), needs)
        for _ in range(2))
    added = one + other
    torch.testing.assert_close(added.areas, one.areas + other.areas)
    if 'cells' in needs:
        assert added.cells.shape == (1, 16, 3)
        # Sums and moments are those of all cells.
        torch.testing.assert_close(
            added.sums, torch.einsum(
                'bnm,bmc->bnc', added.weights, added.cells))
    back = SupportStatistics(
        added.areas, added.sums, added.moments) - SupportStatistics(
            other.areas, other.sums, other.moments)
    torch.testing.assert_close(back.sums, one.sums)
    if needs:
        torch.testing.assert_close(back.moments, one.moments)


@pytest.mark.parametrize('pool_at', ['image', 'feature'])
@pytest.mark.parametrize('ways', [1, 3])
def test_prototypes_of_sums_are_those_of_the_features(ways, pool_at):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(
        ways, 2, 5, 4, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 1 + ways, (ways, 2, 19, 23), generator=generator)
    labels[:, :, 3:9, 4:8] = 255
    plain = plain_panet.prototypes_of(features, labels, pool_at=pool_at)
    found = pairs_of(
        features, labels, ways, range(1, 1 + ways), pool_at=pool_at)
    torch.testing.assert_close(
        found.class_means([2] * ways), torch.stack(plain),
        rtol=1e-12, atol=1e-12)


def test_each_shot_gives_the_prototypes_it_would_give_alone():
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 3, 5, 4, 4, generator=generator).double()
    labels = torch.randint(0, 3, (2, 3, 11, 11), generator=generator)
    found = pairs_of(features, labels, 2, [1, 2]).each(
        lambda one: one.unflatten(0, (2, 3)).transpose(0, 1))  # (S, W)
    for shot in range(3):
        torch.testing.assert_close(
            found.class_means([1, 1])[shot], torch.stack(
                plain_panet.prototypes_of(
                    features[:, shot:shot + 1], labels[:, shot:shot + 1])))


def test_a_class_outside_the_episode_is_background():
    """The image shows the classes 1 and 2, and the episode has class 2."""
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(1, 1, 5, 4, 4, generator=generator).double()
    labels = torch.randint(0, 3, (1, 1, 9, 9), generator=generator)
    found = pairs_of(features, labels, 2, [2]).class_means([1])
    plain = plain_panet.prototypes_of(features, (labels == 2).long())
    torch.testing.assert_close(found, torch.stack(plain))


def test_a_support_without_background_gives_exact_zeros():
    """A rounding error of the difference would become a direction."""
    features = torch.randn(
        1, 1, 7, 5, 5, generator=torch.Generator().manual_seed(3)).double()
    labels = torch.ones(1, 1, 37, 41, dtype=torch.long)
    background, way = pairs_of(features, labels, 1, [1]).class_means([1])
    assert not background.any() and way.any()


def test_supports_with_fewer_cells_are_padded_in_a_stack():
    many, few = (
        SupportStatistics.from_weights(
            torch.ones(1, 3, 2, width), torch.ones(1, 2, 2, width),
            ('cells',)).each(lambda one: one[0]) for width in (4, 3))
    stacked = stack([many, few])
    assert stacked.cells.shape == (2, 8, 3)
    assert stacked.weights[1, :, 6:].sum() == 0
    assert stacked.areas.tolist() == [[8, 8], [6, 6]]


def axes_case(seed=5):
    """Create features (2, C, h, w) and the weights of three masks."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, 12, 3, 5, generator=generator).double() + 1
    return features, torch.rand(2, 3, 3, 5, generator=generator).double()


def test_moments_along_axes_are_those_of_the_coordinates_along_them():
    features, weights = axes_case()
    exact, found = (
        SupportStatistics.from_weights(
            features, weights, ('moments',), True, rank) for rank in (None, 4))
    axes = found.axes.double()
    assert axes.shape == (2, 4, 12) and found.moments.shape == (2, 3, 4, 4)
    assert exact.axes is None
    torch.testing.assert_close(
        found.moments, axes[:, None] @ exact.moments @ axes[:, None].mT)
    # Areas and sums do not change.
    assert torch.equal(found.areas, exact.areas)
    assert torch.equal(found.sums, exact.sums)


@pytest.mark.parametrize(('rank', 'needs'), [
    (12, ('moments',)), (64, ('moments',)), (4, ()), (4, ('cells',))])
def test_there_are_no_axes_for_all_channels_or_without_moments(
        rank, needs):
    found = SupportStatistics.from_weights(
        *axes_case(), needs, True, rank)
    assert found.axes is None


def test_the_axes_do_not_depend_on_the_masks_of_the_valid_pixels():
    """A bank, a test and an episode use different masks of an image."""
    features, weights = axes_case()
    valid = weights.sum(1)
    expected = SupportStatistics.from_weights(
        features, weights, ('moments',), True, 4)
    for masks in (weights[:, :1], weights[:, [2, 0]]):
        found = SupportStatistics.from_weights(
            features, masks, ('moments',), True, 4, valid)
        assert torch.equal(found.axes, expected.axes)
    assert not torch.equal(SupportStatistics.from_weights(
        features, weights[:, :1], ('moments',), True, 4).axes, expected.axes)


def test_an_image_has_the_same_axes_in_an_episode_and_in_a_table():
    """A table has all classes of an image, and an episode only its ways."""
    generator = torch.Generator().manual_seed(6)
    features = torch.randn(2, 8, 4, 5, generator=generator).double()
    labels = torch.randint(0, 4, (2, 17, 21), generator=generator)
    labels[:, 2:6, 3:9] = 255
    head = PANetHead(8, classifier=dict(
        type='DiscriminantClassifier', rank=3)).eval()
    table = head.class_statistics(features, labels, 3)
    one_way = torch.where(labels == 255, 255, (labels == 2).long())
    episode = head.support_statistics(features, one_way, [1, 1])
    assert torch.equal(table.axes, episode.axes)
    pair = table.masks([0, 2]).background()
    for name in ('areas', 'sums', 'moments'):
        torch.testing.assert_close(
            getattr(pair, name)[:, 0], getattr(episode, name)[:, 0])
        torch.testing.assert_close(
            getattr(table, name)[:, 2], getattr(episode, name)[:, 1])
    head.train()
    assert head.support_statistics(features, one_way, [1, 1]).axes is None


def test_moments_along_axes_are_pooled_over_all_channels():
    features, weights = axes_case()
    found = SupportStatistics.from_weights(
        features, weights, ('moments',), True, 4)
    pooled = found.pooled(0)
    axes = found.axes.double()[:, None]
    assert pooled.axes is None
    torch.testing.assert_close(
        pooled.moments, (axes.mT @ found.moments @ axes).sum(0))
    torch.testing.assert_close(pooled.sums, found.sums.sum(0))
    added = found.each(lambda one: one[0]) + found.each(lambda one: one[1])
    torch.testing.assert_close(added.moments, pooled.moments)


def test_masks_along_axes_are_selected_joined_and_subtracted():
    features, weights = axes_case()
    # The masks are all valid pixels, another way, and the support's way.
    weights[:, 0] = weights[:, 1:].sum(1) + 1
    found = SupportStatistics.from_weights(
        features, weights, ('moments',), True, 4)
    pair = found.pair()
    left = SupportStatistics.from_weights(
        features, weights[:, 2:] + 1, ('moments',), True, 4, weights.sum(1))
    assert pair.axes is found.axes and pair.moments.shape == (2, 2, 4, 4)
    torch.testing.assert_close(pair.masks(slice(1)).moments, left.moments)
    assert torch.equal(pair.moments[:, 1], found.moments[:, 2])


def test_a_background_below_the_rounding_of_its_moments_is_zero():
    """Files and tables store moments in float32 and areas in float64."""
    areas = torch.tensor([[1e6, 1e6 - 4], [1e6, 1e6 - 400]]).double()
    moments = torch.ones(2, 2, 3, 3)
    left = SupportStatistics(
        areas, torch.ones(2, 2, 3).double(), moments).background()
    assert left.areas.flatten().tolist() == [0, 400]
    exact = SupportStatistics(
        areas, torch.ones(2, 2, 3).double(), moments.double()).background()
    assert exact.areas.flatten().tolist() == [4, 400]


def test_means_with_shares_by_hand():
    """Two supports of a way and a negative, in two channels."""
    means = torch.tensor([  # (N, n, C)
        [[1., 0.], [8., 0.]], [[0., 2.], [0., 4.]], [[10., 10.], [5., 5.]]])
    supports = SupportStatistics(
        torch.ones(3, 2).double(), means.double() * (1 + 1e-5))
    weighted = replace(supports, shares=torch.tensor([0.5, 0.25, 0.25]))
    # (1, 0) / 2 + (0, 2) / 4 + (10, 10) / 4, and the mean of the two shots
    torch.testing.assert_close(
        weighted.class_means([2]), torch.tensor([[3., 3.], [4., 2.]]).double())
    assert weighted.groups([2]) == [2, 1] and supports.groups([3]) == [3]
    adapted = replace(weighted, way_shares=torch.tensor([0.75, 0.25, 0.0]))
    torch.testing.assert_close(
        adapted.class_means([2]), torch.tensor([[3., 3.], [6., 1.]]).double())
    # Each way has its own shares; the third support is a way's only shot.
    two = replace(supports, way_shares=torch.tensor([0.75, 0.25, 1.0]))
    torch.testing.assert_close(two.class_means([2, 1]), torch.tensor(
        [[11 / 3, 4.], [6., 1.], [5., 5.]]).double())
