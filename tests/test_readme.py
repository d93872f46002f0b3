"""What the README tells people to write does what it says."""
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS
from PIL import Image

from mmseg_panet.config.config_file import read_config
from mmseg_panet.config.finder import config_files
from mmseg_panet.datasets.toy.toy_dataset import make_toy_examples

REPO = Path(__file__).parents[1]
README = (REPO / 'projects_readme.md').read_text()


@pytest.mark.parametrize('loader', ['train', 'val', 'test'])
def test_the_config_of_ones_own_data_draws_episodes(loader, tmp_path):
    block, = (b for b in re.findall(r'```python\n(.*?)```', README, re.S)
              if 'data/mine' in b)
    rng = np.random.default_rng(0)
    for folder in ('images', 'masks'):
        (tmp_path / 'data/mine' / folder).mkdir(parents=True)
    for i in range(12):
        mask = np.zeros((300, 400), np.uint8)
        mask[50:200, 50:300] = 1 + i % 4
        Image.fromarray(rng.integers(
            0, 255, (300, 400, 3), dtype=np.uint8)).save(
                tmp_path / f'data/mine/images/{i}.jpg')
        Image.fromarray(mask).save(tmp_path / f'data/mine/masks/{i}.png')
    (tmp_path / 'data/mine/classes.txt').write_text(
        '0 background\n1 cat\n2 dog\n3 car\n4 tree\n')
    config = tmp_path / 'mine.py'
    config.write_text(
        block.replace("'./", f"'{REPO}/configs/panet/")
        .replace("'data/mine'", f"'{tmp_path}/data/mine'"))
    data = DATASETS.build(Config.fromfile(config)[f'{loader}_dataloader']
                          .dataset)
    assert data.class_names == (
        ['cat', 'dog'] if loader == 'test' else ['car', 'tree'])
    assert [item['data_samples'].role for item in data[0]] == [
        'support', 'query']


def test_ones_own_images_are_segmented_as_it_says(tmp_path, monkeypatch):
    """Both blocks of Python, with a checkpoint of random weights."""
    section = README.split('## Segment your own images')[1]
    first, second = re.findall(r'```python\n(.*?)```', section, re.S)[:2]
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'configs').symlink_to(REPO / 'configs')
    cfg = read_config('panet_r18-d8_1xb4-800iters_toy3i-128x128')
    (tmp_path / 'work_dirs/demo').mkdir(parents=True)
    torch.save(MODELS.build(cfg.model).state_dict(),
               'work_dirs/demo/iter_800.pth')
    make_toy_examples('data/toy', size=64)
    names: dict = {}
    exec(first, names)
    assert len(list(Path('work_dirs/demo/segmented/masks').iterdir())) == 12
    assert Path('work_dirs/demo/toy.safetensors').is_file()
    assert len(names['result']['classes']) == 3

    rng = np.random.default_rng(0)
    for stem in re.findall(r'(\w+)\.jpg', second):
        image = rng.integers(0, 255, (160, 200, 3), dtype=np.uint8)
        Image.fromarray(image).save(f'{stem}.jpg')
    mask = np.zeros((160, 200), np.uint8)
    mask[40:90, 50:120] = 1
    Image.fromarray(mask).save('cat1.png')
    Image.fromarray(7 * mask).save('ids.png')
    Path('photos').mkdir()
    Image.fromarray(image[::-1]).save('photos/1.jpg')
    exec(second, names)
    assert names['inferencer'].classes == ('cat', 'ox')


def test_every_component_of_the_table_is_registered():
    from mmengine.registry import FUNCTIONS
    from mmseg import registry
    table = README.split('## Components')[1].split('\n\n')[1]
    rows = re.findall(r'^\| (`.*?) \| `(\w+)` \|', table, re.M)
    assert len(rows) == 20
    for names, name in rows:
        where = FUNCTIONS if name == 'FUNCTIONS' else getattr(registry, name)
        for component in re.findall(r'`(\w+)`', names):
            assert where.get(component) is not None, component


def test_every_config_and_tool_it_names_exists():
    names = re.findall(r'(?:panet|discriminant)_\w+-d8[\w-]*', README)
    assert set(names) <= set(config_files())
    for path in re.findall(r'(?:tools|configs)/[\w/-]+\.py', README):
        assert (REPO / path).is_file()


def test_nothing_is_left_to_fill_in():
    assert '@@' not in README
