"""What README and docs/ tell users to write does what they say.

These blocks of Python are tested closely, on tiny networks with random
weights, as nothing can be downloaded here. test_snippets.py runs the others,
and all commands.
"""
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from inference_parts import RESIZE, red_and_blue, small_inferencer
from markdown_pages import OTHERS, PAGES, PHOTOS, REPO, blocks, commands
from mmengine.config import Config
from mmengine.runner.checkpoint import get_torchvision_models
from mmseg.registry import DATASETS, MODELS, VISUALIZERS
from PIL import Image
from shrunk_configs import shrink_configs
from small_data import make_own_data
from tool_runs import tool
from torchvision.models import resnet18

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.config.bundled_configs import find_config
from mmseg_panet.config.config_file import read_config
from mmseg_panet.config.settings import apply_settings
from mmseg_panet.datasets.toy.toy_dataset import make_toy_examples
from mmseg_panet.models import PANetHead

PYTHON = {(block.page, block.number): block.text
          for block in blocks('python', [*PAGES, *OTHERS])}
IMAGENET = 'panet_r50-d8-s23_imagenet-473x473'
TOY = 'panet_r18-d8_1xb4-800iters_toy3i-128x128'
TESTED = {
    ('projects_readme.md', 0): 'photographs',
    ('projects_readme.md', 1): 'registers',
    ('configs/panet/README.md', 0): 'photographs by the config',
    ('docs/install.md', 0): 'registers',
    ('docs/demo.md', 0): 'after the demo',
    ('docs/segment.md', 0): 'areas',
    ('docs/segment.md', 1): 'advice',
    ('docs/examples.md', 0): 'examples',
    ('docs/own_data.md', 0): 'own data',
    ('docs/own_data.md', 1): 'list of images',
    ('docs/own_data.md', 2): 'many classes',
    ('docs/own_data.md', 3): 'tensors',
    ('docs/backbones.md', 0): 'another backbone',
    ('docs/head_in_another_model.md', 0): 'another model',
    ('docs/head_in_another_model.md', 1): 'functions of mmseg',
    ('docs/head_in_another_model.md', 2): 'bank in a model',
    ('docs/head_in_another_model.md', 3): 'levels',
    ('docs/new_benchmark.md', 0): 'new benchmark',
    ('docs/new_benchmark.md', 1): 'a module of your own',
    ('docs/another_method.md', 0): 'another method',
    ('docs/mmengine.md', 0): 'pure Python',
    ('docs/mmengine.md', 1): 'back ends',
    ('docs/classifiers.md', 0): 'classifier',
    ('docs/generalized.md', 0): 'closed-set model',
    # by test_cli/test_serve.py
    ('docs/deployment.md', 0): 'client of the service',
    ('docs/deployment.md', 1): 'run lengths of the service',
    ('docs/api.md', 0): 'training in Python',  # by test_api_page.py
    ('CONTRIBUTING.md', 0): 'a backbone',  # by test_contributing.py
    ('CONTRIBUTING.md', 1): 'an annotation format',  # by test_contributing.py
}
"""By what below a block is run, if not by test_snippets.py."""


