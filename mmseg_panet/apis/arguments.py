"""Flags that the tools share, and the config they lead to."""
import argparse
import os
from pathlib import Path

from mmengine.config import Config, DictAction

from ..errors import InputError
from .running import join_processes
from .settings import apply_settings


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what training and testing a config have in common.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument('config', metavar='CONFIG', help='config file')
    parser.add_argument(
        '--work-dir', help='folder of logs and checkpoints; defaults to '
        'work_dirs/<name of the config>')
    parser.add_argument(
        '--fold', type=int, help='fold whose classes are novel')
    parser.add_argument('--ways', type=int, help='classes of an episode')
    parser.add_argument('--shots', type=int, help='supports of each class')
    parser.add_argument('--data-root', help='folder of the data set')
    parser.add_argument(
        '--pretrained', help="checkpoint of the backbone, or a URL such as "
        "'torchvision://resnet50'")
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='other settings of the config, such as '
        'optim_wrapper.optimizer.lr=0.001')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='job launcher')
    # Older launchers pass it with an underscore.
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0,
        help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and set in it what the flags say.

    Args:
        args (argparse.Namespace): Of a parser that has seen
            :func:`add_config_arguments`.

    Returns:
        Config: Ready for a Runner.

    Raises:
        InputError: If the config does not exist or cannot be read.
    """
    if not os.path.isfile(args.config):
        raise InputError(
            f'the config {args.config} does not exist; configs/panet has '
            'those of this project')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    try:
        cfg = Config.fromfile(args.config)
    except (OSError, SyntaxError) as error:
        raise InputError(
            f'{args.config} could not be read as a config ({error})'
        ) from error
    # By its variable's name a setting reaches every place as well.
    options = dict(args.cfg_options)
    settings = {
        flag: options.pop(variable, None)
        for flag, variable in (
            ('fold', 'fold'), ('ways', 'num_ways'), ('shots', 'num_shots'),
            ('data_root', 'data_root'), ('pretrained', 'pretrained'))}
    settings |= {
        flag: getattr(args, flag) for flag in settings
        if getattr(args, flag) is not None}
    apply_settings(cfg, **settings)
    cfg.merge_from_dict(options)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        # torch refuses to keep workers where there are none.
        if cfg.get(name) and cfg[name].get('num_workers', 0) == 0:
            cfg[name].persistent_workers = False
    cfg.launcher = args.launcher
    join_processes(cfg)
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    return cfg
