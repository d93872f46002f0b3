"""Write the test episodes of a config to a manifest.

`mmseg-panet test --manifest` tests on exactly these episodes.
"""
import argparse
from pathlib import Path

from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from ..config.build_errors import build_errors
from ..config.settings import check_places, episodes_of_test
from ..files import atomic_path, prepare_output
from ..progress import track
from ..wording import printable
from .run_arguments import (
    add_config_arguments,
    add_episode_arguments,
    load_config,
)
from .test_arguments import add_test_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_config_arguments(parser)
    parser.add_argument(
        'out', metavar='OUT.jsonl', help='file to write, with a header and a '
        'line for each episode')
    add_episode_arguments(parser, 'runs', 'episodes')
    add_test_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    cfg = load_config(args)
    out = Path(args.out)
    prepare_output(out)
    init_default_scope('mmseg')
    check_places(cfg, 'test')
    with build_errors(cfg):
        dataset = DATASETS.build(episodes_of_test(cfg))
    with atomic_path(out) as part, part.open('w', encoding='utf-8') as file:
        file.writelines(track(
            dataset.manifest_lines(), 1 + len(dataset.episodes),
            f'writing {len(dataset.episodes)} episodes'))
    print(f'{len(dataset.episodes)} episodes in {printable(out)}, '
          f'SHA-256 {dataset.manifest_sha256()}')
