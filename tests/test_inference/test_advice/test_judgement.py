import pytest
import torch
from inference_parts import banked

from mmseg_panet.inference.advice.judgement import (
    mask_agreement,
    mask_iou,
    shot_sets,
    shot_statistics,
)
from mmseg_panet.models import SupportStatistics


def means_of_sets(prototypes, shot):
    """Class means (G, 2, C) of the sets by which a shot is judged."""
    statistics = SupportStatistics(
        torch.full(prototypes.shape[:2], 1 - 1e-5), prototypes)
    return torch.cat([
        statistics.each(
            lambda one, sets=sets: one[torch.tensor(sets)]
        ).class_means([len(sets[0])])
        for sets in shot_sets(len(prototypes), shot)])


def test_a_shot_is_judged_by_its_own_the_others_and_all_but_two():
    prototypes = torch.tensor([1., 2., 4., 8.]).view(4, 1, 1).expand(4, 2, 3)
    sets = means_of_sets(prototypes, 1)
    # Its own; the mean of 1, 4, 8; without the 1, the 4, the 8 in turn.
    assert sets.shape == (5, 2, 3)
    torch.testing.assert_close(
        sets[:, 0, 0], torch.tensor([2., 13 / 3, 6., 4.5, 2.5]))
    assert means_of_sets(prototypes[:2], 0)[:, 0, 0].tolist() == [1, 2]
    assert means_of_sets(prototypes[:1], 0)[:, 0, 0].tolist() == [1]


def test_prototypes_of_a_shot_tell_its_class_from_all_else():
    """Another class in its labels is background, as in a 1-way episode."""
    support = banked('cat', 'dog')
    background, foreground = shot_statistics([support]).means()[0]
    every, cat, _ = support.statistics.sums
    all_pixels, of_cat, _ = support.statistics.areas
    torch.testing.assert_close(foreground, cat / of_cat, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        background, (every - cat) / (all_pixels - of_cat), rtol=0, atol=1e-6)


@pytest.mark.parametrize(('labels', 'agreement'), [
    ([1, 1, 0, 0], 1),          # the two highest
    ([0, 0, 1, 1], -1),         # (1 - 4) / (4 - 1)
    ([1, 0, 0, 1], 0),          # (2.5 - 2.5) / 3
    ([1, 0, 1, 0], 2 / 3),      # (3.5 - 1.5) / 3
    ([0, 1, 255, 0], 1 / 7),    # (3 - 2.5) / (5 - 1.5)
    ([1, 1, 1, 255], 1),        # nothing outside
], ids=['best', 'worst', 'chance', 'between', 'unknown', 'whole'])
def test_agreement_is_the_gap_over_that_of_the_best_mask(labels, agreement):
    lead = torch.tensor([5., 3., 2., 0.])
    assert mask_agreement(lead, torch.tensor(labels)) == pytest.approx(
        agreement)


def test_a_map_without_differences_agrees_as_chance_does():
    assert mask_agreement(torch.ones(4), torch.tensor([1, 0, 0, 1])) == 0


def test_an_iou_leaves_out_what_is_unknown():
    labels = torch.tensor([1, 1, 0, 0, 255, 255])
    found = torch.tensor([True, False, True, False, True, False])
    assert mask_iou(found, labels) == pytest.approx(100 / 3)
