"""Train a config on the base classes of its fold."""
import argparse

from ..config.settings import check_places
from ..runs.training import AMP_DTYPES, train, use_amp
from .run_arguments import (
    add_config_arguments,
    add_run_arguments,
    load_config,
    prepare_run,
)

RESUME_HINT = (
    'run the same command with --resume to continue from the last checkpoint, '
    'or from the start if there is none yet')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_config_arguments(parser)
    add_run_arguments(parser)
    parser.add_argument(
        '--resume', action='store_true',
        help='resume from the last checkpoint in the work dir')
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision')
    parser.add_argument(
        '--amp-dtype', choices=AMP_DTYPES, default='float16',
        help='dtype of mixed precision; default: float16')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    cfg = load_config(args)
    prepare_run(cfg, args)
    check_places(cfg, 'train', 'val')
    cfg.resume = args.resume
    if args.amp:
        use_amp(cfg, args.amp_dtype)
    train(cfg, args.trust_checkpoint)
