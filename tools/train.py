"""Train a config on the base classes of its fold."""
import argparse

from mmseg_panet.cli.exit import exit_on_input_error
from mmseg_panet.cli.run_arguments import (
    add_config_arguments,
    add_run_arguments,
    load_config,
    prepare_run,
)
from mmseg_panet.runs.training import AMP_DTYPES, train, use_amp


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    add_run_arguments(parser)
    parser.add_argument(
        '--resume', action='store_true',
        help='go on from the last checkpoint in the work dir')
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision')
    parser.add_argument(
        '--amp-dtype', choices=AMP_DTYPES, default='float16',
        help='of the mixed precision; defaults to float16')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    prepare_run(cfg, args)
    cfg.resume = args.resume
    if args.amp:
        use_amp(cfg, args.amp_dtype)
    train(cfg)


if __name__ == '__main__':
    with exit_on_input_error():
        main()
