import plain_panet
import pytest
import torch

from mmseg_panet.models import PrototypeClassifier, SupportStatistics


def match_prototypes(features, prototypes, scale=20.0, distance='cosine'):
    """Compute logits by prototypes, each from one support of area 1."""
    prototypes = prototypes if prototypes.dim() == 3 else prototypes[None]
    background = prototypes[:, :1].expand_as(prototypes[:, 1:])
    # Subtract the number that is added to every area.
    sums = torch.stack([background, prototypes[:, 1:]], dim=2)  # (B, W, 2, C)
    statistics = SupportStatistics(
        torch.full_like(sums[..., 0], 1 - 1e-5), sums)
    classifier = PrototypeClassifier(distance, scale)
    return classifier.fit(statistics, [1] * sums.shape[1])(features)


@pytest.mark.parametrize('distance', ['cosine', 'squared_euclidean'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_matching_equals_the_plain_equation(distance, dtype):
    torch.manual_seed(0)
    features = torch.randn(3, 6, 4, 5, dtype=dtype)
    prototypes = torch.randn(3, 4, 6, dtype=dtype)
    expected = torch.stack([
        plain_panet.match(f, p, 10.0, distance)
        for f, p in zip(features, prototypes, strict=True)])
    logits = match_prototypes(features, prototypes, 10.0, distance)
    assert logits.shape == (3, 4, 4, 5)
    if distance == 'squared_euclidean':
        # The square of the cell is the same for all classes.
        logits = logits - 10 * features.square().sum(1, keepdim=True)
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('distance', ['cosine', 'squared_euclidean'])
def test_gradients_of_matching_pass_gradcheck(distance):
    features = torch.randn(2, 3, 2, 2, dtype=torch.float64)
    prototypes = torch.randn(2, 2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda f, p: match_prototypes(f, p, 2.0, distance),
        (features.requires_grad_(), prototypes.requires_grad_()))


def test_one_set_of_prototypes_classifies_all_images():
    features = torch.randn(3, 6, 4, 5)
    prototypes = torch.randn(2, 6)
    torch.testing.assert_close(
        match_prototypes(features, prototypes),
        match_prototypes(features, prototypes.expand(3, 2, 6)))


def test_cosine_of_known_vectors():
    features = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    prototypes = torch.tensor([[1.0, 0.0], [0.0, -2.0], [6.0, 8.0]])
    # cos = 3/5, -4/5, 1; times 20
    torch.testing.assert_close(
        match_prototypes(features, prototypes).flatten(),
        torch.tensor([12.0, -16.0, 20.0]))


def test_a_zero_feature_and_a_zero_prototype_have_similarity_zero():
    features = torch.zeros(1, 2, 1, 2)
    features[0, :, 0, 1] = 1
    prototypes = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    logits = match_prototypes(features, prototypes, 1.0)[0, :, 0]
    torch.testing.assert_close(logits, torch.tensor([[0.0, 1.0], [0.0, 0.0]]))


def test_the_weights_are_those_of_the_equations():
    """They are unit vectors for the cosine, or 2 p and -|p|^2."""
    sums = torch.tensor([[[[3., 4.], [0., 2.]]]])  # one support, two masks
    statistics = SupportStatistics(torch.full((1, 1, 2), 1 - 1e-5), sums)
    cosine = PrototypeClassifier().fit(statistics, [1])
    torch.testing.assert_close(
        cosine.weight, torch.tensor([[[.6, .8], [0., 1.]]]))
    assert cosine.bias is None and cosine.normalise and cosine.scale == 20
    euclid = PrototypeClassifier('squared_euclidean', 0.5).fit(statistics, [1])
    torch.testing.assert_close(
        euclid.weight, torch.tensor([[[6., 8.], [0., 4.]]]))
    torch.testing.assert_close(euclid.bias, torch.tensor([[-25., -4.]]))
    assert not euclid.normalise and euclid.scale == 0.5


def test_an_unknown_distance_is_named():
    with pytest.raises(ValueError, match=(
            "distance must be one of .'cosine', 'squared_euclidean'")):
        PrototypeClassifier('manhattan')


def test_a_classifier_can_be_rebuilt_from_its_settings():
    settings = PrototypeClassifier('squared_euclidean', 0.5).settings()
    assert settings == dict(
        type='PrototypeClassifier', distance='squared_euclidean', scale=0.5)
