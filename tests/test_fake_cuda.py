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
from mmseg_panet.inference.results.prediction import predict_classes
from mmseg_panet.models import (
    Classifier,
    LinearClassifier,
    LogitMap,
    SupportStatistics,
)
from mmseg_panet.models.adapted import (
    CertainCellFinder,
    certain_statistics,
    weigh_adapted,
)
from mmseg_panet.models.image_maps import fitted_maps
from mmseg_panet.models.logit_map import mean_probabilities
from mmseg_panet.models.negatives import add_negatives
from mmseg_panet.models.temperature import calibrate

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
# The presence test, and classes that no query refines.
REFINED = dict(
    rank=16, dtype=torch.bfloat16, head=dict(classifier=dict(
        type='QueryRefinement', presence=0.0, rank=16)))
UNREFINED = dict(
    rank=32, head=dict(classifier=dict(
        type='QueryRefinement', rounds=0, prior=0.5,
        start=dict(type='PrototypeClassifier', scale=10.0))))
# All levels, and the moments of their concatenation.
LEVELS = dict(rank=16, channels=8 + 32, dtype=torch.bfloat16, head=dict(
    in_channels=(8, 32), in_index=(0, 1), classifier=dict(
        type='AutoClassifier', presence=0.0, rank=16)))
OF_MOMENTS = [DISCRIMINANT, AUTO, REFINED, UNREFINED, LEVELS]
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
    """Refuses copies to and from the device that make it wait."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        source = to = non_blocking = None
        if func is torch.ops.aten._to_copy.default:
            source, to = args[0], kwargs.get('device')
            non_blocking = kwargs.get('non_blocking')
        elif func is torch.ops.aten.copy_.default:
            source, to = args[1], args[0].device
            non_blocking = (*args, False)[2]
        if to is not None:
            kinds = source.device.type, torch.device(to).type
            # A copy to the CPU is read at once, so it has to be complete.
            if kinds == ('cuda', 'cpu') or (
                    kinds == ('cpu', 'cuda') and not non_blocking):
                raise AssertionError(
                    f'a blocking copy of {tuple(source.shape)}')
        return func(*args, **kwargs)


def test_half_precision_is_on_in_these_tests(cuda):
    product = torch.ones(2, 2, device=cuda)
    with autocast(torch.bfloat16):
        assert (product @ product).dtype == torch.bfloat16
        with pytest.raises(AssertionError, match='a blocking copy'):
            product[:, [0, 1]]
        with pytest.raises(AssertionError, match='a blocking copy'):
            product.cpu()
        with pytest.raises(AssertionError, match='a blocking copy'):
            product.copy_(torch.ones(2, 2))
        with pytest.raises(AssertionError, match='a blocking copy'):
            torch.tensor([0, 1], device=cuda)
        with pytest.raises(AssertionError, match='a blocking copy'):
            product.new_tensor([0, 1])
        assert torch.tensor([0, 1]).to(cuda, non_blocking=True).is_cuda
    assert (product @ product).dtype == torch.float32


def test_a_value_read_from_the_device_is_an_error_here(cuda):
    with pytest.raises(DataDependentOutputException):
        torch.zeros(3, device=cuda).tolist()
    with pytest.raises(RuntimeError, match='two different devices'):
        torch.zeros(3, device=cuda) + torch.zeros(3)


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize('metainfo', [dict(way_pixels=9), dict()])
@pytest.mark.parametrize('setting', [*SETTINGS, *OF_MOMENTS])
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
    *zip([*OF_MOMENTS, AUTO], TEST_CFGS, strict=True),
    *((setting, dict(
        mode='slide', crop_size=(32, 32), stride=(16, 16), edges=True))
      for setting in OF_MOMENTS)])
def test_a_prediction_stays_on_the_device(cuda, setting, test_cfg):
    model = model_on(cuda, setting.get('head', ()), **test_cfg).eval()
    data = model.data_preprocessor(batch_of(way_pixels=9))
    with autocast(setting.get('dtype')), torch.no_grad():
        prediction, = model(**data, mode='predict')
    assert prediction.pred_sem_seg.data.device.type == 'cuda'
    assert prediction.pred_sem_seg.data.shape == (1, 70, 55)
    assert prediction.seg_logits.data.dtype == torch.float32


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize('setting', [*SETTINGS[:6], *OF_MOMENTS])
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


@pytest.mark.parametrize(('setting', 'edges'), [
    (dict(), False), (dict(), True), (AUTO, True), (LEVELS, False),
    (dict(dtype=torch.float16), True)])
def test_tensors_alone_stay_on_the_device(cuda, setting, edges):
    model = model_on(cuda, setting.get('head', ()), edges=edges).eval()
    with cuda:
        given = (torch.zeros(2, 1, 3, 64, 64), torch.zeros(2, 1, 64, 64),
                 torch.zeros(3, 3, 40, 56))
    with torch.no_grad(), autocast(setting.get('dtype')):
        logits = model.segment(*given)
    assert logits.device.type == 'cuda' and logits.shape == (3, 3, 40, 56)


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize(('setting', 'ways', 'shots', 'queries'), [
    (AUTO, 1, 1, 2), (REFINED, 1, 5, 1), (SETTINGS[2], 3, 1, 1),
    (AUTO, 2, 3, 2)])
def test_any_numbers_of_ways_shots_and_queries_stay_on_the_device(
        cuda, setting, ways, shots, queries):
    model = model_on(cuda, setting.get('head', ()))
    batch = batch_of(ways, shots, queries, way_pixels=9)
    data = model.train().data_preprocessor(batch, True)
    asked = model.data_preprocessor(batch_of(
        ways, shots, queries, way_pixels=9))
    with autocast(setting['dtype']):
        losses, _ = model.parse_losses(model(**data, mode='loss'))
        with torch.no_grad():
            predictions = model.eval()(**asked, mode='predict')
    assert losses.device.type == 'cuda'
    assert len(predictions) == queries
    for one in predictions:
        assert one.pred_sem_seg.data.device.type == 'cuda'
        assert one.seg_logits.data.shape == (1 + ways, 70, 55)


def images_of(model, number, size=(60, 50), **metainfo):
    """Images to segment by fitted classes, on the device."""
    return model.data_preprocessor(dict(
        inputs=[torch.zeros(3, *size, dtype=torch.uint8)
                for _ in range(number)],
        data_samples=[SegDataSample(metainfo=dict(
            img_path='noise.jpg', img_shape=size, ori_shape=(70, 55)
        ) | metainfo) for _ in range(number)]))


def banked_statistics(cuda, setting, negatives, adapted):
    """Statistics of a bank, made on the CPU and moved to the device."""
    channels, rank = setting.get('channels', 32), setting.get('rank')
    count = WAYS * SHOTS + WAYS * adapted

    def one(number):
        moments = {} if rank is None else dict(
            moments=torch.zeros(number, rank, rank, dtype=torch.float64))
        if rank is not None and rank < channels:
            moments['axes'] = torch.zeros(rank, channels).half()
        return SupportStatistics(
            torch.ones(number).double(),
            torch.ones(number, channels).double(), **moments)

    found = add_negatives([one(2) for _ in range(count)],
                          [one(1) for _ in range(negatives)])
    numbers = [count // WAYS] * WAYS
    found = weigh_adapted(
        found, WAYS * [*SHOTS * [False], *adapted * [True]], numbers)
    return found.each(lambda part: part[None].to(cuda, torch.float32)), numbers


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize(('setting', 'negatives', 'adapted'), [
    (dict(), 2, 0), (DISCRIMINANT, 0, 0), (DISCRIMINANT, 2, 1), (AUTO, 3, 2),
    (REFINED, 0, 2), (UNREFINED, 2, 1), (LEVELS, 1, 1)])
def test_banked_classes_and_views_stay_on_the_device(
        cuda, setting, negatives, adapted):
    """These are the negatives, the adaptation and the TTA of an inferencer.

    Statistics are read on the CPU; the fit is what a device does.
    """
    model = model_on(cuda, setting.get('head', ())).eval()
    head = model.decode_head
    classifier = head.classifier
    supports, numbers = banked_statistics(cuda, setting, negatives, adapted)
    images = [images_of(model, 2, size, flip=flip, flip_direction='horizontal')
              for size, flip in (((60, 50), False), ((45, 38), True))]
    with autocast(), torch.no_grad():
        head.fitted = classifier.fit(supports, numbers)
        calibrate(head.fitted, supports.class_means(numbers),
                  classifier.unit_cells)
    with autocast(setting.get('dtype')), torch.no_grad():
        views = [
            fitted_maps(model, data['inputs'], [
                sample.metainfo for sample in data['data_samples']])
            for data in images]
        for of_image in zip(*views, strict=True):
            probabilities = mean_probabilities(of_image, slice(0, 9))
            assert probabilities.device.type == 'cuda'
            assert probabilities.shape == (1 + WAYS, 9, 55)


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.filterwarnings('ignore:The shape of value will convert')
@pytest.mark.parametrize('setting', [dict(), AUTO])
def test_the_augmentation_of_mmseg_stays_on_the_device(cuda, setting):
    model = model_on(cuda, setting.get('head', ())).eval()
    supports, numbers = banked_statistics(cuda, setting, 0, 0)
    model.out_channels = 1 + WAYS
    tta = MODELS.build(dict(type='SegTTAModel', module=model)).eval()
    with torch.no_grad():
        model.decode_head.fitted = model.decode_head.classifier.fit(
            supports, numbers)
        views = [images_of(model, 1, size) for size in ((60, 50), (45, 38))]
        with autocast(setting.get('dtype')):
            predictions = [
                model(**data, mode='predict')[0] for data in views]
        # mmseg itself makes the sum on the CPU and copies it.
        merged, = tta.merge_preds([predictions])
    assert merged.pred_sem_seg.data.device.type == 'cuda'
    assert merged.pred_sem_seg.data.shape == (1, 70, 55)


class Reads(TorchDispatchMode):
    """Counts the values that are read from the device, which become 5.

    A selection by a mask has five elements then.
    """

    def __init__(self):
        super().__init__()
        self.number = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        aten = torch.ops.aten
        if func is aten._local_scalar_dense.default:
            self.number += 1
            return 5
        if func is aten.bincount.default:
            self.number += 1
            return args[0].new_empty(args[2])
        if func is aten.index.Tensor:
            masks = [one for one in args[1]
                     if one is not None and one.dtype == torch.bool]
            self.number += len(masks)
            return func(args[0], [
                one.new_empty(5, dtype=torch.int64)
                if any(one is mask for mask in masks) else one
                for one in args[1]])
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize('setting', [DISCRIMINANT, AUTO, LEVELS])
def test_an_adaptation_stays_on_the_device(cuda, setting):
    """It reads values by design, a few for each way of an image."""
    channels = setting.get('channels', 32)
    model = model_on(cuda, setting['head']).eval()
    supports, numbers = banked_statistics(cuda, setting, 1, 0)
    finder = CertainCellFinder(supports.each(lambda one: one[0]), numbers)
    features = torch.zeros(channels, 8, 8, device=cuda)
    logits = torch.zeros(1 + WAYS, 8, 8, device=cuda)
    valid = torch.ones(8, 8, dtype=torch.bool, device=cuda)
    with Reads() as reads:
        cells = list(finder.find(features, logits, valid))
        statistics = certain_statistics(
            model.decode_head.classifier, features, cells[0].weights)
    assert [one.way for one in cells] == [0, 1]
    assert {one.weights.device.type for one in cells} == {'cuda'}
    assert {one.device.type
            for one in statistics.tensors().values()} == {'cuda'}
    assert reads.number <= 8 + 6 * WAYS


@pytest.mark.filterwarnings('ignore:.*CUDA is not available')
@pytest.mark.parametrize('min_confidence', [0.0, 0.5])
@pytest.mark.parametrize('keep', [False, True])
def test_only_the_results_of_an_image_leave_the_device(
        cuda, min_confidence, keep, monkeypatch):
    copied = []

    def copy_to_cpu(tensor):
        copied.append(tuple(tensor.shape))
        return tensor

    monkeypatch.setattr(torch.Tensor, 'cpu', copy_to_cpu)
    monkeypatch.setattr(
        torch.Tensor, 'numpy', lambda tensor: np.zeros(tensor.shape))
    cells = torch.zeros(1 + WAYS, 8, 8, device=cuda)
    metainfo = dict(img_shape=(64, 64), ori_shape=(70, 55))
    views = [LogitMap.from_cells(cells, metainfo) for _ in range(2)]
    with autocast(torch.float16):
        predict_classes(views, ('cat', 'dog'), min_confidence, keep)
    expected = [(70, 55), (70, 55), (3, 70, 55)]
    assert copied == expected[:2 + keep]


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
    *((setting, False, False) for setting in OF_MOMENTS),
    (AUTO, True, True), (LEVELS, True, False)])
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
