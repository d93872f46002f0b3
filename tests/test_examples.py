"""The method of examples/ works wherever PANet works."""
import json

import numpy as np
import pytest
import torch
from inference_parts import RESIZE, image_of, red_and_blue, small_inferencer
from mmseg.registry import MODELS
from tool_runs import REPO, small_config, tool

from mmseg_panet.errors import InputError
from mmseg_panet.models import (
    Classifier,
    LinearClassifier,
    PANetHead,
    SupportStatistics,
)


@pytest.fixture(scope='module', autouse=True)
def _importable():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(REPO / 'examples')
        import nearest_cell  # noqa: F401
        yield


def test_it_is_forty_lines_at_most():
    text = (REPO / 'examples/nearest_cell.py').read_text()
    assert len(text.splitlines()) <= 40


def test_the_nearest_cells_by_hand():
    """Cells (1, 0), (0, 1) of a support: background and way."""
    statistics = SupportStatistics(
        areas=torch.tensor([[[2., 2.]]]), sums=torch.zeros(1, 1, 2, 2),
        cells=torch.tensor([[[[1., 0.], [0., 1.], [.6, .8]]]]),
        weights=torch.tensor([[[[2., 0., 0.], [0., 1., 1.]]]]))
    head = PANetHead(2, classifier=dict(
        type='NearestCells', nearest=1, scale=1.0))
    fitted = head.classifier.fit(statistics, [1])
    # (3, 4) / 5 is at .6 of the background's cell, and is the way's second.
    torch.testing.assert_close(
        fitted(torch.tensor([3., 4.]).view(1, 2, 1, 1)).flatten(),
        torch.tensor([.6, 1.]))


def test_it_is_trained_tested_and_compared(toy_root, tmp_path):
    base = small_config(tmp_path)
    config = tmp_path / 'nearest.py'
    lines = (REPO / 'examples/nearest_cell_toy.py').read_text().splitlines()
    config.write_text('\n'.join([f"_base_ = '{base}'", *(
        line for line in lines if not line.startswith(('#', '_base_')))]))
    data = ('--data-root', toy_root)
    tool('train.py', config, *data, '--work-dir', tmp_path / 'run')
    manifest = tmp_path / 'episodes.jsonl'
    tool('make_episodes.py', base, manifest, *data, '--shots', 2,
         '--episodes', 4)
    for name, used in (('panet', base), ('nearest', config)):
        found = tool(
            'test.py', used, tmp_path / 'run/iter_6.pth', *data, '--manifest',
            manifest, '--work-dir', tmp_path / 'test', '--out',
            tmp_path / f'{name}.json')
        text = found.stdout + found.stderr
        assert ('NearestCells reads the cells' in text) == (
            name == 'nearest'), text
    scores = [json.loads((tmp_path / f'{name}.json').read_text())['mIoU']
              for name in ('panet', 'nearest')]
    assert scores[0] != scores[1]
    compared = tool(
        'compare.py', tmp_path / 'panet.json', tmp_path / 'nearest.json')
    assert f'{scores[1]:.2f}' in compared.stdout


def test_the_inferencer_uses_it_and_a_bank_keeps_its_cells(tmp_path):
    model = dict(decode_head=dict(
        type='PANetHead', in_channels=32,
        classifier=dict(type='NearestCells')))
    nearest = small_inferencer(RESIZE, model=model).fit(red_and_blue())
    image, _ = image_of((20, 20, 230), seed=7)
    expected = nearest(image)
    assert (small_inferencer(RESIZE).fit(red_and_blue())(image)['confidence']
            != expected['confidence']).any()
    nearest.save(tmp_path / 'cells.safetensors')
    loaded = small_inferencer(RESIZE, model=model).load(
        tmp_path / 'cells.safetensors')
    np.testing.assert_array_equal(
        loaded(image)['confidence'], expected['confidence'])
    advice = nearest.check_support()
    assert [row.class_name for row in advice.rows] == [
        'red', 'red', 'blue', 'blue']


@MODELS.register_module()
class Projected(Classifier):
    """A method with its own layer."""

    def __init__(self):
        super().__init__()
        self.map = torch.nn.Linear(32, 32)

    def fit(self, supports, shots):
        return LinearClassifier(self.map(supports.class_means(shots)))


def test_a_method_that_learns_works_there_too(tmp_path):
    torch.manual_seed(0)
    head = dict(type='PANetHead', in_channels=32,
                classifier=dict(type='Projected'))
    features = torch.randn(2, 32, 5, 5)
    labels = torch.zeros(1, 1, 1, 40, 40, dtype=torch.long)
    labels[..., 10:30, 10:30] = 1
    trained = PANetHead(**{k: v for k, v in head.items() if k != 'type'})
    trained.match_episodes(
        features[:1][None, None], labels, features[1:][None]).sum().backward()
    assert trained.classifier.map.weight.grad.abs().sum() > 0
    inferencer = small_inferencer(RESIZE, model=dict(decode_head=head))
    inferencer.fit(red_and_blue())
    assert len(inferencer.check_support().rows) == 4
    image, _ = image_of((20, 20, 230), seed=7)
    assert inferencer(image)['predictions'].shape == image.shape[:2]
    # A backbone alone would leave the layer at random.
    torch.save(
        inferencer.model.backbone.state_dict(), tmp_path / 'backbone.pth')
    with pytest.raises(InputError, match='not a checkpoint of the config'):
        small_inferencer(RESIZE, model=dict(decode_head=head),
                         weights=str(tmp_path / 'backbone.pth'))


def test_a_method_that_defines_nothing_says_so():
    head = PANetHead(2)
    head.classifier = Classifier()
    statistics = head.support_statistics(
        torch.ones(1, 2, 3, 3), torch.ones(1, 9, 9), [1])
    fitted = head.classifier.fit(
        statistics.each(lambda one: one[None]), [1])
    with pytest.raises(TypeError, match='neither fit nor logits'):
        fitted(torch.ones(1, 2, 3, 3))
