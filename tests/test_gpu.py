"""The same results on a GPU as on the CPU, without waits and leaks.

PANET_GPU_TESTS=cpu runs the tests on the CPU, which checks these tests alone.
"""
import copy
import math
import os

import numpy as np
import pytest
import torch
from inference_parts import RESIZE, image_of, red_and_blue, small_config
from mmengine.config import ConfigDict
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmseg.registry import MODELS
from tool_runs import small_config as toy_config
from tool_runs import tool_process

from benchmarks.case import Case, noise_batch
from mmseg_panet.apis import FewShotInferencer

DEVICE = os.environ.get('PANET_GPU_TESTS', 'cuda')
pytestmark = pytest.mark.skipif(
    DEVICE == 'cuda' and not torch.cuda.is_available(), reason='needs a GPU')
on_gpu_alone = pytest.mark.skipif(
    DEVICE != 'cuda', reason='of a GPU alone')
CASE = Case('ResNet-18', size=65, ways=2, shots=2, batch=2)
HEADS = [
    dict(),
    dict(classifier=dict(type='DiscriminantClassifier')),
    dict(classifier=dict(type='QueryRefinement', presence=0.0)),
    dict(classifier='auto'),
    dict(in_channels=(8, 32), in_index=(0, 1)),
]
PREDICTIONS = [
    dict(), dict(edges=True), dict(shot_fusion='vote'),
    dict(mode='slide', crop_size=(33, 33), stride=(16, 16))]


@pytest.fixture(autouse=True)
def exact_convolutions(monkeypatch):
    """The TensorFloat-32 of convolutions would differ by a thousandth."""
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)


def models(head, **test_cfg):
    """Build the same model on the device and on the CPU."""
    torch.manual_seed(0)
    cfg = small_config(data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[100, 110, 120], std=[50, 60, 70],
        bgr_to_rgb=True, size=(65, 65))).model
    cfg.decode_head.update(head)
    cfg.backbone.out_indices = (0, 2) if 'in_index' in head else (2,)
    cfg.test_cfg = ConfigDict(dict(mode='whole') | test_cfg)
    on_cpu = MODELS.build(cfg)
    return copy.deepcopy(on_cpu).to(DEVICE), on_cpu


def step(model, wrapper=OptimWrapper, **settings):
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    wrapped = wrapper(optimizer=optimizer, **settings)
    return lambda: model.train_step(noise_batch(CASE), wrapped)


@pytest.mark.parametrize('head', HEADS)
def test_losses_and_gradients_are_those_of_the_cpu(head):
    found = []
    for model in models(head):
        data = model.train().data_preprocessor(noise_batch(CASE), True)
        losses, log = model.parse_losses(model(**data, mode='loss'))
        losses.backward()
        found.append(dict(
            {name: p.grad.cpu() for name, p in model.named_parameters()
             if p.grad is not None}, loss=log['loss'].detach().cpu()))
    assert found[0].keys() == found[1].keys() and len(found[0]) > 20
    for name, expected in found[1].items():
        assert expected.isfinite().all()
        torch.testing.assert_close(
            found[0][name], expected, rtol=1e-2,
            atol=1e-3 * max(1e-3, float(expected.abs().max())), msg=name)


@pytest.mark.parametrize('test_cfg', PREDICTIONS)
@pytest.mark.parametrize('head', HEADS)
def test_predictions_are_those_of_the_cpu(head, test_cfg):
    found, expected = (
        model.eval().test_step(noise_batch(CASE))
        for model in models(head, **test_cfg))
    assert len(found) == len(expected) == CASE.batch
    for one, other in zip(found, expected, strict=True):
        assert one.seg_logits.data.device.type == DEVICE
        same = one.pred_sem_seg.data.cpu() == other.pred_sem_seg.data
        assert same.float().mean() > 0.99


@on_gpu_alone
@pytest.mark.parametrize('head', HEADS)
def test_no_step_waits_for_the_device(head):
    """Batches are moved before; their pinned memory is the loader's."""
    model, _ = models(head)
    batch = noise_batch(CASE)
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(way_pixels=9))
    data = model.train().data_preprocessor(batch, True)
    asked = model.eval().data_preprocessor(batch)

    def calls():
        losses, _ = model.train().parse_losses(model(**data, mode='loss'))
        losses.backward()
        with torch.no_grad():
            model.eval()(**asked, mode='predict')

    calls()  # Libraries may wait when they are first used.
    torch.cuda.set_sync_debug_mode('error')
    try:
        calls()
    finally:
        torch.cuda.set_sync_debug_mode('default')


