"""Score a checkpoint on the novel classes of its fold."""
import argparse

from mmseg_panet.apis.arguments import add_config_arguments, load_config
from mmseg_panet.apis.cli import exit_on_input_error
from mmseg_panet.apis.running import test, write_result


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_config_arguments(parser)
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT',
        help="file of tools/train.py, or 'none' for the untrained model")
    parser.add_argument('--out', help='write the result there, as JSON')
    parser.add_argument(
        '--show-dir', help='draw episodes into this folder')
    parser.add_argument(
        '--pictures', type=int, metavar='N',
        help='how many queries are drawn; defaults to 20')
    parser.add_argument('--runs', type=int, help='runs, each with a seed')
    parser.add_argument('--episodes', type=int, help='episodes of a run')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    dataset = cfg.test_dataloader.dataset
    hook = cfg.default_hooks.visualization
    for settings, key, value in (
            (dataset, 'num_runs', args.runs),
            (dataset, 'num_episodes', args.episodes),
            (hook, 'out_dir', args.show_dir),
            (hook, 'num_pictures', args.pictures)):
        if value is not None:
            settings[key] = value
    if args.show_dir is None:
        hook.num_pictures = 0
    result = test(cfg, None if args.checkpoint == 'none' else args.checkpoint)
    print(f"mIoU {result['mIoU']:.2f} +- {result['std']:.2f}  "
          f"FB-IoU {result['FB-IoU']:.2f}")
    if args.out:
        write_result(result, args.out)


if __name__ == '__main__':
    with exit_on_input_error():
        main()
