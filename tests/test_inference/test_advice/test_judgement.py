import numpy as np
import pytest
import torch
from inference_parts import banked

from mmseg_panet.inference.advice.judgement import (
    judge,
    mask_agreement,
    mask_iou,
    shot_sets,
    shot_statistics,
)
from mmseg_panet.models import LogitMap, PANetHead, SupportStatistics
from mmseg_panet.models.bank.banked_image import BankedSupport


def means_of_sets(prototypes, shot):
    """Return the class means (G, 2, C) of the sets that judge a shot."""
    statistics = SupportStatistics(
        torch.full(prototypes.shape[:2], 1 - 1e-5), prototypes)
    return torch.cat([
        statistics.each(
            lambda one, sets=sets: one[torch.tensor(sets)]
        ).class_means([len(sets[0])])
        for sets in shot_sets(len(prototypes), shot)])


def test_a_shot_is_judged_by_itself_the_others_and_all_but_two():
    prototypes = torch.tensor([1., 2., 4., 8.]).view(4, 1, 1).expand(4, 2, 3)
    sets = means_of_sets(prototypes, 1)
    # Its own; the mean of 1, 4, 8; without the 1, the 4, the 8 in turn.
    assert sets.shape == (5, 2, 3)
    torch.testing.assert_close(
        sets[:, 0, 0], torch.tensor([2., 13 / 3, 6., 4.5, 2.5]))
    assert means_of_sets(prototypes[:2], 0)[:, 0, 0].tolist() == [1, 2]
    assert means_of_sets(prototypes[:1], 0)[:, 0, 0].tolist() == [1]


def test_prototypes_of_a_shot_separate_its_class_from_all_else():
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
], ids=['best', 'worst', 'chance', 'between', 'unknown', 'complete'])
def test_agreement_is_the_gap_over_that_of_the_best_mask(labels, agreement):
    margin = torch.tensor([5., 3., 2., 0.])
    assert mask_agreement(margin, torch.tensor(labels)) == pytest.approx(
        agreement)


def test_a_map_without_differences_agrees_as_chance_does():
    assert mask_agreement(torch.ones(4), torch.tensor([1, 0, 0, 1])) == 0


def test_an_iou_leaves_out_what_is_unknown():
    labels = torch.tensor([1, 1, 0, 0, 255, 255])
    found = torch.tensor([True, False, True, False, True, False])
    assert mask_iou(found, labels) == pytest.approx(100 / 3)


def test_a_prediction_of_background_only_has_an_iou_of_zero():
    assert mask_iou(torch.zeros(3).bool(), torch.tensor([1, 0, 255])) == 0


def judged_images(classifier, images=5, channels=12, size=(6, 8)):
    """A head, features and labels of images, and their statistics."""
    generator = torch.Generator().manual_seed(3)
    head = PANetHead(channels, classifier=classifier).eval()
    features = torch.rand(images, channels, *size, generator=generator)
    labels = torch.zeros(images, 8 * size[0], 8 * size[1]).long()
    for number in range(images):
        labels[number, 8:32, 8 + number:40] = 1
        features[number, :4, 1:4, 1:5] += 0.7
    statistics = shot_statistics([
        BankedSupport(
            'cat', ('cat',), head.class_statistics(
                features[[i]], labels[[i]], 1).each(lambda one: one[0]),
            '', str(i), '') for i in range(images)])
    return head, features, labels, statistics


@pytest.mark.parametrize(('classifier', 'of_one', 'of_more'), [
    ('auto', 'PrototypeClassifier', 'DiscriminantClassifier'),
    (dict(type='QueryRefinement', rank=4), 'DiscriminantClassifier',
     'DiscriminantClassifier'),
    (dict(type='DiscriminantClassifier', rank=4), 'DiscriminantClassifier',
     'DiscriminantClassifier')])
@pytest.mark.parametrize('images', [1, 5, 12])
def test_a_shot_is_judged_by_what_its_classifier_starts_from(
        classifier, of_one, of_more, images):
    """Each set is fitted by hand, without a refinement by the image."""
    head, features, labels, statistics = judged_images(classifier, images)
    metainfo = dict(ori_shape=labels.shape[1:], img_shape=labels.shape[1:])
    shot = images // 2
    found = judge(
        head, features[shot], metainfo, labels[shot], statistics, shot)
    expected = []
    for sets in shot_sets(images, shot):
        for one in sets:
            start = PANetHead(12, classifier=dict(
                type=of_one if len(one) == 1 else of_more)).classifier
            fitted = start.fit(
                statistics.each(lambda tensor, one=one: tensor[one][None].to(
                    torch.float32)), [len(one)])
            margin, = LogitMap.from_cells(
                fitted(features[[shot]])[0], metainfo).margins()
            expected.append((
                mask_iou(margin > 0, labels[shot]),
                mask_agreement(margin, labels[shot])))
    assert found.ious == pytest.approx([iou for iou, _ in expected], abs=0.1)
    assert (found.own_fit, found.agreement) == pytest.approx(
        (expected[0][1], expected[:2][-1][1]), abs=1e-4)
    if images > 1:
        assert min(found.ious) < max(found.ious)


@pytest.mark.parametrize('classifier', [
    dict(type='PrototypeClassifier'), dict(type='DiscriminantClassifier'),
    'auto'])
@pytest.mark.parametrize('features_of', [
    torch.zeros_like, torch.ones_like, lambda one: 6e4 * one.sign()])
def test_degenerate_features_are_judged_without_nan(classifier, features_of):
    head, features, labels, _ = judged_images(classifier, 3)
    features = features_of(features)
    statistics = shot_statistics([
        BankedSupport(
            'cat', ('cat',), head.class_statistics(
                features[[i]], labels[[i]], 1).each(lambda one: one[0]),
            '', str(i), '') for i in range(3)])
    metainfo = dict(ori_shape=labels.shape[1:], img_shape=labels.shape[1:])
    found = judge(head, features[0], metainfo, labels[0], statistics, 0)
    assert np.isfinite(
        [*found.ious, found.own_fit, found.agreement, found.cells]).all()



def test_many_shots_of_many_channels_are_judged_with_bounded_memory(
        monkeypatch):
    """No more than eight sets are fitted together."""
    head, features, labels, statistics = judged_images('auto', 20)
    sizes = []
    fit = type(head.classifier).fit

    def noted(self, supports, shots):
        sizes.append(tuple(supports.areas.shape))
        return fit(self, supports, shots)

    monkeypatch.setattr(type(head.classifier), 'fit', noted)
    size = labels.shape[1:]
    judge(head, features[0], dict(ori_shape=size, img_shape=size), labels[0],
          statistics, 0)
    assert sizes == [(1, 1, 2), (1, 19, 2), *[(8, 18, 2)] * 2, (3, 18, 2)]
