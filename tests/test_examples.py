"""What examples/ shows works wherever PANet works."""
import json
import shutil

import numpy as np
import pytest
import torch
from inference_parts import RESIZE, image_of, red_and_blue, small_inferencer
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from mmseg.registry import MODELS
from PIL import Image
from tool_runs import (
    REPO,
    small_config,
    tool,
    tool_process,
    write_supports,
)

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.errors import InputError
from mmseg_panet.models import (
    Classifier,
    LinearClassifier,
    PANetHead,
    SupportStatistics,
)
from mmseg_panet.registry import with_type_names


@pytest.fixture(scope='module', autouse=True)
def _importable():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(REPO / 'examples')
        import nearest_cell  # noqa: F401
        import projection_head  # noqa: F401
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


PROJECTED = """
_base_ = '{base}'
custom_imports = dict(
    imports=['mmseg_panet', 'projection_head'], allow_failed_imports=False)
model = dict(decode_head=dict(type='ProjectionHead', channels=16))
"""


def test_a_head_with_a_projection_is_trained_tested_and_banked(
        toy_root, tmp_path):
    config = tmp_path / 'projected.py'
    config.write_text(PROJECTED.format(base=small_config(tmp_path)))
    data, run = ('--data-root', toy_root), tmp_path / 'run'
    tool('train', config, *data, '--work-dir', run)
    first, last = (
        torch.load(run / f'iter_{i}.pth', weights_only=False)['state_dict'][
            'decode_head.project.weight'] for i in (3, 6))
    assert last.shape == (16, 32, 1, 1)
    assert (first != last).all()
    found = tool('test', config, run / 'iter_6.pth', *data, '--work-dir', run)
    assert 'each encoded once' in found.stdout + found.stderr
    support = tmp_path / 'support'
    write_supports(support, toy_root)
    bank, image = tmp_path / 'bank.safetensors', next(
        (toy_root / 'JPEGImages').iterdir())
    model = (str(config), str(run / 'iter_6.pth'), 'cpu')
    fitted = FewShotInferencer(*model).fit(support)
    fitted.save(bank)
    loaded = FewShotInferencer(*model).load(bank)
    assert loaded.model.decode_head.fitted.num_classes == 3
    np.testing.assert_array_equal(
        loaded(image)['confidence'], fitted(image)['confidence'])
    # The head holds a bank of the projected channels.
    settings = Config.fromfile(config).model
    settings.decode_head.bank = str(bank)
    assert MODELS.build(settings).decode_head.fitted.num_classes == 3
    tool('bank-to-model', config, run / 'iter_6.pth', bank, tmp_path / 'out')
    banked = init_model(*(str(tmp_path / f'out/bank.{suffix}')
                          for suffix in ('py', 'pth')), device='cpu')
    assert banked.cfg.custom_imports.imports == [
        'mmseg_panet', 'projection_head']
    np.testing.assert_array_equal(
        inference_model(banked, str(image)).pred_sem_seg.data[0],
        fitted(image)['predictions'])
    # The backbone alone would leave the projection at random.
    backbone = tmp_path / 'backbone.pth'
    torch.save(fitted.model.backbone.state_dict(), backbone)
    tool('test', config, backbone, *data, '--work-dir', run, code=2)


PURE = """
from mmengine.config import read_base

with read_base():
    from .pure_python_toy import *

default_scope = None
model['data_preprocessor'].update(size=(64, 64))
model['backbone'].update(base_channels=8, stem_channels=8)
model['decode_head'].update(in_channels=32)
train_cfg.update(max_iters=2, val_interval=100)
train_dataloader.update(batch_size=2, num_workers=0)
val_dataloader.update(num_workers=0)
test_dataloader.update(num_workers=0)
for one in (train_dataloader, val_dataloader, test_dataloader):
    one['dataset'].update(min_area=1)
val_dataloader['dataset'].update(num_episodes=2)
test_dataloader['dataset'].update(num_episodes=6)
default_hooks['checkpoint'].update(interval=2)
"""


