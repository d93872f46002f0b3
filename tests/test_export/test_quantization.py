"""Graphs of 8 bits."""
import pytest
from exported_parts import PHOTOGRAPHS, exported, percent, small_network

from mmseg_panet.export.agreement import OnnxSegmentor
from mmseg_panet.export.quantization import quantise

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


@pytest.mark.parametrize('dtype', ['uint8', 'float32'])
def test_only_backbone_and_neck_are_quantised(dtype, tmp_path):
    network, path = small_network(), tmp_path / 'a.onnx'
    segmentor = exported(path, network, dtype=dtype)
    quantise(path, (one[..., ::-1] for one in PHOTOGRAPHS), {})
    found = OnnxSegmentor(path, {})
    assert 90 < percent(network, found) < percent(network, segmentor)
    graph = onnx.load(path).graph
    weights = {one.name: one for one in graph.initializer}
    of_convolutions = [
        one for name, one in weights.items() if name.endswith('_quantized')
        and len(one.dims) == 4]
    assert len(of_convolutions) >= 12
    assert {one.data_type for one in of_convolutions} == {
        onnx.TensorProto.INT8}
    quantised = [node.name for node in graph.node
                 if node.op_type == 'QuantizeLinear']
    assert quantised
    assert not [name for name in quantised if 'fitted' in name]
