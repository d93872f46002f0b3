"""Graphs in onnxruntime have the classes of PyTorch."""
import numpy as np
import pytest
from exported_parts import PHOTOGRAPHS, exported, percent, small_network
from inference_parts import RESIZE, red_and_blue, small_inferencer

from mmseg_panet.errors import InputError
from mmseg_panet.export import onnx_file
from mmseg_panet.models import conjugate_gradients

onnx = pytest.importorskip('onnx')
ort = pytest.importorskip('onnxruntime')

LINEAR = [
    dict(type='PrototypeClassifier'),
    dict(type='PrototypeClassifier', distance='squared_euclidean'),
    dict(type='DiscriminantClassifier')]


@pytest.mark.parametrize('classifier', LINEAR, ids=str)
@pytest.mark.parametrize('opened', [False, True])
def test_linear_classes_are_baked_in_or_inputs(classifier, opened, tmp_path):
    network = small_network(classifier)
    segmentor = exported(tmp_path / 'a.onnx', network, opened)
    assert percent(network, segmentor) >= 99.99
    model = onnx.load(tmp_path / 'a.onnx')
    assert [one.name for one in model.graph.input] == [
        'images', 'weight', 'bias'][:3 if opened else 1]
    assert {one.key: one.value for one in model.metadata_props} == dict(
        names='a')


def test_one_graph_serves_a_bank_of_another_number_of_classes(tmp_path):
    one = small_network()
    segmentor = exported(tmp_path / 'a.onnx', one, True)
    other = small_inferencer(RESIZE, classifier='PrototypeClassifier')
    other.fit({'red': red_and_blue(1)['red']})
    weight = other.model.decode_head.fitted
    segmentor._inputs = dict(
        weight=(weight.scale * weight.weight[0]).numpy(),
        bias=np.zeros(2, np.float32))
    assert percent(other._network, segmentor) >= 99.99


@pytest.mark.parametrize('change', [
    dict(weight=np.zeros((3, 31), np.float32)),
    dict(bias=np.zeros((3, 1), np.float32))])
def test_inputs_of_another_shape_are_refused(change, tmp_path):
    segmentor = exported(tmp_path / 'a.onnx', small_network(), True)
    segmentor._inputs |= change
    with pytest.raises(Exception, match='Got invalid dimensions|rank'):
        segmentor(PHOTOGRAPHS[0][None])


@pytest.fixture
def few_steps(monkeypatch):
    """Steps of conjugate gradients that suffice for two classes."""
    monkeypatch.setattr(conjugate_gradients, '_RECORDED_STEPS', 6)


@pytest.mark.parametrize('settings', [
    dict(rounds=1), dict(rounds=1, presence=-0.2, prior=0.5)], ids=str)
def test_refinement_and_edge_filter_are_included(
        settings, few_steps, tmp_path):
    network = small_network(
        dict(type='QueryRefinement', **settings), True,
        test_cfg=dict(mode='whole', edges=True))
    plain = small_network('DiscriminantClassifier')
    segmentor = exported(tmp_path / 'a.onnx', network)
    assert percent(network, segmentor) >= 99.99
    # The refinement and the filter change these images.
    assert percent(plain, segmentor) < 99.9


@pytest.mark.parametrize(('model', 'images'), [
    (dict(channels_last=True), PHOTOGRAPHS[:1]),
    (dict(data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[1, 2, 3], std=[50, 60, 70])),
     PHOTOGRAPHS[1:2]),
    (dict(data_preprocessor=dict(
        type='SegDataPreProcessor', test_cfg=dict(size_divisor=1))),
     PHOTOGRAPHS[1:2])], ids=['channels last', 'BGR', 'divisor'])
def test_settings_of_the_model_are_respected(model, images, tmp_path):
    network = small_network(**model)
    segmentor = exported(tmp_path / 'a.onnx', network)
    assert percent(network, segmentor, images) >= 99.99


def test_float_images_are_rounded(tmp_path):
    network = small_network()
    segmentor = exported(tmp_path / 'a.onnx', network, dtype='float32')
    assert percent(network, segmentor) >= 99.99
    image = PHOTOGRAPHS[0][None].astype(np.float32)
    session = segmentor._session
    np.testing.assert_array_equal(*(
        session.run(None, dict(images=one))[0]
        for one in (image, image + 0.4)))


def test_half_of_the_file_is_left_in_float16(tmp_path):
    network = small_network()
    exported(tmp_path / 'a.onnx', network)
    half = exported(tmp_path / 'b.onnx', network, half=True)
    sizes = [sum(
        len(one.raw_data) for one in onnx.load(
            tmp_path / name).graph.initializer) for name in (
                'a.onnx', 'b.onnx')]
    assert sizes[1] == pytest.approx(sizes[0] / 2, rel=0.1)
    assert percent(network, half) > 95


@pytest.mark.slow
@pytest.mark.skipif(
    not onnx_file.EXPORTS_DYNAMO, reason='needs torch 2.7 or later')
def test_the_other_exporter_gives_the_same_classes(tmp_path):
    pytest.importorskip('onnxscript')
    network = small_network()
    segmentor = exported(
        tmp_path / 'a.onnx', network, True, exporter='dynamo')
    assert percent(network, segmentor) >= 99.99


@pytest.mark.slow
@pytest.mark.skipif(
    not onnx_file.EXPORTS_DYNAMO, reason='needs torch 2.7 or later')
def test_the_other_exporter_includes_refinement_and_filter(
        few_steps, tmp_path):
    pytest.importorskip('onnxscript')
    network = small_network(
        dict(type='QueryRefinement', rounds=1), True,
        test_cfg=dict(mode='whole', edges=True))
    segmentor = exported(tmp_path / 'a.onnx', network, exporter='dynamo')
    assert percent(network, segmentor) >= 99.99


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr(onnx_file, 'find_spec', lambda name: None)
    with pytest.raises(InputError, match=(
            'no onnx and no onnxruntime; pip install onnx onnxruntime$')):
        onnx_file.require_onnx('onnxruntime')


def test_a_failure_of_the_exporter_is_one_sentence(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError('no such operator')

    monkeypatch.setattr(onnx_file.torch.onnx, 'export', fail)
    with pytest.raises(InputError, match='no such operator.*other exporter'):
        exported(tmp_path / 'a.onnx', small_network())
    assert not list(tmp_path.iterdir())
