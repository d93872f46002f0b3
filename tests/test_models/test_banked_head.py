"""The classes of a bank in a head, from a file or from a checkpoint."""
import copy
import pickle

import pytest
import torch
from inference_parts import (
    RESIZE,
    image_of,
    red_and_blue,
    small_config,
    small_inferencer,
)
from mmengine.dataset import pseudo_collate
from mmengine.runner.checkpoint import load_state_dict
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.errors import InputError
from mmseg_panet.inference import network
from mmseg_panet.inference.model_loading import load_weights
from mmseg_panet.models import PANetHead, SupportStatistics

CLASSIFIERS = [
    'auto', 'config', dict(type='DiscriminantClassifier', rank=8),
    dict(type='PrototypeClassifier', distance='squared_euclidean')]


@pytest.fixture(params=CLASSIFIERS, ids=str)
def saved(request, tmp_path):
    """Return an inferencer, and the files of its bank and of its weights."""
    inferencer = small_inferencer(RESIZE, classifier=request.param)
    inferencer.fit(red_and_blue(), negatives=[image_of((90, 90, 90))[0]]) if (
        request.param == 'auto') else inferencer.fit(red_and_blue())
    bank, weights = tmp_path / 'red.safetensors', tmp_path / 'weights.pth'
    inferencer.save(bank)
    torch.save(inferencer.model.state_dict(), weights)
    return inferencer, bank, str(weights)


def build(bank, weights=None, seed=1, **head):
    torch.manual_seed(seed)
    cfg = small_config(RESIZE)
    cfg.model.decode_head.update(bank=bank, **head)
    model = MODELS.build(cfg.model).eval()
    if weights:
        load_weights(model, weights)
    return model


def batch_of(inferencer):
    image, _ = image_of((20, 20, 230), seed=5)
    return pseudo_collate([inferencer.pipeline(dict(img=image))]), image


def test_a_model_with_a_bank_predicts_what_the_inferencer_does(saved):
    inferencer, bank, weights = saved
    model = build(str(bank), weights)
    batch, image = batch_of(inferencer)
    found = model.test_step(batch)[0]
    result = inferencer(image, return_probabilities=True)
    assert (found.pred_sem_seg.data[0].numpy() == result['predictions']).all()
    assert torch.allclose(
        found.seg_logits.data.softmax(0),
        torch.tensor(result['probabilities']), atol=1e-5)
    assert model.num_classes == model.out_channels == 3
    assert model.decode_head.num_classes == 3
    assert model.dataset_meta == inferencer.dataset_meta
    model.dataset_meta = dict(classes=('cat', 'dog'))
    assert model.dataset_meta == inferencer.dataset_meta


@pytest.mark.parametrize('load', [
    load_state_dict, lambda model, state: model.load_state_dict(state)],
    ids=['mmengine', 'torch'])
def test_a_checkpoint_holds_the_statistics(saved, load):
    """A model of another dtype or with other supports loads them."""
    inferencer, bank, weights = saved
    first = build(str(bank), weights)
    batch, _ = batch_of(inferencer)
    expected = first.test_step(batch)[0].seg_logits.data
    described = dict(classes=['red', 'blue'])
    settings = first.decode_head.classifier.settings()
    model = build(described, classifier=settings, seed=3)
    with pytest.raises(InputError, match='expected a checkpoint with the sta'):
        model.test_step(batch)
    # The operations are counted without weights.
    assert model(torch.zeros(1, 3, 65, 65)).shape == (1, 3, 9, 9)
    load(model, first.state_dict())
    assert torch.equal(model.test_step(batch)[0].seg_logits.data, expected)
    again = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    assert torch.equal(again.test_step(batch)[0].seg_logits.data, expected)
    again.double()
    assert again(torch.zeros(1, 3, 65, 65).double()).dtype == torch.float64
    again.half().float()
    again.load_state_dict(first.state_dict())
    assert torch.equal(again.test_step(batch)[0].seg_logits.data, expected)


def test_a_checkpoint_of_other_classes_is_refused(saved):
    """The classes in another order would have each other's labels."""
    _, bank, weights = saved
    first = build(str(bank), weights)
    settings = first.decode_head.classifier.settings()
    model = build(dict(classes=['blue', 'red']), classifier=settings)
    with pytest.raises(InputError, match=r"expected classes of \['blue', 'r"):
        model.load_state_dict(first.state_dict())


def test_a_bank_of_another_normalisation_is_refused(saved):
    _, bank, weights = saved
    cfg = small_config(RESIZE)
    cfg.model.data_preprocessor.mean = [0, 0, 0]
    cfg.model.decode_head.bank = str(bank)
    model = MODELS.build(cfg.model).eval()
    load_weights(model, weights)
    with pytest.raises(InputError, match=r'prepared otherwise \(mean\)'):
        model.predict(torch.zeros(1, 3, 65, 65))


