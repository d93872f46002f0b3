"""The functions that run a tool inside a test."""
import multiprocessing
import os
import random
import sys

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer
from tool_runs import small_config, tool


def state_of_the_process():
    return (
        DefaultScope.get_current_instance().scope_name,
        *(dict(manager._instance_dict) for manager in (
            DefaultScope, MMLogger, Visualizer)),
        os.getcwd(), dict(os.environ), sys.argv[:], sys.path[:], sys.stdout,
        sys.stderr, sys.modules['__main__'], random.getstate(),
        str(np.random.get_state()), torch.get_rng_state().tolist(),
        multiprocessing.active_children())


def test_a_tool_leaves_nothing_in_the_process_that_ran_it(
        toy_root, tmp_path, capfd):
    before = state_of_the_process()
    done = tool(
        'test.py', small_config(tmp_path), 'none', '--data-root', toy_root,
        '--work-dir', tmp_path, '--cfg-options',
        'test_dataloader.num_workers=1')
    assert 'Iter(test)' in done.stdout
    assert state_of_the_process() == before
    assert capfd.readouterr() == ('', '')


def test_a_tool_that_raises_ends_with_1_and_its_traceback(tmp_path):
    script = tmp_path / 'script.py'
    script.write_text('import sys\nprint(sys.argv[1:])\nraise KeyError(7)\n')
    done = tool(script, 'a', 2, code=1)
    assert done.stdout == "['a', '2']\n"
    assert done.stderr.endswith('KeyError: 7\n')
    script.write_text('raise SystemExit("no")\n')
    assert tool(script, code=1).stderr == 'no\n'
