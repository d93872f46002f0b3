import copy
from pathlib import Path

import mmseg
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.runner import load_checkpoint, save_checkpoint
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import mmseg_panet  # noqa: F401
from mmseg_panet.errors import InputError


def small_model(channels_last=False, neck=None, **test_cfg):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='FewShotSegmentor',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[0, 0, 0], std=[255, 255, 255],
            size=(64, 64)),
        backbone=dict(type='DilatedResNet', depth=18, base_channels=16,
                      stem_channels=16),
        decode_head=dict(type='PANetHead', in_channels=64),
        neck=neck,
        channels_last=channels_last,
        test_cfg=ConfigDict(dict(mode='whole') | test_cfg))).eval()


def up(logits, size):
    """Resize logits to the size of the network's input."""
    return torch.nn.functional.interpolate(logits, size, mode='bilinear')


def episode(ways=1, shots=1, queries=1, size=(64, 64), native=(50, 70)):
    """Create preprocessed images and samples of another original size."""
    generator = torch.Generator().manual_seed(1)
    images, samples = [], []
    for i in range(ways * shots + queries):
        support = i < ways * shots
        way = 1 + i // shots if support else 1
        labels = torch.zeros(1, *size, dtype=torch.long)
        labels[0, 8 * way:8 * way + 24, 10:40] = way
        samples.append(SegDataSample(
            metainfo=dict(
                role='support' if support else 'query', way=way, episode=0,
                run=0, class_ids=list(range(ways)),
                class_names=[f'class {w}' for w in range(ways)],
                img_shape=size, pad_shape=size, ori_shape=native),
            gt_sem_seg=PixelData(data=labels)))
        images.append(torch.randn(3, *size, generator=generator))
    return torch.stack(images), samples


def test_there_is_one_prediction_per_query_at_its_original_size():
    images, samples = episode(ways=2, shots=2, queries=3)
    with torch.no_grad():
        predictions = small_model().predict(images, samples)
    assert len(predictions) == 3
    for prediction, sample in zip(predictions, samples[4:], strict=True):
        assert prediction is sample
        assert prediction.seg_logits.data.shape == (3, 50, 70)
        assert prediction.pred_sem_seg.data.shape == (1, 50, 70)


def test_the_plain_tensor_call_gives_the_logits_of_the_batch():
    images, samples = episode(ways=2, shots=2, queries=3)
    model = small_model()
    masks = torch.stack([
        (s.gt_sem_seg.data[0] > 0).long() for s in samples[:4]])
    with torch.no_grad():
        logits = model.segment(
            images[:4].unflatten(0, (2, 2)), masks.unflatten(0, (2, 2)),
            images[4:])
        expected = model.decode_head.predict_episodes(
            model.extract_feat(images), samples)
    assert logits.shape == (3, 3, 64, 64)
    torch.testing.assert_close(
        logits, up(expected, (64, 64)), rtol=1e-4, atol=1e-4)


def test_the_plain_tensor_call_takes_queries_of_another_size():
    images, samples = episode()
    logits = small_model().segment(
        images[:1][None], samples[0].gt_sem_seg.data[None].bool(),
        torch.randn(2, 3, 40, 56))
    assert logits.shape == (2, 2, 40, 56)