def test_an_ordinary_segmentor_of_mmseg_uses_the_bank(saved):
    """Without the filter, the classes are the argmax of the logits."""
    inferencer, bank, weights = saved
    cfg = small_config(RESIZE, type='EncoderDecoder')
    cfg.model.decode_head.bank = str(bank)
    model = MODELS.build(cfg.model).eval()
    load_weights(model, weights)
    assert type(model) is EncoderDecoder
    assert model.num_classes == model.out_channels == 3
    batch, _ = batch_of(inferencer)
    found = model.test_step(batch)[0]
    inputs = model.data_preprocessor(batch)['inputs']
    logits = inferencer.model.decode_head(
        inferencer.model.extract_feat(inputs))
    resized = torch.nn.functional.interpolate(
        torch.nn.functional.interpolate(logits, (65, 65), mode='bilinear'),
        found.ori_shape, mode='bilinear')
    assert torch.allclose(found.seg_logits.data, resized[0], atol=1e-4)


def test_an_inferencer_of_such_a_config_has_the_classes(
        saved, monkeypatch):
    inferencer, bank, weights = saved
    cfg = small_config(RESIZE)
    cfg.model.decode_head.bank = str(bank)
    other = FewShotInferencer(
        cfg, weights, device='cpu', show_progress=False)
    assert other.classes == ('red', 'blue')
    image, _ = image_of((20, 20, 230), seed=5)
    assert (other(image)['predictions']
            == inferencer(image)['predictions']).all()
    cfg.model.decode_head.bank = dict(classes=['red', 'blue'])
    cfg.model.decode_head.classifier = (
        inferencer.model.decode_head.classifier.settings())
    said = []
    monkeypatch.setattr(
        network, 'print_log', lambda text, *_, **__: said.append(text))
    FewShotInferencer(cfg, weights, device='cpu', show_progress=False)
    assert 'starts without any: call load()' in said[-1]
    other.remove_class('red')
    assert other.model.dataset_meta['classes'] == ('background', 'blue')


def test_a_bank_that_does_not_fit_is_refused(saved, tmp_path):
    _, bank, weights = saved
    with pytest.raises(InputError, match='expected 16 channels, got 32'):
        PANetHead(16, bank=bank)
    with pytest.raises(InputError, match='made with another pooling'):
        PANetHead(32, bank=bank, pool_at='feature')
    with pytest.raises(InputError, match='cannot be read'):
        PANetHead(32, bank=tmp_path / 'gone.safetensors')
    other = build(str(bank), seed=7)
    with pytest.raises(InputError, match="with another model's weights"):
        other.predict(torch.zeros(1, 3, 65, 65))
    # It is checked again after weights are loaded.
    load_weights(other, weights)
    other.predict(torch.zeros(1, 3, 65, 65))
    other.load_state_dict(build(str(bank), seed=8).state_dict())
    with pytest.raises(InputError, match="with another model's weights"):
        other.predict(torch.zeros(1, 3, 65, 65))


@pytest.mark.parametrize(('bank', 'message'), [
    (dict(names=['red']), 'as a file or as a dict with classes and palette'),
    (dict(classes=[]), 'expected classes of the bank of a head'),
    (dict(classes=['red', 'red']), 'a list of different names'),
    (dict(classes=['red', 'background']), 'background'),
    (dict(classes=['red'], palette=[[0, 0, 0]]),
     'the background and 1 class, got 1')])
def test_an_invalid_description_is_refused(bank, message):
    with pytest.raises(InputError, match=message):
        PANetHead(32, bank=bank)


def test_statistics_of_unit_cells_are_not_used_as_raw_ones():
    """A config that names no classifier has one of raw cells."""
    first = PANetHead(
        32, classifier=dict(type='DiscriminantClassifier'),
        bank=dict(classes=['red']))
    first.bank.set(SupportStatistics.from_weights(
        torch.randn(1, 32, 3, 3), torch.ones(1, 2, 3, 3), ('moments',),
        True, 64), [1], True)
    state = first.state_dict()
    with pytest.raises(InputError, match='unit cells of False .* got True'):
        PANetHead(32, bank=dict(classes=['red'])).load_state_dict(state)
    # Checkpoints without the entry are still loaded.
    del state['bank.unit_cells']
    PANetHead(32, bank=dict(classes=['red'])).load_state_dict(state)


def test_a_training_without_the_statistics_is_refused():
    """Zeros in place of the statistics would soon give a loss of nan."""
    head = PANetHead(32, bank=dict(classes=['red']))
    with pytest.raises(InputError, match='expected a checkpoint with the s'):
        head.loss([torch.zeros(1, 32, 9, 9)], [SegDataSample()])


def test_ordinary_images_train_the_backbone(saved):
    """The loss is the cross entropy of the logits of the bank."""
    _, bank, weights = saved
    model = build(str(bank), weights).train()
    torch.manual_seed(0)
    images = torch.randn(2, 3, 65, 65)
    samples = [SegDataSample() for _ in images]
    labels = torch.randint(0, 3, (2, 1, 65, 65))
    for sample, one in zip(samples, labels, strict=True):
        sample.gt_sem_seg = PixelData(data=one)
    losses = model.loss(images, samples)
    logits = torch.nn.functional.interpolate(
        model(images), (65, 65), mode='bilinear')
    expected = torch.nn.functional.cross_entropy(logits, labels[:, 0])
    assert torch.allclose(losses['decode.loss_seg'], expected, atol=1e-5)
    losses['decode.loss_seg'].backward()
    assert model.backbone.layer3[0].downsample[0].weight.grad.abs().sum() > 0
