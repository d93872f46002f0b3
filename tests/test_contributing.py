"""What CONTRIBUTING.md tells contributors to do works."""
import re
import sys
from pathlib import Path

import annotation_files as files
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from tool_runs import small_config

REPO = Path(__file__).parents[1]
TEXT = (REPO / 'CONTRIBUTING.md').read_text(encoding='utf-8')
BENCHMARK = (REPO / 'docs/new_benchmark.md').read_text(encoding='utf-8')
"""The page that says how to add a benchmark."""


def snippet(section):
    """The Python of a section."""
    return re.search(
        rf'^## {section}\n.*?```python\n(.*?)```', TEXT, re.M | re.S)[1]


def test_every_file_and_folder_that_it_names_exists():
    names = {
        name for name in re.findall(r'[`(]([\w./-]+)[`)]', TEXT + BENCHMARK)
        if '/' in name and not re.search('NAME|/X/|test_X', name)}
    assert len(names) > 25
    assert [name for name in names if not (REPO / name).exists()] == []


def test_files_named_without_their_folder_exist():
    for name in re.findall(r'`(\w[\w-]*\.py)` there', TEXT + BENCHMARK):
        assert any(REPO.glob(f'[!.]*/**/{name}')), name


def test_a_backbone_of_mmseg_is_used_by_a_config_alone(tmp_path):
    config = tmp_path / 'mobile.py'
    base, rest = snippet('Add a backbone').split('\n', 1)
    assert base.startswith("_base_ = './panet_r18-d8_")
    config.write_text(f"_base_ = '{small_config(tmp_path)}'\n{rest}")
    model = MODELS.build(Config.fromfile(config).model).eval()
    masks = torch.zeros(1, 1, 64, 64)
    masks[..., 16:48, 16:48] = 1
    *_, features = model.backbone(torch.zeros(1, 3, 64, 64))
    assert features.shape == (1, 96, 8, 8)
    logits = model.segment(
        torch.rand(1, 1, 3, 64, 64), masks, torch.rand(2, 3, 64, 64))
    assert logits.shape == (2, 2, 64, 64)


def test_the_format_of_the_example_is_rasterised(tmp_path, monkeypatch):
    """As a module, because the work goes to other processes."""
    (tmp_path / 'box_csv.py').write_text(snippet('Add an annotation format'))
    monkeypatch.syspath_prepend(tmp_path)
    import box_csv
    monkeypatch.setitem(sys.modules, 'box_csv', box_csv)
    for stem in 'ab':
        files.save_photograph(
            tmp_path / f'{stem}.jpg', np.zeros((20, 30), np.uint8))
    (tmp_path / 'boxes.csv').write_text(
        'a.jpg,cat,2,3,8,9\na.jpg,dog,7,3,10,9\nb.jpg,dog,0,0,30,20\n')
    names = box_csv.convert_box_csv(tmp_path / 'boxes.csv', tmp_path / 'out')
    assert names == ['background', 'cat', 'dog']
    expected = np.zeros((20, 30), np.uint8)
    expected[3:9, 2:8] = 1
    expected[3:9, 7:10] = 2
    np.testing.assert_array_equal(
        files.mask_of(tmp_path / 'out', 'a'), expected)
    assert (files.mask_of(tmp_path / 'out', 'b') == 2).all()
    # Masks that are there are kept; with other classes they are made again.
    box_csv.convert_box_csv(
        tmp_path / 'boxes.csv', tmp_path / 'out', classes=['dog'])
    np.testing.assert_array_equal(
        files.mask_of(tmp_path / 'out', 'a'), expected == 2)


@pytest.mark.parametrize('tool', ['ruff', 'codespell'])
def test_pre_commit_runs_the_pinned_versions(tool):
    pinned = re.search(
        rf'^{tool}==(\S+)$',
        (REPO / 'requirements/dev.txt').read_text(), re.M)[1]
    hooks = (REPO / '.pre-commit-config.yaml').read_text()
    assert re.search(rf'/{tool}(?:-pre-commit)?\n +rev: v(\S+)', hooks)[
        1] == pinned
