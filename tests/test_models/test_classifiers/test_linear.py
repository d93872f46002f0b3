import pytest
import torch
import torch.nn.functional as F

from mmseg_panet.models import LinearClassifier


@pytest.mark.parametrize('normalise', [False, True])
def test_it_is_one_convolution_with_a_bias(normalise):
    features = torch.randn(3, 6, 4, 5, dtype=torch.float64)
    weight = torch.randn(4, 6, dtype=torch.float64)
    bias = torch.randn(4, dtype=torch.float64)
    cells = F.normalize(features, dim=1) if normalise else features
    torch.testing.assert_close(
        LinearClassifier(weight, bias, normalise, 3.0)(features),
        3 * F.conv2d(cells, weight[..., None, None], bias))


def test_each_episode_has_its_classes_and_as_many_images():
    features = torch.randn(6, 3, 2, 2)
    weight, bias = torch.randn(2, 4, 3), torch.randn(2, 4)
    found = LinearClassifier(weight, bias)(features)
    for episode in range(2):
        images = slice(3 * episode, 3 * episode + 3)
        torch.testing.assert_close(
            found[images],
            LinearClassifier(weight[episode], bias[episode])(features[images]))


def test_a_single_image_is_classified_for_every_episode():
    features = torch.randn(1, 3, 2, 2)
    weight, bias = torch.randn(5, 4, 3), torch.randn(5, 4)
    for normalise in (False, True):
        found = LinearClassifier(weight, bias, normalise)(features)
        assert found.shape == (5, 4, 2, 2)
        torch.testing.assert_close(
            found, LinearClassifier(weight, bias, normalise)(
                features.expand(5, 3, 2, 2)))


def test_inconsistent_shapes_are_named():
    with pytest.raises(ValueError, match=r'got \(1, 2, 1, 1\) and \(3, 5\)'):
        LinearClassifier(torch.ones(3, 5))(torch.ones(1, 2, 1, 1))
    with pytest.raises(ValueError, match=r'got \(3, 5, 1, 1\) and \(2, 4, 5'):
        LinearClassifier(torch.ones(2, 4, 5))(torch.ones(3, 5, 1, 1))
    with pytest.raises(ValueError, match=r'bias .* got \(3, 5\) and \(5,\)'):
        LinearClassifier(torch.ones(3, 5), torch.ones(5))


@pytest.mark.parametrize('memory_format', [
    torch.contiguous_format, torch.channels_last])
def test_the_gradient_of_the_cosine_is_that_of_torch(memory_format):
    """It also has the memory format of the features."""
    features = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    features = features.to(memory_format=memory_format).requires_grad_()
    prototypes = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    outer = torch.randn(2, 3, 3, 4, dtype=torch.float64)
    expected = torch.nn.functional.cosine_similarity(
        features[:, None], prototypes[..., None, None], dim=2)
    found = LinearClassifier(
        F.normalize(prototypes, dim=2), normalise=True)(features)
    torch.testing.assert_close(found, expected)
    gradients = [
        torch.autograd.grad(cosines, (features, prototypes), outer)
        for cosines in (found, expected)]
    torch.testing.assert_close(*gradients)
    assert gradients[0][0].is_contiguous(memory_format=memory_format)
