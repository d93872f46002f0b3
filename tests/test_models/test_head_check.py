"""A head of another method is checked by a rehearsal of two episodes."""
import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_panet.errors import InputError
from mmseg_panet.models import (
    Classifier,
    FewShotHead,
    LinearClassifier,
    PANetHead,
)
from mmseg_panet.models.classifiers import build_classifier
from mmseg_panet.models.head_check import check_head


class Means(Classifier):
    """A method that is correct."""

    def fit(self, supports, shots):
        return LinearClassifier(supports.class_means(shots))


class FirstEpisode(Classifier):
    def fit(self, supports, shots):
        means = supports.class_means(shots)
        return LinearClassifier(means[:1].expand_as(means))


class NoBackground(Classifier):
    def fit(self, supports, shots):
        return LinearClassifier(supports.class_means(shots)[:, 1:])


class OneImage(Classifier):
    """A method that cannot classify one image by several episodes."""

    def fit(self, supports, shots):
        return _OneImage(supports.class_means(shots))


class _OneImage(nn.Module):
    def __init__(self, means):
        super().__init__()
        self.means = means

    def forward(self, features):
        return torch.einsum('nchw,nkc->nkhw', features, self.means[
            :len(features)])


class Cells(Classifier):
    """A method that forgets what it needs."""

    def logits(self, features, supports, shots):
        return supports.cells.mean(1)


class Projection(PANetHead):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.project = nn.Conv2d(self.in_channels, 4, 1)

    def features(self, inputs):
        return self.project(super().features(inputs))


def head_with(classifier):
    head = PANetHead((6, 3, 2), (0, 2, -1))
    head.classifier = classifier
    return head


def test_a_correct_method_passes_and_leaves_the_head_as_it_was():
    head = head_with(Means()).train()
    state = torch.get_rng_state()
    check_head(head, trains=True)
    assert head.training
    assert head.fitted is None
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(('method', 'sentence'), [
    (FirstEpisode, 'the same logits of FirstEpisode for two episodes at once'),
    (NoBackground, r'NoBackground with the shape \(2, 3, 16, 16\) for 2 '
     r'images of 2 episodes with 2 ways, got \(2, 2, 16, 16\)'),
    (OneImage, r'for 1 image of 2 episodes with 2 ways, got \(1, 3, 16, 16'),
    (Cells, 'PANetHead with Cells to work on two episodes of 2 ways, got '
     r'AttributeError: .*raised in \w+\.py, line \d+\); correct the method')])
def test_a_method_that_fails_in_a_test_is_refused_before(method, sentence):
    with pytest.raises(InputError, match=sentence):
        check_head(head_with(method()))


def test_a_head_that_changes_the_channels_says_so():
    with pytest.raises(InputError, match=(
            r'\(6, 6, h, w\), as it has channels=6, got \(6, 4, 16, 16\); '
            'give it the number of channels')):
        check_head(Projection(6))
    with pytest.raises(InputError, match=r'has channels=5, got \(6, 6, 16'):
        check_head(PANetHead(6, channels=5))
    check_head(Projection(6, channels=4), trains=True)


def test_a_head_without_a_loss_is_tested_but_not_trained():
    class Other(FewShotHead):
        """It has no loss."""

    head = Other(6, loss_decode=dict(type='SegmentationLoss'))
    check_head(head)
    with pytest.raises(InputError, match=r'expected Other to define loss\('):
        check_head(head, trains=True)


@pytest.mark.parametrize('losses', [
    None, dict(acc_seg=torch.ones(())), dict(loss_seg=1.0)])
def test_a_head_that_gives_no_loss_is_not_trained(losses):
    class Own(PANetHead):
        def loss(self, inputs, batch_data_samples, train_cfg=None):
            assert [sample.role for sample in batch_data_samples] == [
                'support', 'support', 'query'] * 2
            return losses

    check_head(Own(6))
    with pytest.raises(InputError, match=r"loss of Own as .* 'loss', such"):
        check_head(Own(6), trains=True)


def test_only_the_features_are_checked_of_a_head_that_overrides_more():
    class Own(PANetHead):
        def match_episodes(self, supports, labels, queries):
            raise AssertionError

        def support_statistics(self, *args):
            raise AssertionError

    check_head(Own(6))


@pytest.mark.parametrize(('method', 'sentence'), [
    (dict(), 'Faulty to define fit or logits, got neither'),
    (dict(needs='cells'), r"needs of Faulty as a tuple of \['moments', 'cel"),
    (dict(needs=('pixels',)), r"needs of Faulty .*, got \('pixels',\)"),
    (dict(train_needs=['cells']), r"train_needs of Faulty .*\['cells'\]"),
    (dict(rank=0), 'rank of Faulty as None or a number of axes of 1 or more'),
])
def test_a_method_with_a_wrong_attribute_is_refused_when_it_is_built(
        method, sentence):
    fit = Means.fit if method else Classifier.fit
    kind = type('Faulty', (Classifier,), dict(method, fit=fit))
    with MODELS.switch_scope_and_registry('mmseg'), pytest.raises(
            InputError, match=sentence):
        build_classifier(dict(type=kind))


def test_a_method_without_a_gradient_is_tested_but_not_trained():
    class Detached(Means):
        def fit(self, supports, shots):
            return LinearClassifier(supports.class_means(shots).detach())

    class NoGradient(Means):
        @torch.no_grad()
        def fit(self, supports, shots):
            fitted = super().fit(supports, shots)
            fitted.register_forward_hook(lambda *args: args[-1].detach())
            return fitted

    # The features still have a gradient there.
    check_head(head_with(Detached()), trains=True)
    with pytest.raises(InputError, match=(
            'the loss of PANetHead with a gradient of the features, got none; '
            'NoGradient may call detach')):
        check_head(head_with(NoGradient()), trains=True)


def test_a_method_that_fits_a_function_is_refused():
    class Function(Classifier):
        def fit(self, supports, shots):
            return LinearClassifier(supports.class_means(shots)).forward

    with pytest.raises(InputError, match=(
            'expected fit of Function to return an nn.Module, got <bound')):
        check_head(head_with(Function()))
