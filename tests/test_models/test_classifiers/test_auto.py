import pytest
import torch
from flat_episodes import random_episodes

from mmseg_panet.errors import InputError
from mmseg_panet.models import (
    PANetHead,
    PrototypeClassifier,
    SupportStatistics,
)
from mmseg_panet.models.classifiers import AutoClassifier, QueryRefinement


@pytest.mark.parametrize('presence', [-1.0, 1.5])
@pytest.mark.parametrize(('shots', 'start'), [
    ([1], 'PrototypeClassifier'), ([2], 'DiscriminantClassifier'),
    ([1, 1], 'DiscriminantClassifier'), ([3, 2], 'DiscriminantClassifier')])
def test_one_image_starts_from_prototypes_others_from_discriminant(
        shots, start, presence):
    generator = torch.Generator().manual_seed(0)
    features, queries = (
        torch.randn(number, 5, 4, 4, generator=generator).double()
        for number in (sum(shots), 2))
    weights = torch.rand(sum(shots), 2, 4, 4, generator=generator).double()
    statistics = SupportStatistics.from_weights(
        features, weights, ('moments',), True).each(lambda one: one[None])
    common = dict(prior=0.5, scale=2.0)
    found = AutoClassifier(presence=presence, **common).fit(statistics, shots)
    expected = QueryRefinement(
        dict(type=start), presence=presence, **common).fit(statistics, shots)
    assert torch.equal(found(queries), expected(queries))
    assert found.num_classes == 1 + len(shots)


def test_shots_that_are_fitted_separately_are_one_image_each():
    """In a vote, each of the three shots starts from prototypes."""
    features, samples = random_episodes(1, 1, 3, 1)
    head = PANetHead(8, classifier='auto').eval()
    by_shot = head.predict_episodes([features], samples, by_shot=True)
    for shot in range(3):
        some = [shot, 3]
        alone = head.predict_episodes(
            [features[some]], [samples[i] for i in some])
        torch.testing.assert_close(by_shot[shot], alone)


def test_auto_is_the_classifier_with_its_edges():
    classifier = PANetHead(8, classifier='auto').classifier
    assert classifier.settings() == dict(
        type='AutoClassifier', prior=1.0, presence=-1.0, scale=1.0, rank=64)
    assert set(classifier.edges) == {'radius', 'eps'}


@pytest.mark.parametrize(
    'kind', ['AutoClassifier', 'QueryRefinement', 'DiscriminantClassifier'])
def test_the_scale_of_a_head_is_only_a_factor_of_cosines(kind):
    """The scale of logarithms of densities is a separate setting."""
    head = PANetHead(8, classifier=dict(type=kind), scale=10.0)
    assert head.classifier.scale == 1
    head = PANetHead(8, classifier=dict(type=kind, scale=0.5), scale=10.0)
    assert head.classifier.scale == 0.5


def test_the_scale_of_auto_is_that_of_all_methods():
    classifier = PANetHead(
        8, classifier=dict(type='AutoClassifier', scale=0.5)).classifier
    assert classifier.one_shot.scale == classifier.many_shot.scale == 0.5


@pytest.mark.parametrize(('name', 'value'), [
    ('prior', -0.1), ('presence', -1.1), ('scale', 0.0), ('rank', 0)])
def test_a_setting_out_of_range_is_named(name, value):
    with pytest.raises(InputError, match=name):
        AutoClassifier(**{name: value})


def test_the_choice_is_described():
    assert AutoClassifier().describe([1]) == (
        'auto: refinement from prototypes for 1 way, 1 shot')
    assert AutoClassifier().describe([2, 5]) == (
        'auto: refinement from the discriminant for 2 ways, 2 to 5 shots')


def test_cells_without_scatter_are_classified_by_prototypes():
    """The scatter of the query must not be used by itself."""
    generator = torch.Generator().manual_seed(0)
    features = torch.eye(6)[:2].view(1, 2, 6).expand(3, 2, 6)
    features = features.transpose(1, 2).unsqueeze(3)  # (3, C, 2, 1)
    weights = torch.eye(2).view(1, 2, 2, 1).expand(3, 2, 2, 1)
    statistics = SupportStatistics.from_weights(
        features, weights, ('moments',), True).each(lambda one: one[None])
    queries = torch.randn(2, 6, 9, 9, generator=generator)
    expected = PrototypeClassifier().fit(statistics, [3])(queries)
    found = AutoClassifier().fit(statistics, [3])(queries)
    assert torch.equal(found.argmax(1), expected.argmax(1))
