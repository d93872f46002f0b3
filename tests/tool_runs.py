"""The real tools, run on a tiny network and a tiny toy data set."""
import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parents[1]
SMALL = """
_base_ = '{repo}/configs/panet/panet_r18-d8_toy.py'
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(base_channels=8, stem_channels=8),
    decode_head=dict(in_channels=32))
train_cfg = dict(max_iters=6, val_interval=100)
train_dataloader = dict(
    batch_size=2, num_workers=0,
    dataset=dict(min_area=1))
val_dataloader = dict(
    num_workers=0,
    dataset=dict(min_area=1, num_episodes=2))
test_dataloader = dict(
    num_workers=0,
    dataset=dict(min_area=1, num_episodes=6))
default_hooks = dict(checkpoint=dict(interval=3))
"""


def tool(name, *arguments, cwd=None, code=0, **environment):
    run = subprocess.run(
        [sys.executable, str(REPO / 'tools' / name), *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True,
        env=os.environ | {'OMP_NUM_THREADS': '1'} | environment)
    assert run.returncode == code, run.stdout[-3000:] + run.stderr[-3000:]
    return run


def small_config(folder):
    """Write a config of a tiny network for the toy data."""
    config = folder / 'small.py'
    config.write_text(SMALL.format(repo=REPO))
    return config