def snippet(name):
    """The blocks that a test below runs, which must be the same ones."""
    first, *others = [PYTHON[key] for key, value in TESTED.items()
                      if value == name]
    assert all(text == first for text in others)
    return first


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder to work in, where names of configs lead to tiny networks."""
    shrink_configs(monkeypatch)
    folder = tmp_path / 'folder'
    folder.mkdir()
    monkeypatch.chdir(folder)
    torch.manual_seed(0)
    return folder


@pytest.fixture
def photographs(tiny):
    for name in ('support', 'photos'):
        shutil.copytree(PHOTOS / name, tiny / name)
    return tiny


def test_every_row_of_the_table_is_a_block():
    """test_snippets.py runs all blocks that are not in the table."""
    assert TESTED.keys() <= PYTHON.keys()


@pytest.mark.parametrize('name, out', [
    ('photographs', 'out'), ('photographs by the config', 'segmented')])
def test_photographs_are_segmented_in_few_lines(name, out, photographs):
    names = {}
    exec(snippet(name), names)
    assert names['inferencer'].classes == ('fish', 'solar panel', 'windmill')
    if 'plot' in snippet(name):
        assert Image.open('found.png').size[0] > 300
    for name, suffix in (('masks', 'png'), ('overlays', 'jpg')):
        assert sorted(path.name for path in Path(out, name).iterdir()) == [
            f'{path.stem}.{suffix}' for path in sorted(
                Path('photos').iterdir())]


def test_the_areas_of_classes_are_printed(photographs, capsys):
    inferencer = FewShotInferencer(IMAGENET, show_progress=False)
    inferencer.fit('support')
    capsys.readouterr()
    exec(snippet('areas'), dict(inferencer=inferencer))
    rows = [line.rsplit(' ', 1) for line in
            capsys.readouterr().out.splitlines() if 'windmill_' in line]
    assert [name for name, _ in rows] == [
        f'{name} {class_name}'
        for name in ('windmill_chesterton', 'windmill_kinderdijk',
                     'windmill_mykonos')
        for class_name in ('fish', 'solar panel', 'windmill')]
    assert all(0 <= float(share) <= 1 for _, share in rows)


def test_downloaded_weights_are_given_as_a_file_or_put_into_the_cache(
        tmp_path, monkeypatch):
    name = Path(get_torchvision_models()['resnet18']).name
    assert name in (REPO / 'docs/install.md').read_text()
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    file = tmp_path / 'hub/checkpoints' / name
    file.parent.mkdir(parents=True)
    torch.save(resnet18().state_dict(), file)
    config = 'panet_r18-d8-s23_imagenet-473x473'
    first, second = (
        FewShotInferencer(config, weights, device='cpu').model.state_dict()
        for weights in (None, file))
    for key, value in first.items():
        assert torch.equal(value, second[key]), key


def test_the_pictures_of_the_demo_are_plotted(tmp_path, monkeypatch):
    block, = (block for block in blocks('bash') if 'plot_demo' in block.text)
    (python, *words), = commands(block.text)
    assert words[1:] == ['--out', 'docs']
    demo = tmp_path / 'work_dirs/demo'
    for folder in ('pictures', 'segmented/masks'):
        (demo / folder).mkdir(parents=True)
    (demo / 'segmented/classes.txt').write_text(
        '0 background\n1 disc 0,0,255\n255 ignored 128,128,128\n')
    (tmp_path / 'data/toy/photos').mkdir(parents=True)
    (tmp_path / 'docs').mkdir()
    names = 'striped disc', 'star', 'disc'
    for i in range(7):
        Image.new('RGB', (32 + i, 20), (0, 99, 0)).save(
            demo / f'pictures/0-0000{i}-0_{names[i % 3]}.png')
        Image.new('RGB', (20, 24), (0, 99, 0)).save(
            tmp_path / f'data/toy/photos/{i}.jpg')
        Image.new('L', (20, 24), 1).save(demo / f'segmented/masks/{i}.png')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', words)
    runpy.run_path(str(REPO / words[0]), run_name='__main__')
    assert Image.open('docs/demo.jpg').size == (34, 3 * 20)
    picture = np.asarray(Image.open('docs/segmented.jpg')).astype(int)
    assert picture.shape[1] == 6 * (20 + 6)
    assert picture.shape[0] > 2 * (24 + 6)
    # The image, white between, and the overlay with its outline in blue.
    assert picture[4:20, 4:16, 2].max() < 40
    assert picture[10, 20:26].min() > 200
    assert picture[34:50, 4:16, 2].min() > 80


def test_the_picture_of_the_readme_is_plotted(
        photographs, monkeypatch, tmp_path):
    block, = (block for block in blocks('bash')
              if 'plot_photos' in block.text)
    (python, *words), = commands(block.text)
    monkeypatch.chdir(REPO)
    words[words.index('--out') + 1] = str(tmp_path / 'photos.jpg')
    monkeypatch.setattr(sys, 'argv', words)
    runpy.run_path(words[0], run_name='__main__')
    made = Image.open(tmp_path / 'photos.jpg').size
    shipped = Image.open(REPO / 'docs/photos.jpg').size
    assert abs(made[0] / made[1] - shipped[0] / shipped[1]) < 0.05


def test_the_pictures_of_the_equations_are_plotted(
        tiny, monkeypatch, tmp_path):
    block, = (block for block in blocks('bash')
              if 'plot_equations' in block.text)
    (python, *words), = commands(block.text)
    assert words[-1] == 'docs'
    monkeypatch.chdir(REPO)
    monkeypatch.setattr(sys, 'argv', [*words[:-1], str(tmp_path)])
    runpy.run_path(words[0], run_name='__main__')
    shipped = sorted(REPO.glob('docs/equations_*'))
    assert len(shipped) == 5
    for path in shipped:
        made = Image.open(tmp_path / path.name).size
        wanted = Image.open(path).size
        assert made[0] * wanted[1] == pytest.approx(
            made[1] * wanted[0], rel=0.05)


def test_the_line_that_registers_all_components(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(snippet('registers'))
    assert Config.fromfile(config).custom_imports.imports == ['mmseg_panet']


def test_toy_images_are_segmented_after_the_demo(tiny):
    Path('work_dirs/demo').mkdir(parents=True)
    torch.save(MODELS.build(read_config(TOY).model).state_dict(),
               'work_dirs/demo/iter_800.pth')
    make_toy_examples('data/toy', size=64)
    names = {}
    exec(snippet('after the demo'), names)
    assert len(list(Path('work_dirs/demo/segmented/masks').iterdir())) == 12
    assert Path('work_dirs/demo/toy.safetensors').is_file()
    assert len(names['result']['classes']) == 3


def test_examples_are_given_in_all_ways_and_judged(tiny):
    inferencer = FewShotInferencer(IMAGENET, device='cpu')
    text = snippet('examples')
    rng = np.random.default_rng(0)
    for name in ('cat1', 'cat2', 'dog1', 'dog2', 'dog3', 'cow1', 'street'):
        assert f"'{name}.jpg'" in text
        image = rng.integers(0, 255, (160, 200, 3), dtype=np.uint8)
        Image.fromarray(image).save(f'{name}.jpg')
    mask = np.zeros((160, 200), np.uint8)
    mask[40:90, 50:120] = 1
    Image.fromarray(mask).save('cat1.png')
    Image.fromarray(7 * mask).save('ids.png')
    Path('photos').mkdir()
    Image.fromarray(image[::-1]).save('photos/1.jpg')
    exec(text, dict(inferencer=inferencer))
    assert inferencer.classes == ('cat', 'ox')
    exec(snippet('advice'), dict(inferencer=inferencer))
    assert Path('advice.png').is_file()


def test_the_config_of_your_own_data_samples_episodes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_own_data(Path('data/mine'))
    Path('mine.py').write_text(snippet('own data'))
    cfg = read_config('mine.py')
    for loader in ('train', 'val', 'test'):
        data = DATASETS.build(cfg[f'{loader}_dataloader'].dataset)
        assert data.class_names == (
            ['cat', 'dog'] if loader == 'test' else ['car', 'tree'])
        assert [item['data_samples'].role for item in data[0]] == [
            'support', 'query']


def test_a_data_set_of_mmseg_becomes_a_benchmark(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ('train', 'val'):
        for name in ('img_dir', 'ann_dir'):
            Path('data/loveDA', name, kind).mkdir(parents=True)
        for i in range(12):
            # LoveDA's id 0 is ignored, 1 is its background, 2 is a building.
            ids = np.zeros((32, 32), np.uint8)
            ids[8:] = 1
            ids[16:] = 2 + i // 2
            Image.fromarray(ids).save(f'data/loveDA/ann_dir/{kind}/{i}.png')
            Image.new('RGB', (32, 32)).save(
                f'data/loveDA/img_dir/{kind}/{i}.png')
    Path('mine.py').write_text(snippet('new benchmark'))
    cfg = read_config('mine.py')
    apply_settings(cfg, fold=1)
    for loader, split, classes in (
            ('train', 'train', ['building', 'road', 'forest', 'agricultural']),
            ('val', 'val', ['building', 'road', 'forest', 'agricultural']),
            ('test', 'val', ['water', 'barren'])):
        data = DATASETS.build(cfg[f'{loader}_dataloader'].dataset)
        assert data.class_names == classes
        for sample in (item['data_samples'] for item in data[0]):
            assert Path(sample.img_path).parent.name == split
            labels = sample.gt_sem_seg.data
            assert set(labels.unique().tolist()) == {0, 1, 255}
            assert set(sample.class_names) <= set(classes)


def test_a_module_of_your_own_is_imported_beside_the_package(
        tmp_path, monkeypatch):
    (tmp_path / 'my_data_set.py').write_text(
        'from mmseg.datasets import BaseSegDataset\n'
        'from mmseg.registry import DATASETS\n\n\n'
        '@DATASETS.register_module()\n'
        'class DataSetOfYourOwn(BaseSegDataset):\n'
        "    METAINFO = dict(classes=('a', 'b'))\n")
    (tmp_path / 'mine.py').write_text(
        f"_base_ = '{find_config(TOY)}'\n"
        + snippet('a module of your own'))
    monkeypatch.syspath_prepend(tmp_path)
    read_config(tmp_path / 'mine.py')
    assert DATASETS.get('DataSetOfYourOwn') is not None
    assert DATASETS.get('ToyDataset') is not None


def test_the_config_of_many_classes_loads_16_bits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_own_data(Path('data/mine'))
    names = ['background', *(f'class {i}' for i in range(1, 301))]
    Path('data/mine/classes.txt').write_text('\n'.join(names))
    for path in Path('data/mine/masks').iterdir():
        ids = np.asarray(Image.open(path)).astype(np.uint16)
        Image.fromarray(np.where(ids, 255 + ids, 0).astype(np.uint16)).save(
            path)
    Path('data/mine/folds.txt').write_text(''.join(
        f'{i > 257:d} class {i}\n' for i in range(256, 260)))
    Path('many.py').write_text(snippet('many classes'))
    cfg = read_config('many.py')
    for loader, ids in (('train', [258, 259]), ('test', [256, 257])):
        data = DATASETS.build(cfg[f'{loader}_dataloader'].dataset)
        assert data.rules.class_ids == ids
        assert (data[0][0]['data_samples'].gt_sem_seg.data == 1).any()


def test_images_stay_where_they_are_if_their_list_is_named(
        tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_own_data(Path('data/mine'))
    shutil.move('data/mine/images', 'data/mine/photos')
    Path('data/mine/images.txt').write_text('3.jpg\n5.jpg\n')
    names = {}
    exec(snippet('list of images'), names)
    data = DATASETS.build(names['dataset'])
    assert [Path(data[i]['img_path']).name for i in range(len(data))] == [
        '3.jpg', '5.jpg']


def test_the_model_is_a_function_of_tensors(tiny):
    names = dict(
        segmentor=MODELS.build(read_config(TOY).model).eval(),
        support_images=torch.randn(2, 1, 3, 64, 64),
        support_masks=torch.zeros(2, 1, 64, 64),
        query_images=torch.randn(3, 3, 64, 64))
    names['support_masks'][..., 10:40, 10:40] = 1
    exec(snippet('tensors'), names)
    assert names['logits'].shape == (3, 3, 64, 64)


def test_a_config_in_pure_python_changes_another_one(tmp_path):
    for file in ('examples/pure_python_toy.py',
                 'configs/_base_/default_runtime.py'):
        (tmp_path / file).parent.mkdir(parents=True)
        shutil.copy(REPO / file, tmp_path / file)
    (tmp_path / 'examples/mine.py').write_text(snippet('pure Python'))
    cfg = read_config(tmp_path / 'examples/mine.py')
    assert (cfg.train_cfg.max_iters, cfg.param_scheduler[1].end) == (400, 400)
    assert cfg.model.decode_head.type is PANetHead


def test_the_back_ends_of_a_config_are_built(tmp_path):
    (tmp_path / 'mine.py').write_text(snippet('back ends'))
    cfg = read_config(tmp_path / 'mine.py')
    visualizer = VISUALIZERS.build(
        dict(cfg.visualizer, name='back ends', save_dir=str(tmp_path)))
    assert list(visualizer._vis_backends) == [
        'LocalVisBackend', 'TensorboardVisBackend', 'MLflowVisBackend']
    assert cfg.default_hooks.visualization.num_pictures == 20


def test_the_head_goes_into_another_model_of_mmseg(
        tmp_path, toy_root, monkeypatch):
    """The complete config trains, on fewer channels and smaller images."""
    monkeypatch.chdir(tmp_path)
    Path('config.py').write_text(snippet('another model'))
    model = dict(pretrained=None)
    model |= {'backbone.base_channels': 2, 'backbone.stem_channels': 2,
              'decode_head.in_channels': 64}
    options = [f'model.{key}={value}' for key, value in model.items()]
    tool('train', 'config.py', '--data-root', toy_root, '--cfg-options',
         *options, 'train_cfg.max_iters=1', 'train_cfg.val_interval=1',
         'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
         'val_dataloader.num_workers=0',
         'val_dataloader.dataset.num_episodes=1')
    assert Path('work_dirs/config/iter_1.pth').is_file()


def test_the_config_of_another_backbone_joins_two_layers(
        tmp_path, toy_root, monkeypatch):
    """The complete config trains, on images of 64x64 pixels."""
    monkeypatch.chdir(tmp_path)
    Path('config.py').write_text(snippet('another backbone'))
    tool('train', 'config.py', '--data-root', toy_root, '--cfg-options',
         'model.backbone.init_cfg=None', 'train_cfg.max_iters=1',
         'train_cfg.val_interval=1', 'train_dataloader.batch_size=1',
         'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0',
         'val_dataloader.dataset.num_episodes=1')
    weights = torch.load('work_dirs/config/iter_1.pth', weights_only=False)
    assert 'backbone.layers.11.ln1.weight' in weights['state_dict']


def test_mmsegs_functions_segment_by_the_model_of_the_inferencer(
        photographs):
    names = {}
    exec(snippet('functions of mmseg'), names)
    shown = names['result'].pred_sem_seg.data[0].numpy()
    picture = Image.open('found.jpg')
    assert picture.size == shown.shape[::-1]
    own = names['inferencer']('photos/windmill_mykonos.jpg')
    np.testing.assert_array_equal(shown, own['predictions'])


def test_feature_levels_are_joined(tiny):
    base = find_config('panet_r18-d8_1xb4-600iters_msrc7i-225x225')
    Path('config.py').write_text(f'_base_ = {str(base)!r}\n'
                                 + snippet('levels'))
    model = MODELS.build(Config.fromfile('config.py').model)
    assert len(model.backbone.out_indices) == 2
    assert model.decode_head.in_channels == 384


def test_a_bank_is_named_in_the_config(tiny):
    inferencer = small_inferencer(RESIZE).fit(red_and_blue())
    inferencer.save('pets.safetensors')
    names = {}
    exec(snippet('bank in a model'), names)
    head = MODELS.build(dict(
        type='PANetHead', in_channels=32, **names['model']['decode_head']))
    assert head.num_classes == 3 and head.bank.classes == ('red', 'blue')


@pytest.mark.parametrize('name', ['another method', 'classifier'])
def test_a_classifier_is_named_in_the_config(name, tiny, monkeypatch):
    monkeypatch.syspath_prepend(REPO / 'examples')
    import nearest_cell  # noqa: F401
    names = {}
    exec(snippet(name), names)
    head = MODELS.build(
        dict(type='PANetHead', in_channels=8)
        | names.get('model', names)['decode_head'])
    assert type(head.classifier).__name__ == {
        'another method': 'NearestCells',
        'classifier': 'AutoClassifier'}[name]


def test_a_closed_set_head_of_mmseg_gets_novel_classes():
    names = {}
    exec(snippet('closed-set model'), names)
    head = MODELS.build(names['model']['decode_head']).eval()
    levels = [torch.rand(1, channels, 9, 9)
              for channels in (256, 512, 1024, 2048)]
    with torch.no_grad():
        assert head.features(levels).shape == (1, 512, 9, 9)
        assert torch.equal(head(levels), head.head(levels))