def test_a_config_in_pure_python_gives_what_the_config_with_names_gives(
        toy_root, tmp_path):
    """The runs are real; the results are equal to the byte."""
    for file in ('examples/pure_python_toy.py',
                 'configs/_base_/default_runtime.py'):
        (tmp_path / file).parent.mkdir(parents=True)
        shutil.copy(REPO / file, tmp_path / file)
    pure = tmp_path / 'examples/pure.py'
    pure.write_text(PURE)
    configs = dict(
        names=small_config(tmp_path, max_iters=2, interval=2), pure=pure)
    support, photos = tmp_path / 'support', tmp_path / 'photos'
    write_supports(support, toy_root)
    photos.mkdir()
    shutil.copy(next((toy_root / 'JPEGImages').iterdir()), photos)
    data = ('--data-root', toy_root)
    for name, config in configs.items():
        out = tmp_path / name
        tool('train', config, *data, '--work-dir', out)
        # A config in pure Python is dumped with import paths as types.
        dumped, checkpoint = out / config.name, out / 'iter_2.pth'
        tool('test', dumped, checkpoint, *data, '--protocol', 'hsnet',
             '--shots', 2, '--episodes', 3, '--support-annotation', 'box',
             '--work-dir', out / 'test', '--out', out / 'result.json')
        tool('make-episodes', config, out / 'episodes.jsonl', *data)
        tool('fit', config, checkpoint, '--support', support,
             '--out', out / 'bank.safetensors')
        tool('segment', dumped, checkpoint, '--bank',
             tmp_path / 'names/bank.safetensors', '--images', photos,
             '--out', out / 'found')
    weights = [
        torch.load(tmp_path / name / 'iter_2.pth', weights_only=False)[
            'state_dict'] for name in configs]
    torch.testing.assert_close(*weights, rtol=0, atol=0)
    for file in ('result.json', 'episodes.jsonl', 'bank.safetensors', *(
            path.relative_to(tmp_path / 'pure') for path in
            (tmp_path / 'pure/found/masks').glob('*.png'))):
        one, other = (
            (tmp_path / name / file).read_bytes() for name in configs)
        if file == 'result.json':  # A checkpoint has the time of its writing.
            one, other = (
                {key: value for key, value in json.loads(text).items()
                 if key != 'checkpoint_sha256'} for text in (one, other))
        assert one == other, file


def test_the_example_in_pure_python_is_the_bundled_config():
    pure, names = (Config.fromfile(REPO / file) for file in (
        'examples/pure_python_toy.py',
        'configs/panet/panet_r18-d8_1xb4-800iters_toy3i-128x128.py'))
    for key in ('model', 'train_dataloader', 'val_dataloader',
                'test_dataloader', 'test_evaluator', 'train_cfg',
                'optim_wrapper', 'param_scheduler', 'test_pipeline'):
        one, other = (with_type_names(cfg[key]) for cfg in (pure, names))
        if key == 'model':
            assert other['backbone'].pop('init_cfg') is None
        assert one == other, key


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


FAULTY = """
from mmseg.registry import MODELS
from mmseg_panet.models import Classifier, LinearClassifier


@MODELS.register_module()
class FirstEpisode(Classifier):
    def fit(self, supports, shots):
        return LinearClassifier(supports.class_means(shots)[0])
"""


def test_a_faulty_method_ends_a_training_before_its_first_iteration(
        toy_root, tmp_path, monkeypatch):
    (tmp_path / 'first_episode.py').write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    config = tmp_path / 'faulty.py'
    config.write_text(f"""
_base_ = '{small_config(tmp_path)}'
custom_imports = dict(imports=['mmseg_panet', 'first_episode'])
model = dict(decode_head=dict(classifier=dict(type='FirstEpisode')))
""")
    for command in ('train', config), ('test', config, 'none'):
        run = tool(*command, '--data-root', toy_root, '--work-dir',
                   tmp_path / 'run', code=2)
        last = run.stderr.strip().splitlines()[-1]
        assert last.startswith('error: expected '), last
        assert 'FirstEpisode' in last
        assert 'Iter(' not in run.stdout


def test_a_method_that_defines_nothing_says_so():
    head = PANetHead(2)
    head.classifier = Classifier()
    statistics = head.support_statistics(
        torch.ones(1, 2, 3, 3), torch.ones(1, 9, 9), [1])
    fitted = head.classifier.fit(
        statistics.each(lambda one: one[None]), [1])
    with pytest.raises(TypeError, match='neither fit nor logits'):
        fitted(torch.ones(1, 2, 3, 3))


@pytest.mark.slow
def test_the_pictures_of_the_page_are_made_by_clicks(tmp_path):
    pytest.importorskip('gradio', reason='the page is made with Gradio')
    pytest.importorskip('playwright', reason='it uses a browser')
    chromium = shutil.which('chromium')
    if chromium is None:
        pytest.skip('no chromium')
    config = small_config(tmp_path)
    torch.save(MODELS.build(Config.fromfile(config).model).state_dict(),
               tmp_path / 'small.pth')
    tool_process(REPO / 'examples/page_pictures.py', config,
                 tmp_path / 'small.pth', '--out', tmp_path,
                 '--chromium', chromium, cwd=REPO)
    for name, size in (('app', (1280, 1380)), ('app_narrow', (390, 1560))):
        with Image.open(tmp_path / f'{name}.jpg') as picture:
            assert picture.size == size
            assert len(set(picture.resize((40, 40)).getdata())) > 200
