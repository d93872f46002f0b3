import pytest
import torch
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_panet.models.label_maps import label_maps, resize_operators


@pytest.mark.parametrize('metainfo', [
    dict(img_shape=(33, 41), ori_shape=(57, 45)),
    dict(img_shape=(33, 41), ori_shape=(33, 41)),
    dict(img_shape=(30, 41), pad_shape=(33, 48), ori_shape=(20, 91)),
    dict(img_shape=(30, 40), pad_shape=(33, 48), ori_shape=(61, 80),
         img_padding_size=(0, 8, 0, 3)),
])
@pytest.mark.parametrize('align_corners', [False, True])
def test_labels_are_those_of_the_host(metainfo, align_corners):
    """The host resizes twice, cuts the padding and takes the argmax."""
    logits = torch.randn(
        1, 4, 5, 6, generator=torch.Generator().manual_seed(0)).double()
    model = MODELS.build(dict(
        type='FewShotSegmentor', test_cfg=dict(mode='whole'),
        backbone=dict(type='DilatedResNet', depth=18, base_channels=8),
        decode_head=dict(
            type='PANetHead', in_channels=32, align_corners=align_corners)))
    at_input = model.decode_head.predict_by_feat(logits, [metainfo])
    host, = model.postprocess_result(
        at_input, [SegDataSample(metainfo=metainfo)])
    operators = resize_operators(
        (5, 6), metainfo, align_corners, like=logits)
    labels = label_maps(logits, *operators)
    assert labels.dtype == torch.uint8
    assert torch.equal(labels[0].long(), host.pred_sem_seg.data[0])


def test_equal_logits_give_the_first_as_argmax_does():
    logits = torch.tensor(
        [[1., 1., 2., 0.], [1., 1., 2., 3.], [0., 2., 2., 3.]])
    one = torch.eye(1)
    assert label_maps(
        logits[:, None], one, torch.eye(4)).tolist() == [[0, 2, 0, 1]]
