import plain_discriminant as plain
import pytest
import torch

from mmseg_panet.errors import InputError
from mmseg_panet.models import SupportStatistics
from mmseg_panet.models.classifiers import (
    DiscriminantClassifier,
    PrototypeClassifier,
    QueryRefinement,
)
from mmseg_panet.models.classifiers.query_refinement import class_shares
from mmseg_panet.models.classifiers.refined_discriminant import added_query

STARTS = ('PrototypeClassifier', 'DiscriminantClassifier')


def episode(shots, queries=1, channels=6, size=(5, 6), seed=0, noise=0.7):
    """Create supports with the weights of their cells, and queries."""
    generator = torch.Generator().manual_seed(seed)
    ways = len(shots)
    means = torch.randn(
        1 + ways, channels, generator=generator, dtype=torch.float64)

    def image_of(labels):
        cells = means[labels] + noise * torch.randn(
            *labels.shape, channels, generator=generator, dtype=torch.float64)
        return cells.movedim(-1, 0)

    def labels_of(way):
        labels = torch.zeros(size, dtype=torch.long)
        labels[1:-1, 1:-2] = way
        return labels

    features, weights = [], []
    for way, number in enumerate(shots, start=1):
        for _ in range(number):
            labels = labels_of(way)
            features.append(image_of(labels))
            weights.append(torch.stack([labels == 0, labels == way]).double())
    features, weights = torch.stack(features), torch.stack(weights)
    queries = torch.stack([
        image_of(labels_of(1 + i % ways)) for i in range(queries)])
    return features, weights, queries


def statistics_of(features, weights, episodes=1):
    return SupportStatistics.from_weights(
        features, weights, ('moments',), True).each(
            lambda one: one.unflatten(0, (episodes, -1)))  # (B, N)


def refined(statistics, queries, shots, **settings):
    """Classify without the prior, which the plain equation lacks."""
    return QueryRefinement(**dict(prior=0) | settings).fit(
        statistics, shots)(queries)


@pytest.mark.parametrize('noise', [0.7, 2.0])
@pytest.mark.parametrize('settings', [
    dict(), dict(rounds=1), dict(keep=0.6, share=0.4, shrinkage=0.5)])
@pytest.mark.parametrize('start', STARTS)
def test_with_both_classes_refined_it_equals_the_plain_equation(
        start, settings, noise):
    """The query is one more image with a share of each class."""
    shots = [3]
    features, weights, queries = episode(shots, queries=2, noise=noise)
    statistics = statistics_of(features, weights)
    found = refined(
        statistics, queries, shots, start=dict(type=start), **settings)
    first = (
        PrototypeClassifier() if start == STARTS[0] else
        DiscriminantClassifier(settings.get('shrinkage', 1.0)))
    logits = first.fit(statistics, shots)(queries)
    means, moments = plain.classes_of([
        (plain.unit(one), back.flatten(), way.flatten())
        for one, (back, way) in zip(features, weights, strict=True)], shots)
    for query, logits_of_query, result in zip(
            queries, logits, found, strict=True):
        expected, numbers = plain.refine(
            plain.unit(query), logits_of_query.flatten(1), means, moments,
            **settings)
        # Both were refined in all rounds, by several cells each.
        assert min(min(one) for one in numbers) > 1
        torch.testing.assert_close(result.flatten(1), expected)
    assert not torch.allclose(found, logits)


@pytest.mark.parametrize('start', STARTS)
@pytest.mark.parametrize('shots', [[1], [2, 1, 2]])
def test_no_rounds_and_no_prior_give_the_logits_of_the_start(start, shots):
    features, weights, queries = episode(shots, queries=2)
    statistics = statistics_of(features, weights)
    first = PrototypeClassifier if start == STARTS[0] else (
        DiscriminantClassifier)
    expected = first().fit(statistics, shots)(queries)
    found = refined(
        statistics, queries, shots, start=dict(type=start), rounds=0)
    assert torch.equal(found, expected)
    torch.testing.assert_close(
        refined(statistics, queries, shots, start=dict(type=start), rounds=0,
                scale=0.5), expected / 2)


