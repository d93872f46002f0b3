"""Base classes of a closed-set head and novel classes answer together."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.models.decode_heads import FCNHead
from mmseg.structures import SegDataSample

from mmseg_panet.errors import InputError
from mmseg_panet.models import (
    Classifier,
    GeneralizedHead,
    LinearClassifier,
    SupportStatistics,
)
from mmseg_panet.models.head_check import check_head
from mmseg_panet.models.pretrained import fitting_part

INNER = dict(
    type='FCNHead', in_channels=6, channels=4, num_convs=1,
    concat_input=False, num_classes=3, norm_cfg=dict(type='BN'))
EXACT = dict(type='DiscriminantClassifier', rank=None)


def make_head(**settings):
    torch.manual_seed(0)
    head = GeneralizedHead(INNER, **settings).eval().double()
    torch.nn.init.normal_(head.head.conv_seg.weight)
    return head.requires_grad_(False)


def statistics_of(cells, labels, number):
    """The statistics of unit cells (m, C) with labels (m,)."""
    unit = F.normalize(cells, dim=1).T[None, :, None]
    masks = torch.stack([labels == i for i in range(number)]).double()
    return SupportStatistics.from_weights(
        unit, masks[None, :, None], ('moments',)).each(lambda one: one[0])


def pairs_of(cells, labels, shots):
    """The statistics of supports (1, N), n = 2, label 0 and the way."""
    one = statistics_of(cells, labels, 1 + shots)
    return SupportStatistics(**{
        name: torch.stack([values[[0, 1 + i]] for i in range(shots)])[None]
        for name, values in one.tensors().items()})


def feats():
    torch.manual_seed(1)
    return [torch.randn(2, 6, 5, 7, dtype=torch.float64)]


def test_before_a_fit_it_is_the_closed_set_head():
    head = make_head()
    assert torch.equal(head(feats()), head.head(feats()))
    assert head.num_classes == head.out_channels == 3


def test_the_cells_are_the_input_of_the_last_layer():
    head = make_head()
    assert torch.equal(
        head.features(feats()), head.head._forward_feature(feats()))
    assert not head.head.conv_seg._forward_pre_hooks


def test_the_loss_is_that_of_the_closed_set_head():
    head = make_head().train()
    samples = [SegDataSample(
        gt_sem_seg=PixelData(data=torch.randint(3, (1, 5, 7))))
        for _ in range(2)]
    torch.manual_seed(2)
    found = head.loss(feats(), samples, {})
    torch.manual_seed(2)
    wanted = head.head.loss(feats(), samples, {})
    assert found.keys() == wanted.keys() >= {'loss_ce', 'acc_seg'}
    assert torch.equal(found['loss_ce'], wanted['loss_ce'])


def test_trained_weights_divide_the_share_of_the_base_classes():
    """Without base statistics, the share is that of the background."""
    head = make_head(classifier=EXACT)
    cells = torch.randn(60, 4, dtype=torch.float64)
    labels = torch.arange(60) % 3
    fitted = head.classifier.fit(pairs_of(cells, labels, 2), [1, 1])
    queries = head.features(feats())
    y = fitted(queries)
    z = head.head.conv_seg(queries)
    found = head.match(queries, fitted)
    assert found.shape == (2, 3 + 2, 5, 7)
    # By the chain rule: p(b) = p(background) * p(b | base), p(n) = p(way).
    first, ways = y.softmax(1)[:, :1], y.softmax(1)[:, 1:]
    wanted = torch.cat([first * z.softmax(1), ways], 1)
    torch.testing.assert_close(found.softmax(1), wanted)


def plain_discriminant(groups):
    """The discriminants of groups of cells, in numpy."""
    groups = [one / np.linalg.norm(one, axis=1, keepdims=True)
              for one in groups]
    means = np.stack([one.mean(0) for one in groups])
    scatter = np.mean([np.cov(one.T, bias=True) for one in groups], axis=0)
    size = len(scatter)
    scatter += np.trace(scatter) / size * np.eye(size)
    weight = np.linalg.solve(scatter, means.T).T
    return weight, -(weight * means).sum(1) / 2


@pytest.mark.parametrize('base_by', ['weights', 'statistics'])
def test_statistics_of_training_images_join_those_of_the_supports(base_by):
    head = make_head(classifier=EXACT, base_by=base_by)
    base = 1 + torch.randn(90, 4, dtype=torch.float64)
    base_labels = torch.arange(90) % 3
    novel = torch.randn(40, 4, dtype=torch.float64)
    novel_labels = torch.arange(40) % 2  # Label 0 must not count.
    head.fit_base(statistics_of(base, base_labels, 3))
    fitted = head.fit_classes(pairs_of(novel, novel_labels, 1), [1])
    weight, bias = plain_discriminant([
        *(base[base_labels == i].numpy() for i in range(3)),
        novel[novel_labels == 1].numpy()])
    queries = head.features(feats())
    unit = F.normalize(queries, dim=1).numpy()
    wanted = torch.from_numpy(
        np.einsum('kc,nchw->nkhw', weight, unit) + bias[:, None, None])
    if base_by == 'weights':
        share = wanted[:, :3].exp().sum(1, keepdim=True)
        of_base = head.head.conv_seg(queries).softmax(1)
        wanted = torch.cat([(share * of_base).log(), wanted[:, 3:]], 1)
    torch.testing.assert_close(head.match(queries, fitted), wanted)


def test_several_runs_have_the_same_base_classes():
    head = make_head(classifier=EXACT)
    base = torch.randn(90, 4, dtype=torch.float64)
    head.fit_base(statistics_of(base, torch.arange(90) % 3, 3))
    one, other = (
        pairs_of(torch.randn(40, 4, dtype=torch.float64),
                 torch.arange(40) % 3, 2) for _ in range(2))
    both = SupportStatistics(**{
        name: torch.cat([values, other.tensors()[name]])
        for name, values in one.tensors().items()})
    together = head.fit_classes(both, [1, 1])
    alone = [head.fit_classes(run, [1, 1]) for run in (one, other)]
    query = head.features(feats())[:1]
    torch.testing.assert_close(
        head.match(query, together),
        torch.cat([head.match(query, fitted) for fitted in alone]))


@pytest.mark.parametrize('with_base', [False, True])
def test_the_fit_of_supports_includes_the_base_classes(with_base):
    head = make_head(classifier=EXACT)
    if with_base:
        base = torch.randn(90, 4, dtype=torch.float64)
        head.fit_base(statistics_of(base, torch.arange(90) % 3, 3))
    labels = torch.zeros(2, 1, 5, 7).long()
    labels[0, :, :2] = 1
    labels[1, :, 3:] = 2
    head.fit(feats(), [
        SegDataSample(gt_sem_seg=PixelData(data=one), metainfo=dict(way=way))
        for way, one in enumerate(labels, start=1)])
    features = head.features(feats())
    supports = head.support_statistics(features, labels[:, 0], [1, 2])
    fitted = head.fit_classes(supports.each(lambda one: one[None]), [1, 1])
    assert head(feats()).shape == (2, 3 + 2, 5, 7)
    torch.testing.assert_close(
        head(feats()), head.match(features, fitted))


class Nearest(Classifier):
    """A classifier of another project."""

    def fit(self, supports, shots):
        return LinearClassifier(supports.class_means(shots))


def test_a_classifier_of_another_project_can_be_used():
    check_head(make_head(classifier=dict(type=Nearest)), trains=True)


def test_episodes_without_base_classes_are_refused():
    with pytest.raises(InputError, match='got episodes'):
        make_head().predict_episodes(feats(), [])


def test_a_checkpoint_of_a_closed_set_model_is_loaded():
    closed = FCNHead(**{k: v for k, v in INNER.items() if k != 'type'})
    model = torch.nn.Module()
    model.backbone, model.decode_head = torch.nn.Module(), make_head().float()
    weights = {f'decode_head.{key}': value
               for key, value in closed.state_dict().items()}
    weights['backbone.x'] = torch.ones(1)
    model.backbone.register_buffer('x', torch.zeros(1))
    assert fitting_part(model, weights, 'file') is model
    model.load_state_dict(weights)
    for key, value in closed.state_dict().items():
        assert torch.equal(model.decode_head.head.state_dict()[key], value)
    # Its own checkpoints keep their names.
    model.load_state_dict(model.state_dict())
    with pytest.raises(InputError, match=r'decode_head\.head\.conv_seg'):
        del weights['decode_head.conv_seg.bias']
        fitting_part(model, weights, 'file')


def test_invalid_parts_are_refused():
    with pytest.raises(InputError, match='PANetHead; give another head'):
        GeneralizedHead(dict(type='PANetHead', in_channels=6))
    with pytest.raises(InputError, match='FCNHead; give another head'):
        GeneralizedHead(INNER | dict(num_classes=2, out_channels=1,
                                     threshold=0.3))
    with pytest.raises(InputError, match='base_by'):
        GeneralizedHead(INNER, base_by='prototypes')


def test_unusable_statistics_of_base_classes_are_refused():
    base = statistics_of(torch.randn(9, 4).double(), torch.arange(9) % 2, 3)
    with pytest.raises(InputError, match=r'got none of the labels \[2\]'):
        make_head(classifier=EXACT).fit_base(base)
    with pytest.raises(InputError, match='of the 3 classes'):
        make_head(classifier=EXACT).fit_base(base.masks(slice(2)))
    with pytest.raises(InputError, match='rank=64; set rank=None'):
        make_head(classifier='auto').fit_base(base)
    make_head(classifier='auto').fit_base(None)
