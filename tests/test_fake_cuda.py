"""What a GPU would do, without one.

Fake tensors have a device and a shape, but no values. A tensor that was left
on another device, and any value that is read from the device, which would
make it wait, is an error.
"""
from contextlib import contextmanager
from itertools import product

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch_versions import FAKES_CUDA

from mmseg_panet.datasets.sampling import Episode
from mmseg_panet.engine.labelled_images import LabelledImage
from mmseg_panet.engine.support_table import SupportRows, SupportTable
from mmseg_panet.evaluation.iou import label_confusion
from mmseg_panet.models import Classifier, LinearClassifier

WAYS, SHOTS, QUERIES = 2, 2, 1
@MODELS.register_module()
class Warm(Classifier):
    """A method with a parameter."""

    def __init__(self):
        super().__init__()
        self.warmth = torch.nn.Parameter(torch.ones(32))

    def fit(self, supports, shots):
        return LinearClassifier(self.warmth * supports.class_means(shots))


SETTINGS = [
    dict(),
    dict(dtype=torch.bfloat16),
    dict(dtype=torch.float16),
    dict(head=dict(distance='squared_euclidean')),
    dict(head=dict(classifier=dict(type='Warm'))),
    # The strides are 4 and 8.
    dict(dtype=torch.float16, channels=8 + 32, head=dict(
        in_channels=(8, 32), in_index=(0, 1))),
    dict(head=dict(
        pool_at='feature', align_corners=True, loss_align=dict(
            type='PrototypeAlignmentLoss', mask_source='true'))),
    dict(dtype=torch.float16, head=dict(
        classifier=dict(type='DiscriminantClassifier'), loss_align=dict(
            type='PrototypeAlignmentLoss',
            classifier=dict(type='PrototypeClassifier')))),
    dict(head=dict(classifier='auto')),
]
# Moments of all 32 channels, and along 4 axes.
DISCRIMINANT = dict(
    rank=32, head=dict(classifier=dict(type='DiscriminantClassifier')))
AUTO = dict(
    rank=4, dtype=torch.float16, head=dict(classifier=dict(
        type='AutoClassifier', rank=4)))
TEST_CFGS = [
    dict(), dict(shot_fusion='vote'), dict(shot_fusion='mean_logits'),
    dict(mode='slide', crop_size=(32, 32), stride=(16, 16)),
    dict(edges=True), dict(edges=True, shot_fusion='vote')]


@contextmanager
def fake_cuda():
    """Everything that is made inside is fake."""
    if not FAKES_CUDA:
        pytest.skip('torch before 2.5 fakes no GPU without a driver')
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield torch.device('cuda')


@pytest.fixture
def cuda():
    with fake_cuda() as device:
        yield device


def model_on(device, head=(), **test_cfg):
    with device:
        model = MODELS.build(dict(
            type='FewShotSegmentor',
            data_preprocessor=dict(
                type='SegDataPreProcessor', mean=[0, 0, 0],
                std=[255, 255, 255], size=(64, 64), bgr_to_rgb=True,
                test_cfg=dict(size_divisor=32)),
            backbone=dict(type='DilatedResNet', depth=18, base_channels=8,
                          stem_channels=8, out_indices=(0, 2)),
            decode_head=dict(type='PANetHead', in_channels=32) | dict(head),
            test_cfg=ConfigDict(dict(mode='whole') | test_cfg)))
    # This is what `to` does, which fake parameters do not allow.
    model.data_preprocessor._device = device
    return model


def batch_of(ways=WAYS, shots=SHOTS, queries=QUERIES, **metainfo):
    """One episode as the data loader gives it, on the CPU."""
    samples = []
    for i in range(ways * shots + queries):
        support = i < ways * shots
        samples.append(SegDataSample(
            metainfo=dict(
                role='support' if support else 'query',
                way=1 + i // shots if support else 1, episode=0, run=0,
                class_ids=list(range(ways)), img_shape=(60, 50),
                ori_shape=(70, 55)) | metainfo,
            gt_sem_seg=PixelData(
                data=torch.zeros(1, 60, 50, dtype=torch.int64))))
    return dict(
        inputs=[torch.zeros(3, 60, 50, dtype=torch.uint8) for _ in samples],
        data_samples=samples)


@contextmanager
def autocast(dtype=None):
    """Do what ``torch.autocast`` does, which is off without CUDA."""
    if dtype is not None:
        torch.set_autocast_enabled('cuda', True)
        torch.set_autocast_dtype('cuda', dtype)
    try:
        with NoBlockingCopy():
            yield
    finally:
        torch.set_autocast_enabled('cuda', False)
        torch.clear_autocast_cache()