def test_without_a_share_it_is_the_discriminant_of_the_supports():
    features, weights, queries = episode([2])
    statistics = statistics_of(features, weights)
    torch.testing.assert_close(
        refined(statistics, queries, [2], share=0.0,
                start=dict(type='PrototypeClassifier')),
        DiscriminantClassifier().fit(statistics, [2])(queries))


@pytest.mark.parametrize(('size', 'alone'), [((1, 1), True), ((1, 3), True),
                                             ((1, 8), False)])
def test_a_class_with_fewer_than_four_cells_is_not_refined(size, alone):
    features, weights, _ = episode([2])
    statistics = statistics_of(features, weights)
    queries = features[:1, :, 2:3, 1:2].expand(-1, -1, *size) + (
        0.01 * torch.arange(size[1]).double())
    expected = DiscriminantClassifier().fit(statistics, [2])(queries)
    assert len(expected.argmax(1).unique()) == 1
    found = refined(statistics, queries, [2])
    assert torch.allclose(found, expected) == alone


def test_a_class_of_four_cells_is_refined_by_the_most_certain_one():
    features, weights, queries = episode([3], noise=0.3)
    # Four cells of the background, and four of the way.
    queries = torch.cat(
        [queries[:, :, 0, :4], queries[:, :, 1, 1:4], queries[:, :, 2, 1:2]],
        2)[:, :, None]
    statistics = statistics_of(features, weights)
    means, moments = plain.classes_of([
        (plain.unit(one), back.flatten(), way.flatten())
        for one, (back, way) in zip(features, weights, strict=True)], [3])
    logits = DiscriminantClassifier().fit(statistics, [3])(queries)
    expected, numbers = plain.refine(
        plain.unit(queries[0]), logits[0].flatten(1), means, moments)
    assert numbers == [[1, 1]] * 3
    found = refined(statistics, queries, [3])
    torch.testing.assert_close(found[0].flatten(1), expected)


@pytest.mark.parametrize('classes', [2, 4])
def test_the_shares_equal_those_of_a_loop(classes):
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(
        3, classes, 40, generator=generator, dtype=torch.float64)
    logits[0, -1] -= 30  # the class does not occur
    shares = class_shares(logits)
    assert shares.shape == (3, classes, 1)
    for found, image in zip(shares[..., 0], logits, strict=True):
        torch.testing.assert_close(
            found, torch.tensor(plain.shares_of(image)).double())
    assert 0.0009 < shares[0, -1] < 0.0011


def test_shares_of_certain_cells_are_counted_by_hand():
    """Of six cells, one, two and three are certain to be of a class."""
    labels = torch.tensor([0, 1, 1, 2, 2, 2])
    logits = 1000 * torch.nn.functional.one_hot(labels).T.double()
    torch.testing.assert_close(
        class_shares(logits[None])[0, :, 0],
        torch.tensor([1, 2, 3]).double() / 6)


@pytest.mark.parametrize('prior', [0.5, 1.0])
@pytest.mark.parametrize('shots', [[2], [2, 1, 2]])
def test_the_prior_adds_the_logarithms_of_the_shares(shots, prior):
    features, weights, queries = episode(shots)
    statistics = statistics_of(features, weights)
    plainly = refined(statistics, queries, shots)
    shares = torch.tensor(plain.shares_of(plainly[0].flatten(1))).double()
    torch.testing.assert_close(
        refined(statistics, queries, shots, prior=prior, scale=2.0),
        2 * (plainly + prior * shares.log()[:, None, None]))


@pytest.mark.parametrize(('present', 'ways'), [
    (0.0, [1, 2, 3]), (0.6, [1, 2]), (0.8, [2])])
