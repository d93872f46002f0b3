import pytest
import torch

from mmseg_panet.models.prototypes import support_prototypes
from mmseg_panet.models.support_sums import class_sums, episode_prototypes


def episodes_of_one(labels):
    """Rows of every support's total and ways, one view a support."""
    ways, shots = labels.shape[:2]
    starts = 1 + (1 + ways) * torch.arange(ways * shots).view(1, ways, shots)
    return starts, starts[..., None] + torch.arange(1, 1 + ways)


def table_of(features, labels, num_classes, **pooling):
    sums = class_sums(
        features.flatten(0, 1), labels.flatten(0, 1), num_classes, **pooling)
    return torch.cat([sums.new_zeros(1, sums.shape[2]), sums.flatten(0, 1)])


def test_sums_and_areas_of_two_cells_by_hand():
    """Label 2 lies on the cell of 3, label 1 nowhere, one pixel is 255."""
    features = torch.tensor([[[[3., 5., 7.]], [[1., 1., 1.]]]])
    labels = torch.tensor([[[2, 0, 255]]])
    assert class_sums(features, labels, 2)[0].tolist() == [
        [8, 2, 2], [0, 0, 0], [3, 1, 1]]


@pytest.mark.parametrize('pool_at', ['image', 'feature'])
@pytest.mark.parametrize('ways', [1, 3])
def test_prototypes_of_sums_are_those_of_the_features(ways, pool_at):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(
        ways, 2, 5, 4, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 1 + ways, (ways, 2, 19, 23), generator=generator)
    labels[:, :, 3:9, 4:8] = 255
    plain = support_prototypes(features[None], labels[None], pool_at)
    totals, rows = episodes_of_one(labels)
    table = table_of(features, labels, ways, pool_at=pool_at)
    found = episode_prototypes(table, totals, rows)
    torch.testing.assert_close(found[:, 0], plain, rtol=1e-12, atol=1e-12)


def test_each_shot_gives_the_prototypes_it_would_give_alone():
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 3, 5, 4, 4, generator=generator).double()
    labels = torch.randint(0, 3, (2, 3, 11, 11), generator=generator)
    totals, rows = episodes_of_one(labels)
    found = episode_prototypes(
        table_of(features, labels, 2), totals, rows, by_shot=True)
    for shot in range(3):
        torch.testing.assert_close(
            found[:, shot], support_prototypes(
                features[None, :, shot:shot + 1],
                labels[None, :, shot:shot + 1]))


def test_a_class_outside_the_episode_is_background():
    """Of the view's classes 1 and 2 the episode asks for 2."""
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(1, 1, 5, 4, 4, generator=generator).double()
    labels = torch.randint(0, 3, (1, 1, 9, 9), generator=generator)
    found = episode_prototypes(
        table_of(features, labels, 2), torch.tensor([[[1]]]),
        torch.tensor([[[[3]]]]))
    plain = support_prototypes(features[None], (labels == 2).long()[None])
    torch.testing.assert_close(found[:, 0], plain)


def test_a_support_without_background_gives_zeros_and_no_rounding():
    """What is left of the total would be turned into a direction."""
    features = torch.randn(
        1, 1, 7, 5, 5, generator=torch.Generator().manual_seed(3)).double()
    labels = torch.ones(1, 1, 37, 41, dtype=torch.long)
    totals, rows = episodes_of_one(labels)
    found = episode_prototypes(table_of(features, labels, 1), totals, rows)
    assert not found[0, 0, 0].any() and found[0, 0, 1].any()
