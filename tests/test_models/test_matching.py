import plain_panet
import pytest
import torch

from mmseg_panet.models import match_prototypes
from mmseg_panet.models.matching import cosine_similarity


@pytest.mark.parametrize('distance', ['cosine', 'squared_euclidean'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_matching_equals_the_plain_equation(distance, dtype):
    features = torch.randn(3, 6, 4, 5, dtype=dtype)
    prototypes = torch.randn(3, 4, 6, dtype=dtype)
    expected = torch.stack([
        plain_panet.match(f, p, 10.0, distance)
        for f, p in zip(features, prototypes, strict=True)])
    logits = match_prototypes(features, prototypes, 10.0, distance)
    assert logits.shape == (3, 4, 4, 5)
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('distance', ['cosine', 'squared_euclidean'])
def test_gradients_of_matching_pass_gradcheck(distance):
    features = torch.randn(2, 3, 2, 2, dtype=torch.float64)
    prototypes = torch.randn(2, 2, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda f, p: match_prototypes(f, p, 2.0, distance),
        (features.requires_grad_(), prototypes.requires_grad_()))


def test_one_set_of_prototypes_serves_all_images():
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


def test_an_unknown_distance_and_wrong_shapes_are_named():
    features, prototypes = torch.ones(1, 2, 1, 1), torch.ones(1, 3, 2)
    with pytest.raises(ValueError, match="'cosine', 'squared_euclidean'"):
        match_prototypes(features, prototypes, distance='manhattan')
    with pytest.raises(ValueError, match=r'got \(1, 2, 1, 1\) and \(3, 5\)'):
        match_prototypes(features, torch.ones(3, 5))


@pytest.mark.parametrize('memory_format', [
    torch.contiguous_format, torch.channels_last])
def test_the_gradient_of_the_cosine_is_that_of_torch(memory_format):
    """And it lies in memory as the features do."""
    features = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    features = features.to(memory_format=memory_format).requires_grad_()
    prototypes = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    outer = torch.randn(2, 3, 3, 4, dtype=torch.float64)
    expected = torch.nn.functional.cosine_similarity(
        features[:, None], prototypes[..., None, None], dim=2)
    found = cosine_similarity(features, prototypes)
    torch.testing.assert_close(found, expected)
    gradients = [
        torch.autograd.grad(cosines, (features, prototypes), outer)
        for cosines in (found, expected)]
    torch.testing.assert_close(*gradients)
    assert gradients[0][0].is_contiguous(memory_format=memory_format)
