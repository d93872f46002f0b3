"""Train on the toy data, score the novel classes and segment some images.

The demo prints and runs the commands that a user would type, and ends with a
table. All files are written to data/toy and work_dirs/demo in the current
folder.
"""
import argparse
import json
import shutil
import time
from pathlib import Path

from ..runs.subcommand import run_subcommand
from ..table import format_table

DATA = Path('data/toy')
OUT = Path('work_dirs/demo')
CONFIG = 'panet_r18-d8_1xb4-800iters_toy3i-128x128'
STEPS = 800


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    parser.add_argument(
        '--steps', type=int, default=STEPS, metavar='N',
        help=f'number of training iterations; default: {STEPS}')
    parser.add_argument(
        '--images', type=int, metavar='N',
        help='number of images in the toy data set; default: 400')
    parser.add_argument(
        '--episodes', type=int, metavar='N',
        help='number of episodes in each test; default: 500')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    start = time.time()
    checkpoint = OUT / f'iter_{args.steps}.pth'
    images = _flag('--images', args.images)
    episodes = _flag('--episodes', args.episodes)
    steps = args.steps != STEPS and args.steps
    _call('make-toy-data', DATA, *images)
    _call('test', CONFIG, 'none', '--work-dir', OUT, '--out',
          OUT / 'untrained.json', *episodes)
    _call('train', CONFIG, '--work-dir', OUT, *(
        ['--cfg-options', f'train_cfg.max_iters={steps}'] if steps else []))
    _call('test', CONFIG, checkpoint, '--work-dir', OUT, '--out',
          OUT / 'trained.json', '--show-dir', OUT / 'pictures', *episodes)
    # The masks may be those of an earlier demo with another checkpoint.
    shutil.rmtree(OUT / 'segmented', ignore_errors=True)
    _call('segment', CONFIG, checkpoint, '--support', DATA / 'examples',
          '--images', DATA / 'photos', '--out', OUT / 'segmented',
          '--bank', OUT / 'toy.safetensors', '--overlay', '--csv')
    _print_table()
    print(f'\ncheckpoint {checkpoint}, pictures in {OUT}/pictures '
          f'and {OUT}/segmented/overlays, '
          f'{time.time() - start:.0f} s')


def _flag(name: str, value: int | None) -> list[object]:
    return [] if value is None else [name, value]


def _call(*words: object) -> None:
    print('\n$ mmseg-panet', *words, flush=True)
    run_subcommand(*words)


def _print_table() -> None:
    untrained, trained = (
        json.loads((OUT / f'{name}.json').read_text())
        for name in ('untrained', 'trained'))
    rows = [('', 'untrained', 'trained', 'gain')]
    for key in ('mIoU', 'FB-IoU'):
        rows.append(_row(key, untrained[key], trained[key]))
    for name, value in trained['per_class'].items():
        rows.append(_row(name, untrained['per_class'][name], value))
    print(f"\n{trained['num_ways']}-way {trained['num_shots']}-shot, "
          f"{trained['num_episodes']} episodes of classes never trained on:")
    print(format_table(rows))


def _row(name: str, before: float | None,
         after: float | None) -> tuple[str, str, str, str]:
    # A class that was not sampled has no IoU.
    if before is None or after is None:
        return name, '-', '-', '-'
    return name, f'{before:.1f}', f'{after:.1f}', f'{after - before:+.1f}'
