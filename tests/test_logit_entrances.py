"""Everything that turns logits into labels gives the same labels."""
from itertools import product

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_panet.inference.advice.judgement import judge
from mmseg_panet.inference.results.prediction import predict_classes
from mmseg_panet.models import LogitMap
from mmseg_panet.models.edge_filter import EdgeFilter
from mmseg_panet.models.image_maps import fitted_maps
from mmseg_panet.models.shot_fusion import vote
from mmseg_panet.models.small_components import clear_small_components

SIZE = (64, 96)
METAS = {
    'same size': dict(ori_shape=SIZE, img_shape=SIZE),
    'odd size': dict(ori_shape=(61, 83), img_shape=SIZE),
    'padded': dict(
        ori_shape=(61, 83), img_shape=(48, 65), pad_shape=SIZE,
        img_padding_size=(0, 31, 0, 16)),
    'flipped': dict(
        ori_shape=(61, 83), img_shape=SIZE, flip=True,
        flip_direction='horizontal'),
    'padded and flipped': dict(
        ori_shape=(121, 35), img_shape=(48, 65), pad_shape=SIZE,
        img_padding_size=(0, 31, 0, 16), flip=True,
        flip_direction='vertical'),
}


LEVELS = {
    'stage 3': dict(in_channels=32),
    # The strides are 4 and 8.
    'stages 1 and 3': dict(in_channels=(8, 32), in_index=(0, 1)),
}
# There are fewer axes than channels.
CLASSIFIERS = {
    'auto': dict(in_channels=32, classifier=dict(
        type='AutoClassifier', prior=0.1, rank=8)),
    'discriminant': dict(in_channels=32, classifier=dict(
        type='DiscriminantClassifier', rank=8)),
}
EDGES = dict(radius=0.1, eps=1e-2)


def model_of(kind, head='stage 3', **test_cfg):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type=kind,
        backbone=dict(type='DilatedResNet', depth=18, base_channels=8,
                      stem_channels=8, out_indices=(0, 2)),
        decode_head=dict(type='PANetHead', **(LEVELS | CLASSIFIERS)[head]),
        test_cfg=ConfigDict(dict(mode='whole') | test_cfg))).double().eval()