class NoBlockingCopy(TorchDispatchMode):
    """Refuses copies to the device that make it wait."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        to = torch.device(kwargs.get('device') or 'cpu')
        if func is torch.ops.aten._to_copy.default and (
                to.type == 'cuda' and args[0].device.type == 'cpu'
                and not kwargs.get('non_blocking')):
            raise AssertionError(f'a blocking copy of {tuple(args[0].shape)}')
        return func(*args, **kwargs)


def test_half_precision_is_on_in_these_tests(cuda):
    product = torch.ones(2, 2, device=cuda)
    with autocast(torch.bfloat16):
        assert (product @ product).dtype == torch.bfloat16
        with pytest.raises(AssertionError, match='a blocking copy'):
            product[:, [0, 1]]
    assert (product @ product).dtype == torch.float32


def test_a_value_read_from_the_device_is_an_error_here(cuda):
    with pytest.raises(DataDependentOutputException):
        torch.zeros(3, device=cuda).tolist()
    with pytest.raises(RuntimeError, match='two different devices'):
        torch.zeros(3, device=cuda) + torch.zeros(3)


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize('metainfo', [dict(way_pixels=9), dict()])
@pytest.mark.parametrize('setting', [*SETTINGS, DISCRIMINANT, AUTO])
def test_a_training_step_stays_on_the_device(cuda, setting, metainfo):
    model = model_on(cuda, setting.get('head', ())).train()
    data = model.data_preprocessor(batch_of(**metainfo), True)
    with autocast(setting.get('dtype')):
        losses, log = model.parse_losses(model(**data, mode='loss'))
    assert losses.device.type == 'cuda' and losses.dtype == torch.float32
    assert log['decode.loss_align'].device.type == 'cuda'


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize(('setting', 'test_cfg'), [
    *product(SETTINGS[:6], TEST_CFGS),
    (DISCRIMINANT, dict()), (AUTO, dict(shot_fusion='mean_logits'))])
def test_a_prediction_stays_on_the_device(cuda, setting, test_cfg):
    model = model_on(cuda, setting.get('head', ()), **test_cfg).eval()
    data = model.data_preprocessor(batch_of(way_pixels=9))
    with autocast(setting.get('dtype')), torch.no_grad():
        prediction, = model(**data, mode='predict')
    assert prediction.pred_sem_seg.data.device.type == 'cuda'
    assert prediction.pred_sem_seg.data.shape == (1, 70, 55)
    assert prediction.seg_logits.data.dtype == torch.float32


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize('setting', [*SETTINGS[:6], DISCRIMINANT, AUTO])
def test_a_fit_and_what_follows_stay_on_the_device(cuda, setting):
    model = model_on(cuda, setting.get('head', ())).eval()
    batch = batch_of(way_pixels=9)
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(role=None))
    data = model.data_preprocessor(batch)
    with autocast(setting.get('dtype')), torch.no_grad():
        features = model.extract_feat(data['inputs'][:4])
        model.decode_head.fit(features, data['data_samples'][:4])
        logits = model(data['inputs'][4:])
    assert {one.device.type
            for one in model.decode_head.fitted.buffers()} == {'cuda'}
    cells = 16 if 'channels' in setting else 8  # 60x50, padded to 64x64
    assert logits.shape == (1, 1 + WAYS, cells, cells)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize('edges', [False, True])
def test_tensors_alone_stay_on_the_device(cuda, edges):
    model = model_on(cuda, edges=edges).eval()
    with cuda, torch.no_grad():
        logits = model.segment(
            torch.zeros(2, 1, 3, 64, 64), torch.zeros(2, 1, 64, 64),
            torch.zeros(3, 3, 40, 56))
    assert logits.device.type == 'cuda' and logits.shape == (3, 3, 40, 56)


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize('shots', [1, 2])
def test_one_way_of_auto_stays_on_the_device(cuda, shots):
    """With one shot it starts from prototypes."""
    model = model_on(cuda, AUTO['head']).eval()
    data = model.data_preprocessor(batch_of(1, shots, 2, way_pixels=9))
    with autocast(AUTO['dtype']), torch.no_grad():
        predictions = model(**data, mode='predict')
    assert len(predictions) == 2
    for one in predictions:
        assert one.pred_sem_seg.data.device.type == 'cuda'
        assert one.seg_logits.data.shape == (2, 70, 55)
        assert one.seg_logits.data.dtype == torch.float32


def real_rows(masks, channels=32, rank=None, **_):
    """Rows of an image as they come from the CPU."""
    return SupportRows(
        torch.ones(masks).double(), torch.ones(masks, channels).double(),
        None if rank is None else torch.ones(masks, rank * (rank + 1) // 2),
        torch.ones(rank, channels).half()
        if rank is not None and rank < channels else None)


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize(('setting', 'by_shot', 'edges'), [
    *((setting, *shots) for setting in SETTINGS[:6] for shots in (
        (False, False), (True, False), (True, True))),
    (DISCRIMINANT, False, False), (AUTO, False, False), (AUTO, True, True)])
def test_both_passes_of_a_test_stay_on_the_device(setting, by_shot, edges):
    """Only the areas that say which supports are empty are real."""
    images = [LabelledImage(0, (5, 7)), LabelledImage(1, (7,)),
              LabelledImage(2, (5,)), LabelledImage(3, (5, 7))]
    real = [real_rows(1 + len(image.class_ids), **setting)
            for image in images]
    episodes = [
        Episode(0, i, (5, 7), ((0, 2), (1, 3)), (3,), (1,)) for i in range(3)]
    with fake_cuda() as cuda:
        model = model_on(
            cuda, setting.get('head', ()), edges=edges,
            shot_fusion='vote' if by_shot else 'mean_prototypes').eval()
        data = model.data_preprocessor(batch_of())
        table = SupportTable(images, real, cuda)
        assert all(map(table.serves, episodes))
        with autocast(setting.get('dtype')), torch.no_grad():
            features = model.decode_head.features(
                model.extract_feat(data['inputs']))
            statistics = model.decode_head.class_statistics(
                features, model.decode_head.labels(data['data_samples']), 2)
            for one in statistics.tensors().values():
                assert one.device.type == 'cuda'
            assert (statistics.axes is None) == (real[0].axes is None)
            fitted = table.fit(
                model.decode_head.classifier, episodes, features.dtype,
                by_shot)
            labels = model.label_maps(
                features[4], data['inputs'][4],
                data['data_samples'][4].metainfo, fitted,
                SHOTS if by_shot else 1)
            counts = label_confusion(
                labels, torch.zeros(70, 55, dtype=torch.int64, device=cuda),
                WAYS, 3)
    assert counts.device.type == 'cuda'
    assert tuple(counts.shape) == (3, 3, 1 + WAYS)
    assert np.prod(labels.shape) == 3 * 70 * 55