def test_with_several_ways_only_the_present_ones_are_refined(
        present, ways, monkeypatch):
    """The query has 8 cells of background, and 6, 9 and 4 of the ways."""
    shots = [2, 2, 2]
    features, weights, _ = episode(shots, noise=0.4)
    of_way = features[::2, :, 1:-1, 1:-2].flatten(2)  # (W, C, 9)
    queries = torch.cat([
        features[0, :, :, -2:].flatten(1)[:, :8], of_way[0, :, :6],
        of_way[1], of_way[2, :, :4]], dim=1)[None, :, None]
    statistics = statistics_of(features, weights)
    logits = DiscriminantClassifier().fit(statistics, shots)(queries)
    logits = logits[0].flatten(1)
    shares = torch.tensor(plain.shares_of(logits)).double()
    # All classes have enough cells to be refined.
    logits = logits + shares.log()[:, None]
    assert min(map(len, plain.certain_cells(logits, 1.0))) >= 4
    assert ways == [way for way in (1, 2, 3)
                    if shares[way] >= present * shares[1:].max()]
    expected = plain.certain_cells(logits, 0.3, ways)
    added = []

    def add(means, cells, weights, share):
        added.extend(
            cells[0][one > 0].sum(0) for one in weights[0])
        return added_query(means, cells, weights, share)

    monkeypatch.setattr(
        'mmseg_panet.models.classifiers.query_refinement.added_query', add)
    refined(statistics, queries, shots, rounds=1, present=present)
    cells = torch.stack(plain.unit(queries[0]))
    for found, chosen in zip(added, expected, strict=True):
        torch.testing.assert_close(found, cells[chosen].sum(0))


@pytest.mark.parametrize('rounds', [0, 2])
def test_a_way_below_the_presence_gets_no_pixel(rounds):
    """Its logits are below those of the background in all rounds."""
    shots = [2, 2]
    features, weights, _ = episode(shots, noise=0.4)
    statistics = statistics_of(features, weights)
    # The query has cells of the second way and of the background around it.
    queries = features[2:3]
    plainly, found = (
        refined(statistics, queries, shots, rounds=rounds, presence=presence)
        for presence in (-1.0, 0.5))
    assert (found[:, 1] <= found[:, 0] - 20 + 1e-9).all()
    assert not (plainly[:, 1] <= plainly[:, 0] - 20).all()
    assert (found.argmax(1) == 2).sum() >= 9
    if not rounds:
        torch.testing.assert_close(found[:, ::2], plainly[:, ::2])
    # With a threshold above all ways, only background remains.
    nothing = refined(
        statistics, queries, shots, rounds=rounds, presence=50.0)
    assert not nothing.argmax(1).any()


def test_permuted_ways_permute_the_logits():
    shots = [1, 2, 1]
    features, weights, queries = episode(shots, noise=0.5)
    order, ways = [3, 1, 2, 0], [0, 3, 2, 1]
    one = QueryRefinement().fit(statistics_of(features, weights), shots)
    other = QueryRefinement().fit(
        statistics_of(features[order], weights[order]), shots)
    torch.testing.assert_close(other(queries), one(queries)[:, ways])


@pytest.mark.parametrize('shots', [[2], [2, 1]])
def test_a_query_is_refined_without_the_others(shots):
    features, weights, queries = episode(shots, queries=3)
    statistics = statistics_of(features, weights)
    fitted = QueryRefinement().fit(statistics, shots)
    together = fitted(queries)
    for i in range(3):
        torch.testing.assert_close(together[i:i + 1], fitted(queries[i:i + 1]))
    assert torch.equal(fitted(queries), together)


