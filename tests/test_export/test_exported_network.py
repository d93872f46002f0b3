"""The classes of an export come from a file or from the model."""
import copy

import pytest
import torch
from exported_parts import PHOTOGRAPHS
from inference_parts import (
    RESIZE,
    red_and_blue,
    small_config,
    small_inferencer,
)

from mmseg_panet.errors import InputError
from mmseg_panet.export.exported_classes import linear_classes, select_classes
from mmseg_panet.export.exported_network import load_network
from mmseg_panet.export.segmentation_graph import SegmentationGraph
from mmseg_panet.inference.model_loading import load_model


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """A config, weights and a bank of two classes."""
    folder = tmp_path_factory.mktemp('network')
    inferencer = small_inferencer(RESIZE, classifier=None)
    torch.save(inferencer.model.state_dict(), folder / 'small.pth')
    inferencer.fit(red_and_blue()).save(folder / 'bank.safetensors')
    return (small_config(RESIZE), str(folder / 'small.pth'),
            str(folder / 'bank.safetensors'))


def test_all_ways_to_give_a_bank_give_the_same_graph(files, tmp_path):
    config, weights, bank = files
    named = copy.deepcopy(config)
    named.model.decode_head.bank = bank
    # As bank-to-model writes it.
    held = load_model(named, weights, 'cpu', 'config')
    torch.save(held.state_dict(), tmp_path / 'held.pth')
    inside = copy.deepcopy(config)
    inside.model.decode_head.update(
        bank=dict(classes=['red', 'blue']),
        classifier=dict(held.decode_head.classifier.settings()))
    image = torch.from_numpy(PHOTOGRAPHS[0])[None]
    found = []
    for cfg, file, given in (
            (config, weights, bank), (named, weights, None),
            (inside, str(tmp_path / 'held.pth'), None)):
        network, meta = load_network(cfg, file, given)
        assert meta['classes'] == ('background', 'red', 'blue')
        assert len(select_classes(network.model, False)) == 2
        graph = SegmentationGraph(network.model, network.support_pipeline)
        with torch.no_grad():
            found.append((graph(image), *linear_classes(network.model)))
    for other in found[1:]:
        for one, expected in zip(other, found[0], strict=True):
            torch.testing.assert_close(one, expected, rtol=1e-3, atol=1e-3)


def test_a_model_without_classes_is_refused(files):
    config, weights, _ = files
    with pytest.raises(InputError, match='--bank.*got neither'):
        load_network(config, weights, None)
