"""Score a checkpoint on the novel classes of its fold."""
import argparse
from pathlib import Path

from mmengine.dist import is_main_process

from ..config.settings import check_places
from ..config.support_annotation import (
    SUPPORT_ANNOTATIONS,
    set_support_annotation,
)
from ..errors import InputError
from ..files import check_folder, prepare_output
from ..runs.testing import (
    few_shot_metric,
    format_scores,
    test,
    write_result,
)
from .run_arguments import (
    add_classifier,
    add_config_arguments,
    add_episode_arguments,
    add_run_arguments,
    load_config,
    prepare_run,
)
from .test_arguments import add_test_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    add_config_arguments(parser)
    add_run_arguments(parser)
    add_episode_arguments(parser, 'runs', 'episodes')
    add_classifier(parser, 'that of the config')
    add_test_arguments(parser)
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT',
        help='checkpoint of `mmseg-panet train` or of the backbone only, '
        ".pth or .safetensors; or 'none' for the model before training")
    parser.add_argument(
        '--manifest', metavar='FILE',
        help='test on the episodes of this file, which `mmseg-panet '
        'make-episodes` wrote')
    parser.add_argument(
        '--support-annotation', choices=list(SUPPORT_ANNOTATIONS),
        default='mask', help='kind of annotation of the supports, which is '
        'made from their masks; default: mask')
    parser.add_argument(
        '--out', metavar='FILE.json', help='write the result to this file, '
        'and the counts of every episode to FILE.npz')
    parser.add_argument(
        '--save-predictions', metavar='DIR', help='write every prediction to '
        'this folder, as a PNG file of episode labels named '
        'run-episode-query, with classes.txt and ways.csv, which explain the '
        'labels; the predictions of an earlier test are removed')
    parser.add_argument(
        '--show-dir', metavar='DIR', help='plot episodes to this folder')
    parser.add_argument(
        '--pictures', type=int, default=20, metavar='N',
        help='number of queries to plot; default: 20')


def run(args: argparse.Namespace) -> None:
    """Run the subcommand."""
    cfg = load_config(args)
    prepare_run(cfg, args)
    check_places(cfg, 'test')
    set_support_annotation(cfg, args.support_annotation)
    metric = few_shot_metric(cfg)
    metric['output_dir'] = args.save_predictions
    cfg.default_hooks.visualization = dict(
        type='EpisodeVisualizationHook',
        num_pictures=args.pictures if args.show_dir else 0,
        out_dir=args.show_dir)
    if args.show_dir:
        check_folder(args.show_dir)
    if args.save_predictions:
        check_folder(args.save_predictions)
    if args.out:
        prepare_output(args.out)
        if Path(args.out).suffix != '.json':
            raise InputError(
                f'expected --out FILE.json, got {args.out}; end the name in '
                '.json, as the counts of the episodes go to FILE.npz')
        metric['counts_file'] = str(Path(args.out).with_suffix('.npz'))
    checkpoint = None if args.checkpoint == 'none' else args.checkpoint
    result = test(cfg, checkpoint, args.trust_checkpoint)
    if args.out:
        write_result(result, args.out)
    if is_main_process():
        print(format_scores(result))