@on_gpu_alone
@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
@pytest.mark.parametrize('head', HEADS)
def test_mixed_precision_trains_with_finite_losses(head, dtype):
    model, _ = models(head)
    train = step(
        model.train(), AmpOptimWrapper, dtype=dtype, loss_scale='dynamic')
    losses = [float(train()['loss']) for _ in range(10)]
    assert all(map(math.isfinite, losses)), losses
    assert all(p.isfinite().all() for p in model.parameters())
    assert len(set(losses)) > 1


def test_training_takes_no_more_memory_in_each_step():
    train = step(models({})[0].train())
    most = []
    for _ in range(3):
        for _ in range(5):
            train()
        most.append(
            torch.cuda.max_memory_allocated() if DEVICE == 'cuda' else 0)
    assert most[1] == most[2]


def inferencer(device, **settings):
    torch.manual_seed(0)
    return FewShotInferencer(
        small_config(RESIZE), device=device, show_progress=False, **settings)


@pytest.mark.parametrize('settings', [
    dict(tta=True),
    dict(classifier='config', tta=True),
    dict(slide=dict(crop_size=(48, 48), stride=(32, 32)), min_area=0.01),
    dict(classifier=dict(type='AutoClassifier', presence=0.0), edges=False),
    dict(classifier=dict(type='DiscriminantClassifier'), edges=True)])
def test_an_inferencer_agrees_with_the_cpu(tmp_path, settings):
    """Classes are registered, saved, loaded, checked and adapted there."""
    image, _ = image_of((20, 20, 230))
    others = [image_of((20, 20, 230), seed=seed)[0] for seed in range(50, 55)]
    results = []
    for device in (DEVICE, 'cpu'):
        one = inferencer(device, **settings)
        one.fit(red_and_blue(shots=3), negatives=others[:1])
        one.save(tmp_path / f'{device}.safetensors')
        one.load(tmp_path / f'{device}.safetensors')
        assert one.fit(red_and_blue(shots=3)).check_support()
        results.append([one(image)])
        if settings.get('classifier') != 'config':
            results[-1].append(one.adapt(others[1:])(image))
    for found, expected in zip(*results, strict=True):
        difference = np.abs(found['confidence'] - expected['confidence'])
        assert np.mean(difference < 1e-3) > 0.99


def test_a_gpu_agrees_with_the_cpu(tmp_path):
    """Classes are registered, saved, checked and segmented there."""
    on_gpu, on_cpu = (
        inferencer(device, tta=True) for device in (DEVICE, 'cpu'))
    image, _ = image_of((20, 20, 230))
    results = []
    for one in (on_gpu, on_cpu):
        one.fit(red_and_blue(shots=3)).save(tmp_path / 'bank')
        results.append(one.load(tmp_path / 'bank')(image))
    one.fit(red_and_blue(shots=3)).check_support()
    np.testing.assert_allclose(
        results[0]['confidence'], results[1]['confidence'], atol=1e-3)


def test_an_inferencer_takes_no_more_memory_with_each_image():
    one = inferencer(DEVICE).fit(red_and_blue())
    image, _ = image_of((20, 20, 230))
    used = []
    for _ in range(3):
        for _ in range(10):
            one.predict([image])
        used.append(
            (torch.cuda.memory_allocated(), torch.cuda.memory_reserved())
            if DEVICE == 'cuda' else 0)
    assert used[1] == used[2]


def test_two_deterministic_trainings_are_bitwise_equal(
        tmp_path, toy_root, monkeypatch):
    # cuBLAS is deterministic with a workspace of its own alone.
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    config = toy_config(tmp_path)
    weights = []
    for name in ('one', 'two'):
        tool_process(
            'train.py', config, '--data-root', toy_root, '--work-dir',
            tmp_path / name, '--cfg-options', 'randomness.deterministic=True',
            'default_hooks.visualization.num_pictures=0')
        weights.append(torch.load(
            tmp_path / name / 'iter_6.pth', map_location='cpu',
            weights_only=False)['state_dict'])
    one, two = weights
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