def episode(meta, ways):
    """One support a way, and a query with the metainfo of its resizes."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(
        ways + 1, 3, *SIZE, generator=generator, dtype=torch.float64)
    samples = []
    for way in range(1, 2 + ways):
        labels = torch.zeros(1, *SIZE, dtype=torch.long)
        labels[0, 10 * way:10 * way + 20, 20:70] = way
        support = way <= ways
        samples.append(SegDataSample(
            metainfo=dict(
                role='support' if support else 'query', way=min(way, ways),
                class_ids=list(range(ways)), **(
                    METAS['same size'] if support else meta)),
            gt_sem_seg=PixelData(data=labels)))
    return images, samples


@pytest.mark.parametrize(('meta', 'ways', 'head'), [
    *product(METAS, [1, 3], LEVELS),
    ('padded', 1, 'auto'), ('padded and flipped', 3, 'auto'),
    ('odd size', 1, 'discriminant')])
@torch.no_grad()
def test_every_entrance_gives_the_labels_that_mmseg_gives(
        meta, ways, head):
    meta = METAS[meta]
    images, samples = episode(meta, ways)
    mmseg, ours = (
        model_of(kind, head, edges=False)
        for kind in ('EncoderDecoder', 'FewShotSegmentor'))
    for model in (mmseg, ours):
        model.decode_head.fit(
            model.extract_feat(images[:ways]), samples[:ways])
    expected, = mmseg.predict(
        images[ways:], [SegDataSample(metainfo=meta)])
    labels = expected.pred_sem_seg.data[0]
    assert labels.shape == meta['ori_shape'] and len(labels.unique()) > 1

    # Images after a fit, and a complete episode.
    for found in (ours.predict(images[ways:], [SegDataSample(metainfo=meta)]),
                  ours.predict(images, samples)):
        torch.testing.assert_close(
            found[0].seg_logits.data, expected.seg_logits.data)
        assert torch.equal(found[0].pred_sem_seg.data[0], labels)
    # The test that visits each image once.
    feature, = ours.decode_head.features(ours.extract_feat(images[ways:]))
    found = ours.label_maps(
        feature, images[ways], meta, ours.decode_head.fitted)
    assert torch.equal(found[0].long(), labels)
    # The inferencer, with two views of the image.
    maps = fitted_maps(mmseg, images[ways:], [meta]) + fitted_maps(
        ours, images[ways:], [meta])
    prediction = predict_classes(
        maps, ('a', 'b', 'c')[:ways], keep_probabilities=True)
    assert torch.equal(
        torch.from_numpy(prediction.class_map).long(), labels)
    torch.testing.assert_close(
        torch.from_numpy(prediction.probabilities),
        expected.seg_logits.data.softmax(0), check_dtype=False)


@pytest.mark.parametrize('ways', [1, 3])
@pytest.mark.parametrize('meta', METAS)
@torch.no_grad()
def test_every_entrance_follows_the_same_edges(meta, ways):
    meta = METAS[meta]
    images, samples = episode(meta, ways)
    model = model_of('FewShotSegmentor', edges=EDGES)
    mmseg = model_of('EncoderDecoder', edges=EDGES)
    for one in (model, mmseg):
        one.decode_head.fit(one.extract_feat(images[:ways]), samples[:ways])
    logits = model.decode_head(model.extract_feat(images[ways:]))
    expected = EdgeFilter(**EDGES)(logits[0], images[ways], meta)
    labels = expected.labels()
    logits = expected.rows()
    plain = LogitMap.from_cells(model.decode_head(
        model.extract_feat(images[ways:]))[0], meta).labels()
    assert 0.01 < (plain != labels).double().mean() < 0.5

    windows = ConfigDict(
        mode='slide', crop_size=SIZE, stride=SIZE, edges=EDGES)
    for test_cfg in (model.test_cfg, windows):
        model.test_cfg = mmseg.test_cfg = test_cfg
        for found in (
                model.predict(
                    images[ways:], [SegDataSample(metainfo=meta)]),
                model.predict(images, samples)):
            torch.testing.assert_close(found[0].seg_logits.data, logits)
            assert torch.equal(
                found[0].pred_sem_seg.data[0], labels.long())
        for one in (model, mmseg):
            found, = fitted_maps(one, images[ways:], [meta])
            torch.testing.assert_close(found.rows(), logits)
    feature, = model.decode_head.features(model.extract_feat(images[ways:]))
    assert torch.equal(model.label_maps(
        feature, images[ways], meta, model.decode_head.fitted)[0], labels)


@torch.no_grad()
def test_shots_are_filtered_before_they_vote():
    images, samples = episode(METAS['odd size'], 2)
    # Two shots of one way.
    for shot, sample in enumerate(samples[:2]):
        sample.set_metainfo(dict(way=1, shot=shot, class_ids=[0]))
        sample.gt_sem_seg.data.clamp_(max=1)
    samples[2].set_metainfo(dict(class_ids=[0]))
    alone = [
        model_of('FewShotSegmentor', edges=EDGES).predict(
            images[[shot, 2]], [samples[shot], samples[2].clone()])[0]
        for shot in range(2)]
    expected = torch.stack([one.seg_logits.data for one in alone]).mean(0)
    masks = torch.stack([one.pred_sem_seg.data[0] for one in alone])
    for fusion, labels in (
            ('mean_logits', expected.argmax(0)),
            ('vote', vote(masks, 1, threshold=1).long())):
        model = model_of(
            'FewShotSegmentor', edges=EDGES, shot_fusion=fusion,
            vote_threshold=1)
        found, = model.predict(images, samples)
        torch.testing.assert_close(found.seg_logits.data, expected)
        assert torch.equal(found.pred_sem_seg.data[0], labels)
    assert not torch.equal(*masks)


@torch.no_grad()
def test_every_entrance_removes_small_components():
    meta = METAS['padded']
    images, samples = episode(meta, 2)
    model = model_of('FewShotSegmentor')
    labels = model.predict(images, samples)[0].pred_sem_seg.data
    expected = clear_small_components(labels.byte(), 0.02)[0]
    assert not torch.equal(expected, labels[0])
    model.test_cfg.min_area = 0.02
    model.decode_head.fit(model.extract_feat(images[:2]), samples[:2])
    for found in (model.predict(images[2:], [SegDataSample(metainfo=meta)]),
                  model.predict(images, samples)):
        assert torch.equal(
            found[0].pred_sem_seg.data[0], expected.long())
    feature, = model.decode_head.features(model.extract_feat(images[2:]))
    assert torch.equal(model.label_maps(
        feature, images[2], meta, model.decode_head.fitted)[0], expected)
    prediction = predict_classes(
        fitted_maps(model, images[2:], [meta]), ('a', 'b'), min_area=0.02)
    assert torch.equal(torch.from_numpy(prediction.class_map), expected)


@pytest.mark.parametrize('meta', METAS)
@torch.no_grad()
def test_a_support_is_judged_by_the_labels_of_its_prediction(meta):
    meta = METAS[meta]
    images, samples = episode(meta, 1)
    model = model_of('FewShotSegmentor')
    head = model.decode_head
    features = head.features(model.extract_feat(images))
    labels = model.predict(images, samples)[0].pred_sem_seg.data[0]
    statistics = head.support_statistics(
        features[:1], head.labels(samples[:1]), [1])
    judged = judge(head, features[1], meta, labels, statistics, 0)
    # The highest margins are those that the prediction takes.
    assert judged.ious == [100] and judged.own_fit == pytest.approx(1)


@pytest.mark.parametrize(('head', 'edges'), [
    *product(LEVELS, [False, EDGES]), ('auto', False)])
@torch.no_grad()
def test_tensors_alone_give_the_logits_of_an_episode(head, edges):
    images, samples = episode(METAS['same size'], 2)
    model = model_of('FewShotSegmentor', head, edges=edges)
    masks = torch.stack([
        (sample.gt_sem_seg.data > 0).long() for sample in samples[:2]])
    logits, = model.segment(images[:2, None], masks, images[2:])
    expected, = model.predict(images, samples)
    torch.testing.assert_close(logits, expected.seg_logits.data)


@pytest.mark.parametrize('levels', LEVELS)
@torch.no_grad()
def test_windows_give_the_logits_of_the_image_where_one_covers_it(levels):
    """Also if it is padded and flipped, which the windows ignore."""
    for meta in METAS.values():
        images, samples = episode(meta, 2)
        model = model_of('FewShotSegmentor', levels)
        expected, = model.predict(images, samples)
        logits = expected.seg_logits.data
        model.test_cfg = ConfigDict(
            mode='slide', crop_size=SIZE, stride=SIZE)
        slid, = model.predict(images, samples)
        torch.testing.assert_close(slid.seg_logits.data, logits)


def test_a_part_of_the_rows_is_that_part_of_all_of_them():
    logits = torch.randn(3, 8, 12, dtype=torch.float64)
    for meta in METAS.values():
        found = LogitMap.from_cells(logits, meta)
        torch.testing.assert_close(
            torch.cat([found.rows(slice(20)), found.rows(slice(20, None))], 1),
            found.at_image().cells)
