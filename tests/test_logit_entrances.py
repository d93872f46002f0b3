"""Whoever turns logits into labels gives the same labels."""
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_panet.inference.advice.judgement import judge
from mmseg_panet.inference.results.prediction import predict_classes
from mmseg_panet.models import LogitMap
from mmseg_panet.models.image_maps import fitted_maps

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
    # Of stride 4 and 8.
    'stages 1 and 3': dict(in_channels=(8, 32), in_index=(0, 1)),
}


def model_of(kind, levels='stage 3'):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type=kind,
        backbone=dict(type='DilatedResNet', depth=18, base_channels=8,
                      stem_channels=8, out_indices=(0, 2)),
        decode_head=dict(type='PANetHead', **LEVELS[levels]),
        test_cfg=ConfigDict(mode='whole'))).double().eval()


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


@pytest.mark.parametrize('levels', LEVELS)
@pytest.mark.parametrize('ways', [1, 3])
@pytest.mark.parametrize('meta', METAS)
@torch.no_grad()
def test_every_entrance_gives_the_labels_that_mmseg_gives(
        meta, ways, levels):
    meta = METAS[meta]
    images, samples = episode(meta, ways)
    mmseg, ours = (
        model_of(kind, levels)
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


@pytest.mark.parametrize('levels', LEVELS)
@torch.no_grad()
def test_tensors_alone_give_the_logits_of_an_episode(levels):
    images, samples = episode(METAS['same size'], 2)
    model = model_of('FewShotSegmentor', levels)
    masks = torch.stack([
        (sample.gt_sem_seg.data > 0).long() for sample in samples[:2]])
    logits, = model.segment(images[:2, None], masks, images[2:])
    expected, = model.predict(images, samples)
    torch.testing.assert_close(logits, expected.seg_logits.data)


@pytest.mark.parametrize('levels', LEVELS)
@torch.no_grad()
def test_windows_give_the_logits_of_the_image_where_one_covers_it(levels):
    """Also padded and flipped, which the windows do not know of."""
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
        found = LogitMap.of_cells(logits, meta)
        torch.testing.assert_close(
            torch.cat([found.rows(slice(20)), found.rows(slice(20, None))], 1),
            found.at_image().cells)
