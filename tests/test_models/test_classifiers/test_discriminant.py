import copy
import pickle

import plain_discriminant as plain
import pytest
import torch
import torch.nn.functional as F
from flat_episodes import random_episodes
from torch_versions import compiles

from mmseg_panet.errors import InputError
from mmseg_panet.models import PANetHead, SupportStatistics
from mmseg_panet.models.classifiers import (
    DiscriminantClassifier,
    PrototypeClassifier,
)
from mmseg_panet.models.classifiers.discriminant import discriminant

TOLERANCE = {torch.float32: 2e-3, torch.float64: 1e-9}


def random_supports(number, channels=5, size=(3, 4), dtype=torch.float64,
                    seed=0):
    """Create features (N, C, h, w) and weights (N, 2, h, w) of cells."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(
        number, channels, *size, generator=generator, dtype=torch.float64)
    weights = torch.rand(
        number, 2, *size, generator=generator, dtype=torch.float64)
    return features.to(dtype), (weights * (weights > 0.3)).to(dtype)


def statistics_of(features, weights):
    return SupportStatistics.from_weights(
        features, weights, ('moments',), True)


def plain_classes(features, weights, shots):
    return plain.classes_of([
        (plain.unit(one), back.flatten(), way.flatten())
        for one, (back, way) in zip(features, weights, strict=True)], shots)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('shots', [[1], [5], [2, 1, 3], [1] * 6])
def test_logits_equal_the_plain_equation(shots, dtype):
    features, weights = random_supports(sum(shots), dtype=dtype)
    queries, _ = random_supports(2, dtype=dtype, seed=1)
    fitted = DiscriminantClassifier(shrinkage=0.7, scale=2.0).fit(
        statistics_of(features, weights).each(lambda one: one[None]), shots)
    logits = fitted(queries)
    assert logits.dtype == dtype
    means, moments = plain_classes(features, weights, shots)
    weight, bias = plain.fit(means, moments, 0.7)
    expected = torch.stack([
        2 * plain.logits_of(plain.unit(query), weight, bias)
        for query in queries])
    torch.testing.assert_close(
        logits.flatten(2), expected, rtol=TOLERANCE[dtype],
        atol=TOLERANCE[dtype], check_dtype=False)


def test_two_classes_with_a_diagonal_scatter_by_hand():
    """The background and the class have unit cells in two dimensions.

    The background has the cells (.8, .6) and (.8, -.6), with the mean
    p0 = (.8, 0) and the scatter diag(0, .36). The class has the cells
    (.6, .8) and (-.6, .8), with p1 = (0, .8) and diag(.36, 0). Therefore
    S = diag(.18, .18), its trace over C is .18, S' = .36 I, V = p / .36, and
    the biases are -.64 / .36 / 2 = -8 / 9.
    """
    cells = torch.tensor([[.8, .6], [.8, -.6], [.6, .8], [-.6, .8]]).double()
    features = 3 * cells.T[None, :, None]  # (1, 2, 1, 4)
    weights = torch.tensor([[1., 1, 0, 0], [0, 0, 7, 7]]).view(1, 2, 1, 4)
    fitted = DiscriminantClassifier().fit(
        statistics_of(features, weights.double()), [1])
    torch.testing.assert_close(
        fitted.weight, torch.tensor([[20 / 9, 0], [0, 20 / 9]]).double())
    torch.testing.assert_close(
        fitted.bias, torch.full((2,), -8 / 9).double())
    assert fitted.normalise


@pytest.mark.parametrize('normalised', [False, True])
def test_one_convolution_of_unit_cells_gives_the_logits(normalised):
    features, weights = random_supports(3)
    queries, _ = random_supports(2, seed=1)
    fitted = DiscriminantClassifier(scale=0.5).fit(
        statistics_of(features, weights), [3])
    logits = F.conv2d(
        F.normalize(queries, dim=1), fitted.weight[..., None, None],
        fitted.bias) * 0.5
    torch.testing.assert_close(
        fitted(F.normalize(queries, dim=1) if normalised else queries),
        logits)


def test_a_batch_of_episodes_is_fitted_as_each_alone():
    features, weights = random_supports(6)
    statistics = statistics_of(features, weights).each(
        lambda one: one.unflatten(0, (2, 3)))
    query, _ = random_supports(1, seed=1)
    queries, _ = random_supports(4, seed=2)
    classifier = DiscriminantClassifier()
    together = classifier.fit(statistics, [1, 2])
    for episode in range(2):
        alone = classifier.fit(
            statistics.each(lambda one, e=episode: one[e]), [1, 2])
        # One image for all episodes, and two images of each.
        torch.testing.assert_close(together(query)[episode], alone(query)[0])
        two = slice(2 * episode, 2 * episode + 2)
        torch.testing.assert_close(together(queries)[two], alone(queries[two]))


def test_permuted_ways_permute_the_logits():
    features, weights = random_supports(4)
    queries, _ = random_supports(1, seed=1)
    # Ways of 1, 2 and 1 shots in another order.
    order, ways = [3, 1, 2, 0], [0, 3, 2, 1]
    classifier = DiscriminantClassifier()
    logits = classifier.fit(statistics_of(features, weights), [1, 2, 1])
    permuted = classifier.fit(
        statistics_of(features[order], weights[order]), [1, 2, 1])
    torch.testing.assert_close(
        permuted(queries), logits(queries)[:, ways])


def test_an_image_has_the_same_weight_at_any_size():
    """A mask with a thousand times the pixels does not weigh more."""
    features, weights = random_supports(2)
    large = weights.clone()
    large[0] *= 1000
    for one, other in zip(*(
            DiscriminantClassifier().fit(
                statistics_of(features, some), [2]).buffers()
            for some in (weights, large)), strict=True):
        torch.testing.assert_close(one, other)


def degenerate(case, dtype):
    """Create features and weights of two shots without a scatter."""
    features, weights = random_supports(
        2, size=(1, 1) if case == 'one cell' else (3, 4), dtype=dtype)
    if case == 'one cell':
        features[1], weights[:] = features[0], 1
    elif case == 'equal cells':
        features[:] = features[0, :, 0, 0].view(-1, 1, 1)
    elif case == 'an empty background':
        weights[:, 0] = 0
    elif case == 'no pixel':
        weights[:] = 0
    elif case == 'cells of zero':
        features[:] = 0
    return features, weights


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('case', [
    'one cell', 'equal cells', 'an empty background', 'no pixel',
    'cells of zero'])
def test_without_a_scatter_the_logits_are_those_of_prototypes(case, dtype):
    features, weights = degenerate(case, dtype)
    features.requires_grad_()
    queries, _ = random_supports(1, dtype=dtype, seed=1)
    statistics = statistics_of(features, weights)
    logits = DiscriminantClassifier().fit(statistics, [2])(queries)
    torch.testing.assert_close(
        logits, PrototypeClassifier().fit(statistics, [2])(queries),
        rtol=1e-5, atol=1e-5)
    gradient, = torch.autograd.grad(logits.sum(), features)
    assert gradient.isfinite().all()


@pytest.mark.parametrize('solvable', [True, False])
def test_an_episode_without_a_scatter_does_not_affect_the_others(solvable):
    features, weights = random_supports(2)
    if not solvable:
        weights[1, 0] = 0
    features.requires_grad_()
    statistics = statistics_of(features, weights)
    queries, _ = random_supports(2, seed=1)
    classifier = DiscriminantClassifier()
    together = classifier.fit(
        statistics.each(lambda one: one[:, None]), [1])(queries)
    for i in range(2):
        alone = classifier.fit(
            statistics.each(lambda one, i=i: one[i:i + 1]), [1])(
                queries[i:i + 1])
        torch.testing.assert_close(together[i:i + 1], alone)
        gradient, expected = (
            torch.autograd.grad(one.sum(), features, retain_graph=True)[0][i]
            for one in (alone, together))
        torch.testing.assert_close(gradient, expected)
        assert gradient.abs().sum() > 0


def test_a_scatter_below_the_rounding_of_its_moments_is_not_used():
    """In float32, the ridge of 1024 channels would be a rounding error."""
    means = F.normalize(torch.rand(
        2, 1024, generator=torch.Generator().manual_seed(0)), dim=1)
    complete = torch.tensor(True)
    for trace, solved in ((2e-4, False), (3e-4, True)):
        for dtype in (torch.float32, torch.float64):
            weight, _ = discriminant(
                means.to(dtype), (trace / 1024 * torch.eye(1024)).to(dtype),
                complete)
            # S' is twice the scatter.
            expected = means * (1024 / 2 / trace if solved else 20)
            torch.testing.assert_close(weight, expected.to(dtype))


def test_an_indefinite_matrix_gives_prototypes_and_no_nan():
    """One of the matrices has a negative eigenvalue."""
    means = torch.eye(2).double().requires_grad_()
    scatter = torch.diag_embed(torch.tensor([[3., -2.5], [3., 1.]])).double()
    scatter.requires_grad_()
    weight, bias = discriminant(
        means.expand(2, 2, 2), scatter, torch.tensor([True, True]))
    torch.testing.assert_close(weight[0], 20 * torch.eye(2).double())
    assert bias[0].tolist() == [0, 0]
    # S' = diag(3 + 2, 1 + 2)
    torch.testing.assert_close(
        weight[1], torch.tensor([[1 / 5, 0], [0, 1 / 3]]).double())
    for gradient in torch.autograd.grad(
            weight.sum() + bias.sum(), (means, scatter)):
        assert gradient.isfinite().all() and gradient.any()


def test_a_shot_without_a_pixel_of_its_class_has_no_weight():
    features, weights = random_supports(3)
    weights[1] = 0
    found, expected = (
        DiscriminantClassifier().fit(statistics_of(
            features[some], weights[some]), [len(some)])
        for some in ([0, 1, 2], [0, 2]))
    torch.testing.assert_close(found.weight, expected.weight)
    torch.testing.assert_close(found.bias, expected.bias)


def test_the_gradient_of_a_fit_passes_gradcheck():
    features, weights = random_supports(2, channels=3, size=(1, 3))
    queries, _ = random_supports(1, channels=3, size=(1, 2), seed=1)
    weights = weights + 0.1
    assert torch.autograd.gradcheck(
        lambda one, other: DiscriminantClassifier().fit(
            statistics_of(one, weights), [1, 1])(other),
        (features.requires_grad_(), queries.requires_grad_()))


def head_of(**loss_align):
    return PANetHead(
        8, classifier=dict(type='DiscriminantClassifier'), loss_align=dict(
            type='PrototypeAlignmentLoss') | loss_align)


def gradient_of(loss, features, samples):
    leaf = features.clone().requires_grad_()
    losses = loss((leaf,), samples)
    (losses['loss_seg'] + losses['loss_align']).backward()
    return leaf.grad


@pytest.mark.parametrize('mask_source', ['prediction', 'true'])
def test_a_head_trains_with_it(mask_source):
    features, samples = random_episodes(2, 2, 2, 1)
    # The second episode shows its ways nowhere in the query.
    samples[-1].gt_sem_seg.data[:] = 0
    gradient = gradient_of(
        head_of(mask_source=mask_source).loss, features, samples)
    assert gradient.isfinite().all()
    assert (gradient.abs().amax((1, 2, 3)) > 0).all()


@compiles
def test_a_fit_compiles_to_one_graph_with_the_same_gradient():
    features, weights = random_supports(2)
    queries, _ = random_supports(1, seed=1)

    def logits(features):
        statistics = SupportStatistics.from_weights(
            features, weights, DiscriminantClassifier.train_needs, True)
        return DiscriminantClassifier().fit(
            statistics, [1, 1])(queries).square().sum()

    torch.testing.assert_close(*(
        torch.autograd.grad(function(leaf), leaf)[0]
        for leaf in [features.requires_grad_()]
        for function in (logits, torch.compile(
            logits, fullgraph=True, backend='aot_eager'))))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_autocast_does_not_affect_the_solve(dtype):
    features, samples = random_episodes(1, 2, 2, 1)
    features = features.to(dtype)
    head = head_of()
    expected = head.loss([features.float()], samples)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = head.loss([features], samples)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, rtol=0, atol=0)


@pytest.mark.parametrize('classifier', [
    dict(type='DiscriminantClassifier'), 'auto'])
def test_a_fitted_head_is_copied_and_has_an_empty_state_dict(classifier):
    features, samples = random_episodes(1, 1, 1, 1)
    head = PANetHead(8, classifier=classifier).eval()
    head.fit([features[:1]], samples[:1])
    expected = head([features[1:]])
    assert head.state_dict() == {} and not list(head.parameters())
    for other in (copy.deepcopy(head), pickle.loads(pickle.dumps(head))):
        head.fitted = None
        assert torch.equal(other([features[1:]]), expected)
        assert not other.state_dict()


@pytest.mark.parametrize(('name', 'value'), [
    ('shrinkage', 0), ('shrinkage', float('nan')), ('scale', -1.0),
    ('scale', float('inf')), ('scale', '1'), ('rank', 0), ('rank', 2.5),
    ('rank', True)])
def test_a_setting_out_of_range_is_named(name, value):
    with pytest.raises(InputError, match=f'expected {name} as an? '):
        DiscriminantClassifier(**{name: value})


def test_a_classifier_can_be_rebuilt_from_its_settings():
    settings = dict(shrinkage=0.5, scale=2.0, rank=None)
    assert DiscriminantClassifier(**settings).settings() == dict(
        type='DiscriminantClassifier', **settings)
