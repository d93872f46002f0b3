import plain_panet
import pytest
import torch
from flat_episodes import random_episodes
from largest_tensor import LargestTensor
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch_versions import compiles

from mmseg_panet.errors import InputError
from mmseg_panet.models import Classifier, PANetHead, PrototypeClassifier

CASES = {  # episodes, ways, shots, queries
    '1-way 1-shot': (1, 1, 1, 1),
    '1-way 5-shot': (1, 1, 5, 1),
    '2-way 3-shot, 2 queries': (1, 2, 3, 2),
    'batch of 3 1-way 2-shot': (3, 1, 2, 1),
    'batch of 2 3-way 1-shot, 2 queries': (2, 3, 1, 2),
}
VARIANTS = {
    'paper': dict(),
    'euclidean': dict(distance='squared_euclidean', scale=0.05),
    're-implementation': dict(
        scale=10.0, pool_at='feature', align_corners=True,
        loss_align=dict(type='PrototypeAlignmentLoss', mask_source='true')),
    'true masks at the image': dict(
        loss_align=dict(type='PrototypeAlignmentLoss', mask_source='true')),
}


def plain_losses(features, samples, case, head):
    """Compute the losses of a batch by the plain equations."""
    episodes, ways, shots, queries = case
    settings = dict(
        scale=head.classifier.scale, distance=head.classifier.distance)
    pooling = dict(pool_at=head.pool_at, align_corners=head.align_corners)
    labels = torch.stack([s.gt_sem_seg.data[0] for s in samples])
    length, supports = ways * shots + queries, ways * shots
    all_logits, all_labels, align = [], [], 0
    for start in range(0, episodes * length, length):
        middle, end = start + supports, start + length
        support = features[start:middle].unflatten(0, (ways, shots))
        support_labels = labels[start:middle].unflatten(0, (ways, shots))
        prototypes = plain_panet.prototypes_of(
            support, support_labels, **pooling)
        logits = [
            plain_panet.match(f, prototypes, **settings)
            for f in features[middle:end]]
        all_logits += logits
        all_labels.append(labels[middle:end])
        if head.loss_align is not None:
            align = align + plain_panet.alignment_loss(
                support, support_labels, features[middle:end],
                labels[middle:end], logits, head.loss_align.mask_source,
                **settings, **pooling) / episodes
    seg = plain_panet.segmentation_loss(
        all_logits, torch.cat(all_labels), head.align_corners)
    return seg, align


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('case', CASES)
def test_losses_and_gradients_equal_the_plain_equations(case, variant):
    case = CASES[case]
    head = PANetHead(8, **VARIANTS[variant])
    features, samples = random_episodes(*case)
    features.requires_grad_()
    losses = head.loss([features], samples)
    assert set(losses) == {'loss_seg', 'loss_align', 'acc_seg'}
    seg, align = plain_losses(features, samples, case, head)
    torch.testing.assert_close(losses['loss_seg'], seg, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(
        losses['loss_align'], align, rtol=1e-5, atol=1e-7)
    gradient, = torch.autograd.grad(
        losses['loss_seg'] + losses['loss_align'], features)
    expected, = torch.autograd.grad(seg + align, features)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize('case', CASES)
def test_losses_in_float32_equal_the_plain_equations(case):
    case = CASES[case]
    head = PANetHead(8)
    features, samples = random_episodes(*case)
    seg, align = plain_losses(features, samples, case, head)
    losses = head.loss([features.float()], samples)
    torch.testing.assert_close(
        losses['loss_seg'].double(), seg, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(
        losses['loss_align'].double(), align, rtol=1e-5, atol=1e-6)


def test_an_episode_in_a_batch_gives_the_same_logits_as_alone():
    features, samples = random_episodes(3, 2, 1, 1)
    head = PANetHead(8)
    together = head.predict_episodes([features], samples)
    for e in range(3):
        part = slice(3 * e, 3 * e + 3)
        alone = head.predict_episodes([features[part]], samples[part])
        torch.testing.assert_close(together[e:e + 1], alone)


def test_the_alignment_loss_of_nothing_is_zero_with_a_graph():
    features, samples = random_episodes(1, 1, 1, 1)
    samples[1].gt_sem_seg.data[:] = 0  # no way in the ground truth
    head = PANetHead(8, loss_align=dict(
        type='PrototypeAlignmentLoss', mask_source='true'))
    features.requires_grad_()
    loss = head.loss([features], samples)['loss_align']
    gradient, = torch.autograd.grad(loss, features)
    assert loss.item() == 0
    assert gradient.abs().max() == 0


def test_a_query_that_is_completely_ignored_gives_no_nan():
    features, samples = random_episodes(1, 1, 1, 1)
    samples[1].gt_sem_seg.data[:] = 255
    head = PANetHead(8, loss_align=dict(
        type='PrototypeAlignmentLoss', mask_source='true'))
    losses = head.loss([features], samples)
    assert losses['loss_seg'].item() == 0
    assert losses['loss_align'].item() == 0


def test_the_alignment_loss_can_be_disabled():
    features, samples = random_episodes(1, 1, 1, 1)
    losses = PANetHead(8, loss_align=None).loss([features], samples)
    assert set(losses) == {'loss_seg', 'acc_seg'}


def test_the_head_has_no_parameter_and_an_empty_state_dict():
    head = PANetHead(8)
    assert list(head.parameters()) == []
    assert not hasattr(head, 'conv_seg')
    assert head.state_dict() == {}


def test_autocast_does_not_affect_the_head():
    features, samples = random_episodes(1, 2, 1, 1)
    features = features.bfloat16()
    head = PANetHead(8)
    expected = head.loss([features.float()], samples)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = head.loss([features], samples)
    for name, value in expected.items():
        assert losses[name].dtype == torch.float32
        torch.testing.assert_close(losses[name], value, rtol=0, atol=0)


def test_fitting_then_forward_equals_predicting_the_episode():
    features, samples = random_episodes(1, 2, 3, 2)
    head = PANetHead(8)
    expected = head.predict_episodes([features], samples)
    head.fit([features[:6]], samples[:6])
    metas = [sample.metainfo for sample in samples[6:]]
    logits = head.predict([features[6:]], metas, None)
    torch.testing.assert_close(logits, head.predict_by_feat(expected, metas))
    assert head.fitted.weight.shape == (1, 3, 8)


def test_ways_may_be_fitted_with_unequal_shots():
    features, samples = random_episodes(1, 2, 2, 1)
    # The weight of this distance is twice the mean.
    head = PANetHead(8, distance='squared_euclidean')
    head.fit([features[:3]], samples[:3])  # 2 shots of way 1, 1 of way 2
    expected = plain_panet.pool(
        features[2], samples[2].gt_sem_seg.data[0] == 2)
    torch.testing.assert_close(head.fitted.weight[0, 2] / 2, expected)


def test_the_padding_of_the_preprocessor_is_ignored():
    features, samples = random_episodes(1, 1, 1, 1)
    head = PANetHead(8)
    padded = samples[0].gt_sem_seg.data.clone()
    padded[:, 30:] = padded[:, :, 40:] = 255
    samples[0].gt_sem_seg.data = padded
    expected = head.predict_episodes([features], samples)
    samples[0].gt_sem_seg = PixelData(data=padded[:, :30, :40])
    samples[0].set_metainfo(dict(img_padding_size=(0, 2, 0, 3)))
    torch.testing.assert_close(
        head.predict_episodes([features], samples), expected)


def test_the_error_of_forward_before_fit_says_what_to_call():
    with pytest.raises(RuntimeError, match=r'call fit\(feats, data_samples'):
        PANetHead(8)([torch.ones(1, 8, 2, 2)])


def test_an_empty_support_mask_is_named():
    features, samples = random_episodes(1, 1, 2, 1)
    samples[1].gt_sem_seg.data[:] = 0
    samples[1].set_metainfo(dict(img_path='cat2.jpg'))
    with pytest.raises(InputError, match='cat2.jpg has an empty mask'):
        PANetHead(8).fit([features[:2]], samples[:2])
    with pytest.raises(InputError, match='cat2.jpg has an empty mask'):
        PANetHead(8).predict_episodes([features], samples)
    with pytest.raises(InputError, match='cat2.jpg has an empty mask'):
        PANetHead(8).loss([features], samples)


def test_features_that_do_not_fit_the_head_are_named():
    features, samples = random_episodes(1, 1, 1, 1)
    with pytest.raises(InputError, match='in_channels=4 .* of 8 channels'):
        PANetHead(4).loss([features], samples)
    with pytest.raises(InputError, match='in_index=3 .* range for the 1'):
        PANetHead(8, in_index=3).loss([features], samples)


def test_a_support_without_a_mask_is_named():
    features, samples = random_episodes(1, 1, 1, 1)
    del samples[0].gt_sem_seg
    with pytest.raises(InputError, match='expected gt_sem_seg'):
        PANetHead(8).loss([features], samples)


def test_a_way_without_support_and_a_support_without_way_are_named():
    features, samples = random_episodes(1, 2, 1, 1)
    with pytest.raises(InputError, match=r'every way 1..2, got none for \[1'):
        PANetHead(8).fit([features[1:2]], samples[1:2])
    plain = SegDataSample(gt_sem_seg=samples[0].gt_sem_seg)
    with pytest.raises(InputError, match="expected the support's way"):
        PANetHead(8).fit([features[:1]], [plain])


@pytest.mark.parametrize(('name', 'value'), [
    ('distance', 'manhattan'), ('pool_at', 'stem'),
    ('loss_align', dict(type='PrototypeAlignmentLoss', mask_source='gt'))])
def test_unknown_settings_raise_an_error(name, value):
    with pytest.raises(ValueError, match='must be one of'):
        PANetHead(8, **{name: value})


def test_the_classifier_is_given_or_built_from_scale_and_distance():
    plain = PANetHead(8, scale=10.0, distance='squared_euclidean')
    given = PANetHead(8, classifier=dict(
        type='PrototypeClassifier', distance='squared_euclidean', scale=10.0))
    mixed = PANetHead(8, scale=10.0, classifier=dict(
        type=PrototypeClassifier, distance='squared_euclidean'))
    for head in (plain, given, mixed):
        assert head.classifier.settings() == dict(
            type='PrototypeClassifier', distance='squared_euclidean',
            scale=10.0)


def test_an_invalid_classifier_raises_an_error_at_construction():
    with pytest.raises(InputError, match='subclass of Classifier .*ResNet'):
        PANetHead(8, classifier=dict(type='DilatedResNet', depth=18))

    class Forgetful(Classifier):
        def __init__(self, power=2):
            super().__init__()
            self._power = power

    with pytest.raises(InputError, match=r"Forgetful to store .*\['power'\]"):
        PANetHead(8, classifier=dict(type=Forgetful))


def test_arguments_that_a_classifier_lacks_are_not_passed():
    """A config has the scale of PANet, which other classifiers lack."""

    class Plain(Classifier):
        fit = PrototypeClassifier.fit

    head = PANetHead(
        8, scale=10.0, distance='cosine', classifier=dict(type=Plain))
    assert head.classifier.settings() == dict(type='Plain')


def test_a_batch_without_equal_episodes_raises_an_error():
    features, samples = random_episodes(1, 1, 1, 1)
    plain = [SegDataSample(gt_sem_seg=s.gt_sem_seg) for s in samples]
    with pytest.raises(ValueError, match='expected a flat batch of episodes'):
        PANetHead(8).loss([features], plain)
    with pytest.raises(ValueError, match='equal numbers of ways, shots'):
        other, others = random_episodes(1, 1, 2, 1)
        PANetHead(8).loss(
            [torch.cat([features, other])], samples + others)
    shots, two_shots = random_episodes(1, 1, 2, 1)
    ways, two_ways = random_episodes(1, 2, 1, 1)
    with pytest.raises(ValueError, match='equal numbers of ways, shots'):
        PANetHead(8).loss([torch.cat([shots, ways])], two_shots + two_ways)
    with pytest.raises(ValueError, match='its supports way by way'):
        PANetHead(8).loss([ways], [two_ways[i] for i in (1, 0, 2)])


@compiles
@pytest.mark.parametrize('mask_source', ['prediction', 'true'])
def test_the_losses_compile_to_one_graph_with_the_same_gradient(mask_source):
    head = PANetHead(8, loss_align=dict(
        type='PrototypeAlignmentLoss', mask_source=mask_source))
    features, samples = random_episodes(2, 2, 3, 2)
    gradients = []
    for loss in (head.loss, torch.compile(
            head.loss, fullgraph=True, backend='aot_eager')):
        leaf = features.clone().requires_grad_()
        losses = loss((leaf,), samples)
        (losses['loss_seg'] + losses['loss_align']).backward()
        gradients.append(leaf.grad)
    torch.testing.assert_close(*gradients)


def test_no_loss_or_gradient_allocates_features_at_image_size():
    features, samples = random_episodes(1, 2, 2, 1, channels=64)
    with LargestTensor() as largest:
        losses = PANetHead(64).loss((features.requires_grad_(),), samples)
        (losses['loss_seg'] + losses['loss_align']).backward()
    # The largest are the two logits of 4 supports at the size of the labels.
    assert largest.values == 4 * 2 * 33 * 42 < 64 * 33 * 42