def test_the_plain_tensor_call_ignores_unknown_pixels():
    images, samples = episode()
    model = small_model()
    masks = samples[0].gt_sem_seg.data[None].clone()
    masks[..., 40:] = 255
    samples[0].gt_sem_seg.data = masks[0]
    with torch.no_grad():
        torch.testing.assert_close(
            model.segment(images[:1][None], masks, images[1:]),
            up(model.decode_head.predict_episodes(
                model.extract_feat(images), samples), (64, 64)),
            rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(('change', 'sentence'), [
    (lambda i, m, q: (i[0], m, q), 'expected support_images'),
    (lambda i, m, q: (i, m[..., :30], q), 'expected support_images'),
    (lambda i, m, q: (i, m * 7, q), r'got the values \[0, 7\]'),
    (lambda i, m, q: (i, m * 255, q), r'got the values \[0, 255\]'),
    (lambda i, m, q: (i[:, :0], m[:, :0], q), 'expected support_images'),
    (lambda i, m, q: (i, m * 0, q), r'support_images\[0, 0\] has an empty'),
])
def test_bad_tensors_raise_an_input_error(change, sentence):
    images, samples = episode()
    arguments = change(
        images[:1][None], samples[0].gt_sem_seg.data[None], images[1:])
    with pytest.raises(InputError, match=sentence):
        small_model().segment(*arguments)


def test_fitted_prototypes_classify_images_without_an_episode():
    images, samples = episode(ways=2, shots=1, queries=2)
    model = small_model()
    with torch.no_grad():
        model.decode_head.fit(model.extract_feat(images[:2]), samples[:2])
        fitted = model.predict(images[2:])
        expected = model.decode_head.predict_episodes(
            model.extract_feat(images), samples)
    torch.testing.assert_close(
        fitted[1].seg_logits.data, up(expected, (64, 64))[1],
        rtol=1e-4, atol=1e-4)


def test_one_sliding_window_is_the_complete_image():
    images, samples = episode(ways=3, shots=1, queries=2)
    twice = torch.cat([images, images.flip(0)[[1, 2, 3, 4, 0]]])
    more = samples + episode(ways=3, shots=1, queries=2)[1]
    slide = small_model(mode='slide', crop_size=(64, 64), stride=(32, 32))
    with torch.no_grad():
        complete = small_model().predict(twice, more)
        expected = [p.seg_logits.data.clone() for p in complete]
        slid = slide.predict(twice, more)
    for prediction, logits in zip(slid, expected, strict=True):
        torch.testing.assert_close(
            prediction.seg_logits.data, logits, rtol=1e-4, atol=1e-4)
    assert slide.decode_head.fitted is None  # it was restored


def shot_by_shot(ways, shots, **test_cfg):
    """Predict a batch of two episodes from one shot at a time."""
    images, samples = episode(ways, shots, queries=2)
    length = len(images)
    other = images.flip(3)
    model = small_model(**test_cfg)
    alone = []
    for shot in range(shots):
        chosen = [way * shots + shot for way in range(ways)] + [
            length - 2, length - 1]
        for one in (images, other):
            samples_of_one = episode(ways, shots, queries=2)[1]
            with torch.no_grad():
                alone.append(model.predict(
                    one[chosen], [samples_of_one[i] for i in chosen]))
    batch = torch.cat([images, other])
    twice = samples + episode(ways, shots, queries=2)[1]
    # The last item has the predictions of both episodes for each shot.
    return batch, twice, [
        alone[2 * shot] + alone[2 * shot + 1] for shot in range(shots)]


@pytest.mark.parametrize('mode', [
    dict(mode='whole'),
    dict(mode='slide', crop_size=(64, 64), stride=(32, 32))])
def test_the_mean_of_logits_is_that_of_the_single_shots(mode):
    batch, samples, shots = shot_by_shot(ways=2, shots=3)
    model = small_model(shot_fusion='mean_logits', **mode)
    with torch.no_grad():
        predictions = model.predict(batch, samples)
    for prediction, *alone in zip(predictions, *shots, strict=True):
        mean = torch.stack([one.seg_logits.data for one in alone]).mean(0)
        torch.testing.assert_close(
            prediction.seg_logits.data, mean, rtol=1e-4, atol=1e-4)
        assert (prediction.pred_sem_seg.data[0]
                == prediction.seg_logits.data.argmax(0)).all()


@pytest.mark.parametrize('mode', [
    dict(mode='whole'),
    dict(mode='slide', crop_size=(64, 64), stride=(32, 32))])
def test_a_vote_uses_the_masks_of_the_single_shots(mode):
    batch, samples, shots = shot_by_shot(ways=2, shots=3)
    model = small_model(shot_fusion='vote', vote_threshold=0.6, **mode)
    with torch.no_grad():
        predictions = model.predict(batch, samples)
    assert len(predictions) == 4
    for prediction, *alone in zip(predictions, *shots, strict=True):
        masks = torch.cat([one.pred_sem_seg.data for one in alone])
        votes = torch.stack([(masks == way).sum(0) for way in (1, 2)])
        expected = torch.where(
            votes.amax(0) >= 0.6 * votes.amax(), 1 + votes.argmax(0), 0)
        same = prediction.pred_sem_seg.data[0] == expected
        # Rounding may decide a tie of two logits either way.
        assert same.float().mean() > 0.999


def test_a_head_without_supports_raises_an_error_at_construction():
    with pytest.raises(InputError, match='FewShotHead, as .* got a FCNHead'):
        MODELS.build(dict(
            type='FewShotSegmentor',
            backbone=dict(type='DilatedResNet', depth=18),
            decode_head=dict(
                type='FCNHead', in_channels=256, channels=8, num_classes=2)))


def test_an_unknown_shot_fusion_raises_an_input_error():
    with pytest.raises(InputError, match="shot_fusion .* got 'mean'"):
        small_model(shot_fusion='mean')


@pytest.mark.parametrize('segmentor', ['FewShotSegmentor', 'EncoderDecoder'])
def test_the_fcn_base_config_of_mmseg_trains_with_another_head(
        segmentor, tmp_path):
    # The base is given by its path, as `mmseg::` requires a package of
    # another name.
    base = Path(mmseg.__file__).parent / '.mim/configs/_base_/models'
    config = tmp_path / 'fcn_panet.py'
    config.write_text(f"""
_base_ = '{base}/fcn_r50-d8.py'
model = dict(
    type='{segmentor}',
    pretrained=None,  # no download
    data_preprocessor=dict(size=(64, 64)),
    decode_head=dict(_delete_=True, type='PANetHead', in_channels=2048),
    auxiliary_head=None)
""")
    model = Config.fromfile(config).model
    model = MODELS.build(model)
    images, samples = episode()
    losses, log = model.parse_losses(
        model.train()(images, samples, mode='loss'))
    losses.backward()
    assert {'decode.loss_seg', 'decode.loss_align', 'decode.acc_seg'} <= (
        log.keys())
    assert model.backbone.layer4[0].conv1.weight.grad.abs().sum() > 0
    if segmentor == 'FewShotSegmentor':
        with torch.no_grad():
            prediction, = model.eval()(images, samples, mode='predict')
        assert prediction.pred_sem_seg.data.shape == (1, 50, 70)


def test_prediction_without_a_fit_raises_an_error():
    images, _ = episode()
    with pytest.raises(RuntimeError, match='has no prototypes yet'):
        small_model().predict(images)


def test_an_empty_support_mask_in_a_batch_raises_an_input_error():
    images, samples = episode()
    samples[0].gt_sem_seg.data.zero_()
    with pytest.raises(InputError, match='has an empty mask'):
        small_model().predict(images, samples)


def is_channels_last(tensor):
    return tensor.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('neck', [
    None, dict(type='FPN', in_channels=[64], out_channels=64, num_outs=1)])
def test_channels_last_changes_the_memory_but_neither_keys_nor_results(
        neck, tmp_path):
    plain, model = small_model(neck=neck), small_model(True, neck)
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter *= 1.01
    path = str(tmp_path / 'plain.pth')
    save_checkpoint(plain.state_dict(), path)
    load_checkpoint(model, path, strict=True)
    model.double().float()  # equivalent to a move to a device

    weights = [p for p in model.parameters() if p.dim() == 4]
    assert len(weights) > 10 and all(map(is_channels_last, weights))
    images, samples = episode(ways=2, shots=2, queries=1)
    features, = model.extract_feat(images)
    expected, = plain.extract_feat(images)
    assert is_channels_last(features) and not is_channels_last(expected)
    assert (features - expected).abs().max() < 1e-5 * expected.abs().max()
    losses, expected = (m.loss(images, samples) for m in (model, plain))
    for name, loss in expected.items():
        torch.testing.assert_close(losses[name], loss, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('channels_last', [False, True])
def test_under_autocast_the_head_computes_in_float32(channels_last):
    model = small_model(channels_last)
    images, samples = episode(ways=2, shots=2, queries=2)
    seen = []
    model.backbone.register_forward_hook(
        lambda module, inputs, outputs: seen.extend(outputs))
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(images, samples)
        model.decode_head.fit([seen[0][:4]], samples[:4])
    assert seen[0].dtype == torch.bfloat16
    weight = model.decode_head.fitted.weight
    expected = model.decode_head.loss([seen[0].float()], samples)
    model.decode_head.fit([seen[0][:4].float()], samples[:4])

    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    for name, loss in expected.items():
        assert torch.equal(losses[f'decode.{name}'], loss), name
    assert weight.dtype == torch.float32
    assert torch.equal(weight, model.decode_head.fitted.weight)


def test_two_accumulated_episodes_train_like_a_batch_of_two():
    images, samples = episode(ways=2, shots=2, queries=1)
    episodes = [
        dict(inputs=list(255 * one), data_samples=samples)
        for one in (images, images.flip(3))]
    batch = dict(inputs=episodes[0]['inputs'] + episodes[1]['inputs'],
                 data_samples=2 * samples)

    def steps(batches):
        """Return the sum of all gradients, as the learning rate is 1."""
        model = small_model().train()
        before = {
            name: p.detach().clone() for name, p in model.named_parameters()}
        wrapper = OptimWrapper(
            torch.optim.SGD(model.parameters(), lr=1.),
            accumulative_counts=len(batches))
        wrapper.initialize_count_status(model, 0, len(batches))
        for i, one in enumerate(batches):
            with wrapper.optim_context(model):
                log = model.train_step(copy.deepcopy(one), wrapper)
            assert log['decode.loss_align'] > 0
            changed = any(
                not torch.equal(p, before[name])
                for name, p in model.named_parameters())
            assert changed == (i == len(batches) - 1)
        return {name: before[name] - p.detach()
                for name, p in model.named_parameters()}

    expected = steps([batch])
    assert max(change.abs().max() for change in expected.values()) > 0.01
    for name, change in steps(episodes).items():
        torch.testing.assert_close(
            change, expected[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(('capability', 'expected'), [
    ('AVX2', False), ('AVX512', True)])
def test_channels_last_auto_depends_on_the_mode_and_the_processor(
        capability, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(
        torch.backends.cpu, 'get_cpu_capability', lambda: capability)
    model = small_model('auto')
    image = torch.rand(2, 3, 33, 33)
    for training in (True, False, True):
        model.train(training)
        with torch.no_grad():
            features, = model.extract_feat(image)
        assert is_channels_last(features) is (expected or not training)
    with pytest.raises(InputError, match="True, False or 'auto', got 'yes'"):
        small_model('yes')
