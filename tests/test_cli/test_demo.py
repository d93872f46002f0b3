"""The commands of the demo, which the wheel check really runs."""
import argparse
import importlib
import json
from pathlib import Path

import pytest
from tool_runs import tool

from mmseg_panet.config.bundled_configs import find_config

CONFIG = 'panet_r18-d8_1xb4-800iters_toy3i-128x128'
RESULT = dict(num_ways=1, num_shots=1, num_episodes=500)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Record the commands that are run in an empty folder, without effect."""
    monkeypatch.chdir(tmp_path)
    found = []

    def call(*words):
        name, *arguments = map(str, words)
        module = importlib.import_module(
            f"mmseg_panet.cli.{name.replace('-', '_')}")
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        args = parser.parse_args(arguments)
        if name == 'test':
            trained = args.checkpoint != 'none'
            out = Path(args.out)
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(RESULT | {
                'mIoU': 41.0 if trained else 20.0,
                'FB-IoU': 60.0 if trained else 50.5,
                'per_class': dict(disc=30.0 if trained else 31.0,
                                  ring=None if trained else 1.0)}))
        found.append(' '.join([name, *arguments]))

    monkeypatch.setattr('mmseg_panet.cli.demo.run_subcommand', call)
    return found


def test_the_demo_prints_and_runs_what_a_user_would_type(calls):
    printed = tool('demo').stdout
    out, last = 'work_dirs/demo', 'work_dirs/demo/iter_800.pth'
    assert calls == [
        'make-toy-data data/toy',
        f'test {CONFIG} none --work-dir {out} --out {out}/untrained.json',
        f'train {CONFIG} --work-dir {out}',
        f'test {CONFIG} {last} --work-dir {out} --out {out}/trained.json '
        f'--show-dir {out}/pictures',
        f'segment {CONFIG} {last} --support data/toy/examples --images '
        f'data/toy/photos --out {out}/segmented --bank {out}/toy.safetensors '
        '--overlay --csv']
    for line in calls:
        assert f'\n$ mmseg-panet {line}\n' in printed
    assert find_config(CONFIG).is_file()


def test_the_table_shows_the_gain_and_a_dash_for_a_class_not_sampled(calls):
    printed = tool('demo').stdout
    assert '1-way 1-shot, 500 episodes of classes never trained on' in printed
    rows = [line.split() for line in printed.splitlines()]
    for row in (['mIoU', '20.0', '41.0', '+21.0'],
                ['FB-IoU', '50.5', '60.0', '+9.5'],
                ['disc', '31.0', '30.0', '-1.0'], ['ring', '-', '-', '-']):
        assert row in rows


def test_the_demo_can_be_small(calls):
    tool('demo.py', '--steps', 4, '--images', 60, '--episodes', 5)
    data, untrained, train, trained, segment = calls
    assert data.endswith(' --images 60')
    assert untrained.endswith(' --episodes 5')
    assert trained.endswith(' --episodes 5')
    assert train.endswith(' --cfg-options train_cfg.max_iters=4')
    assert 'iter_4.pth' in trained and 'iter_4.pth' in segment
