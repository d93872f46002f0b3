"""Train on the toy data, score the classes held out, segment some images.

Runs the commands that a user would type, prints each, and ends with a table.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
OUT = Path('work_dirs/demo')
CONFIG = 'configs/panet/panet_r18-d8_1xb4-800iters_toy3i-128x128.py'
STEPS = 800


def run(tool: str, *arguments: object) -> None:
    command = [f'tools/{tool}', *map(str, arguments)]
    print('\n$ python ' + ' '.join(command), flush=True)
    subprocess.run([sys.executable, *command], cwd=REPO, check=True)


def print_table() -> None:
    untrained, trained = (
        json.loads((REPO / OUT / f'{name}.json').read_text())
        for name in ('untrained', 'trained'))
    rows = [('', 'untrained', 'trained', 'gain')]
    for key in ('mIoU', 'FB-IoU'):
        rows.append(row(key, untrained[key], trained[key]))
    for name, value in trained['per_class'].items():
        rows.append(row(name, untrained['per_class'][name], value))
    print(f"\n{trained['num_ways']}-way {trained['num_shots']}-shot, "
          f"{trained['num_episodes']} episodes of classes never trained on:")
    # Not at the top: --help need not wait for mmseg.
    from mmseg_panet.table import format_table
    print(format_table(rows))


def row(name: str, before: float, after: float) -> tuple[str, ...]:
    return name, f'{before:.1f}', f'{after:.1f}', f'{after - before:+.1f}'


def main() -> None:
    start = time.time()
    checkpoint = OUT / f'iter_{STEPS}.pth'
    run('make_toy_dataset.py', 'data/toy')
    run('test.py', CONFIG, 'none', '--work-dir', OUT,
        '--out', OUT / 'untrained.json')
    run('train.py', CONFIG, '--work-dir', OUT)
    run('test.py', CONFIG, checkpoint, '--work-dir', OUT,
        '--out', OUT / 'trained.json', '--show-dir', OUT / 'pictures')
    # Of a demo before, whose checkpoint may have been another.
    shutil.rmtree(OUT / 'segmented', ignore_errors=True)
    run('segment.py', CONFIG, checkpoint, '--support', 'data/toy/examples',
        '--images', 'data/toy/photos', '--out', OUT / 'segmented',
        '--bank', OUT / 'toy.safetensors', '--overlay', '--csv')
    print_table()
    print(f'\ncheckpoint {checkpoint}, pictures in {OUT}/pictures '
          f'and {OUT}/segmented/overlays, '
          f'{time.time() - start:.0f} s')


if __name__ == '__main__':
    argparse.ArgumentParser(description=__doc__).parse_args()
    os.chdir(REPO)
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
