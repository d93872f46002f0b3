import pytest
import torch
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_panet.models import LogitMap
from mmseg_panet.models.logit_map import mean_probabilities
from mmseg_panet.models.resize import Resize, size_metainfo


@pytest.mark.parametrize('metainfo', [
    dict(img_shape=(33, 41), ori_shape=(57, 45)),
    dict(img_shape=(33, 41), ori_shape=(33, 41)),
    dict(img_shape=(30, 41), pad_shape=(33, 48), ori_shape=(20, 91)),
    dict(img_shape=(30, 40), pad_shape=(33, 48), ori_shape=(61, 80),
         img_padding_size=(0, 8, 0, 3)),
    dict(img_shape=(33, 41), ori_shape=(57, 45), flip=True,
         flip_direction='horizontal'),
    dict(img_shape=(30, 40), pad_shape=(33, 48), ori_shape=(61, 81),
         img_padding_size=(0, 8, 0, 3), flip=True, flip_direction='vertical'),
])
@pytest.mark.parametrize('align_corners', [False, True])
def test_labels_are_those_of_mmseg(metainfo, align_corners):
    """mmseg resizes twice, removes the padding and computes the argmax."""
    logits = torch.randn(
        1, 4, 5, 6, generator=torch.Generator().manual_seed(0)).double()
    model = MODELS.build(dict(
        type='FewShotSegmentor', test_cfg=dict(mode='whole'),
        backbone=dict(type='DilatedResNet', depth=18, base_channels=8),
        decode_head=dict(
            type='PANetHead', in_channels=32, align_corners=align_corners)))
    at_input = model.decode_head.predict_by_feat(logits, [metainfo])
    expected, = model.postprocess_result(
        at_input, [SegDataSample(metainfo=metainfo)])
    for found in (LogitMap.from_cells(logits[0], metainfo, align_corners),
                  LogitMap.from_input(at_input[0], metainfo, align_corners)):
        labels = found.labels()
        assert labels.dtype == torch.uint8
        assert torch.equal(labels.long(), expected.pred_sem_seg.data[0])
        assert found.size == metainfo['ori_shape']
        torch.testing.assert_close(found.rows(), expected.seg_logits.data)
        torch.testing.assert_close(
            found.rows(slice(3, 9)), expected.seg_logits.data[:, 3:9])
        torch.testing.assert_close(
            mean_probabilities([found, found], slice(0, 5)),
            expected.seg_logits.data.softmax(0)[:, :5])


def test_equal_logits_give_the_first_class_as_argmax():
    logits = torch.tensor(
        [[1., 1., 2., 0.], [1., 1., 2., 3.], [0., 2., 2., 3.]])
    assert LogitMap(logits[:, None], Resize()).labels().tolist() == [
        [0, 2, 0, 1]]


@pytest.mark.parametrize(('num_labels', 'dtype'), [
    (255, torch.uint8), (256, torch.int32), (301, torch.int32)])
def test_more_than_255_labels_have_more_than_8_bits(num_labels, dtype):
    cells = torch.randn(num_labels, 5, 7, generator=(
        torch.Generator().manual_seed(0)))
    labels = LogitMap(cells, Resize()).labels()
    assert labels.dtype == dtype
    assert torch.equal(labels.long(), cells.argmax(0))


def test_a_row_of_a_large_image_uses_only_contributing_lines():
    """In a bilinear resize, row 7 of 30 is between lines 1 and 2 of 8."""
    cells = torch.randn(2, 8, 5)
    cells[:, [0, *range(3, 8)]] = torch.nan
    found = LogitMap.from_cells(cells, size_metainfo((30, 20)))
    assert found.rows(slice(7, 8)).isfinite().all()
