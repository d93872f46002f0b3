"""Score a checkpoint on the novel classes of its fold."""
import argparse
from pathlib import Path

from mmengine.dist import is_main_process

from mmseg_panet.apis.arguments import add_config_arguments, load_config
from mmseg_panet.apis.cli import exit_on_input_error
from mmseg_panet.apis.running import prepare_output, test, write_result


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
        '--pictures', type=int, default=20, metavar='N',
        help='how many queries are drawn; defaults to 20')
    parser.add_argument('--runs', type=int, help='runs, each with a seed')
    parser.add_argument('--episodes', type=int, help='episodes of a run')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    dataset = cfg.test_dataloader.dataset
    if args.runs is not None:
        dataset.num_runs = args.runs
    if args.episodes is not None:
        dataset.num_episodes = args.episodes
    cfg.default_hooks.visualization = dict(
        type='EpisodeVisualizationHook',
        num_pictures=args.pictures if args.show_dir else 0,
        out_dir=args.show_dir)
    if args.show_dir:
        prepare_output(Path(args.show_dir) / 'picture.png')
    if args.out:
        prepare_output(args.out)
    result = test(cfg, None if args.checkpoint == 'none' else args.checkpoint)
    if args.out:
        write_result(result, args.out)
    if is_main_process():
        print(f"mIoU {result['mIoU']:.2f} +- {result['std']:.2f}  "
              f"FB-IoU {result['FB-IoU']:.2f}")


if __name__ == '__main__':
    with exit_on_input_error():
        main()