def test_one_image_or_its_images_are_refined_for_each_episode():
    features, weights, _ = episode([1, 1, 1, 1])
    _, _, queries = episode([1, 1], queries=4, seed=0)
    statistics = statistics_of(features, weights, 2)
    classifier = QueryRefinement()
    fitted = classifier.fit(statistics, [1, 1])
    for i in range(2):
        alone = classifier.fit(
            statistics.each(lambda one, i=i: one[i:i + 1]), [1, 1])
        torch.testing.assert_close(
            fitted(queries[:1])[i], alone(queries[:1])[0])
        two = slice(2 * i, 2 * i + 2)
        torch.testing.assert_close(fitted(queries)[two], alone(queries[two]))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('case', [
    'one cell', 'an empty background', 'no pixel', 'equal cells'])
@pytest.mark.parametrize('start', STARTS)
def test_without_a_scatter_the_logits_are_those_of_prototypes(
        start, case, dtype):
    features, weights, queries = episode([1, 1])
    if case == 'one cell':
        features, weights = features[..., :1, :1], weights[..., 1:2, 1:2]
    elif case == 'an empty background':
        weights[:, 0] = 0
    elif case == 'no pixel':
        weights[:] = 0
    else:
        features = features[:1, :, :1, :1].expand_as(features)
    features = features.to(dtype).requires_grad_()
    queries = queries.to(dtype)
    statistics = statistics_of(features, weights.to(dtype))
    expected = PrototypeClassifier().fit(statistics, [1, 1])(queries)
    found = refined(
        statistics, queries, [1, 1], start=dict(type=start), prior=1.0)
    gradient, = torch.autograd.grad(found.sum(), features)
    assert found.isfinite().all() and gradient.isfinite().all()
    if case != 'equal cells':
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('shots', [[2], [1, 1]])
def test_equal_or_zero_cells_of_a_query_give_no_nan(shots):
    features, weights, queries = episode(shots)
    statistics = statistics_of(features, weights)
    for some in (0 * queries, torch.ones_like(queries)):
        leaf = some.requires_grad_()
        found = QueryRefinement().fit(statistics, shots)(leaf)
        gradient, = torch.autograd.grad(found.square().sum(), leaf)
        assert found.isfinite().all() and gradient.isfinite().all()


def test_a_gradient_reaches_supports_and_query():
    features, weights, queries = episode([1, 1])
    for leaf in (features, queries):
        leaf.requires_grad_()
    found = QueryRefinement().fit(
        statistics_of(features, weights), [1, 1])(queries)
    for gradient in torch.autograd.grad(
            found.square().mean(), (features, queries)):
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_float32_gives_the_logits_of_float64():
    features, weights, queries = episode([3])
    exact, single = (
        refined(statistics_of(features.to(dtype), weights.to(dtype)),
                queries.to(dtype), [3], prior=1.0)
        for dtype in (torch.float64, torch.float32))
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), exact, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(('name', 'value'), [
    ('rounds', -1), ('rounds', 1.5), ('share', 1.1), ('share', -0.1),
    ('keep', 0), ('keep', 1.1), ('present', 1.1), ('present', -0.1),
    ('keep', -0.1), ('present', 2), ('shrinkage', 0),
    ('prior', -1), ('presence', -2), ('scale', 0), ('rank', 0)])
def test_a_setting_out_of_range_is_named(name, value):
    with pytest.raises(InputError, match=f'expected {name} as an? '):
        QueryRefinement(**{name: value})


def test_a_classifier_can_be_rebuilt_from_its_settings():
    settings = QueryRefinement(
        dict(type='PrototypeClassifier', scale=10.0), keep=0.5).settings()
    assert settings.pop('type') == 'QueryRefinement'
    assert QueryRefinement(**settings).settings().items() >= settings.items()
    assert settings['start'] == dict(type='PrototypeClassifier', scale=10.0)


def test_the_start_has_the_shrinkage_of_the_rounds():
    assert QueryRefinement(shrinkage=0.3).first.shrinkage == 0.3
    with pytest.raises(InputError, match='subclass of Classifier'):
        QueryRefinement(dict(type='DilatedResNet', depth=18))
