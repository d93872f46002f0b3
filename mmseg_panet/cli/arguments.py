"""Flags that the tools share, and the config they lead to."""
import argparse
import os
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, DictAction

from ..config.config_file import read_config
from ..config.protocol import apply_protocol, bundled_protocols
from ..config.settings import apply_settings
from ..datasets.manifest import read_rules
from ..errors import InputError
from ..inference.few_shot_inferencer import FewShotInferencer
from ..runs.testing import join_processes


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config and what its episodes are.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument('config', metavar='CONFIG', help='config file')
    parser.add_argument(
        '--fold', type=int, help='fold whose classes are novel')
    parser.add_argument('--ways', type=int, help='classes of an episode')
    parser.add_argument('--shots', type=int, help='supports of each class')
    parser.add_argument('--queries', type=int, help='queries of an episode')
    parser.add_argument(
        '--protocol', metavar='NAME', help="rules in place of the config's: "
        'modern, panet, pfenet, hsnet, mlc, or a file like theirs')
    parser.add_argument('--data-root', help='folder of the data set')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='other settings of the config, such as '
        'optim_wrapper.optimizer.lr=0.001')


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what running a model needs beside :func:`add_config_arguments`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        '--work-dir', help='folder of logs and checkpoints; defaults to '
        'work_dirs/<name of the config>')
    parser.add_argument(
        '--pretrained', help="checkpoint of the backbone, or a URL such as "
        "'torchvision://resnet50'")
    add_launcher_arguments(parser)


def add_launcher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how several processes work together.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none', help='job launcher')
    # Older launchers pass it with an underscore.
    parser.add_argument(
        '--local_rank', '--local-rank', type=int, default=0,
        help=argparse.SUPPRESS)


def add_episode_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how many episodes a test has.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument('--runs', type=int, help='runs, each with a seed')
    parser.add_argument('--episodes', type=int, help='episodes of a run')


def add_inferencer_arguments(parser: argparse.ArgumentParser,
                             needs_support: bool) -> None:
    """Add a model and the examples of its classes.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
        needs_support (bool): Whether the examples are required.
    """
    parser.add_argument('config', metavar='CONFIG', help='config file')
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT',
        help='file of tools/train.py, or of the backbone alone; or '
        "'none' for the config's pretrained backbone")
    parser.add_argument(
        '--support', required=needs_support, metavar='DIR|FILE',
        help='the examples: a folder with one of images and masks for each '
        'class, or a file of COCO, labelme or CVAT')
    parser.add_argument(
        '--image-dir', metavar='DIR',
        help='folder of the images that a file of examples names')
    parser.add_argument('--device', help="such as 'cpu' or 'cuda:1'")
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='other settings of the config')


def make_inferencer(args: argparse.Namespace,
                    **settings: Any) -> FewShotInferencer:
    """Make what :func:`add_inferencer_arguments` asked for.

    Args:
        args (argparse.Namespace): Of a parser that has seen it.
        **settings (Any): Others of the inferencer.

    Raises:
        InputError: If the config or the checkpoint cannot be used.
    """
    cfg = read_config(args.config)
    cfg.merge_from_dict(args.cfg_options)
    weights = None if args.checkpoint == 'none' else args.checkpoint
    return FewShotInferencer(cfg, weights, args.device, **settings)


def check_existing(*paths: str | None) -> None:
    """Refuse paths that do not exist, before the model is loaded.

    Args:
        *paths (str | None): None for what is not given.

    Raises:
        InputError: If one is missing.
    """
    for path in paths:
        if path is not None and not os.path.exists(path):
            raise InputError(f'{path} does not exist; correct the path')


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and set in it what the flags say.

    Args:
        args (argparse.Namespace): Of a parser that has seen
            :func:`add_config_arguments`, and maybe the others.

    Returns:
        Config: With every setting in all of its places.

    Raises:
        InputError: If the config does not exist or cannot be read.
    """
    cfg = read_config(args.config)
    if getattr(args, 'manifest', None) is not None:
        _replay_manifest(cfg, args)
    elif args.protocol is not None:
        apply_protocol(cfg, args.protocol)
    # By its variable's name a setting reaches every place as well.
    options = dict(args.cfg_options)
    settings = {
        flag: options.pop(variable, None)
        for flag, variable in (
            ('fold', 'fold'), ('ways', 'num_ways'), ('shots', 'num_shots'),
            ('queries', 'num_queries'), ('data_root', 'data_root'),
            ('pretrained', 'pretrained'))}
    settings |= {
        flag: getattr(args, flag) for flag in settings
        if getattr(args, flag, None) is not None}
    apply_settings(cfg, **settings)
    for flag in ('runs', 'episodes'):
        if getattr(args, flag, None) is not None:
            cfg.test_dataloader.dataset[f'num_{flag}'] = getattr(args, flag)
    cfg.merge_from_dict(options)
    return cfg


def prepare_run(cfg: Config, args: argparse.Namespace) -> None:
    """Make a config ready for a Runner.

    Args:
        cfg (Config): Changed in place.
        args (argparse.Namespace): Of a parser that has seen
            :func:`add_run_arguments`.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if not cfg.get(name):
            continue
        # torch refuses settings of workers where there are none,
        if cfg[name].get('num_workers', 0) == 0:
            cfg[name].persistent_workers = False
            cfg[name].pop('prefetch_factor', None)
        # and warns of each loader whose memory no device reads.
        if not torch.cuda.is_available():
            cfg[name].pin_memory = False
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    join_processes(cfg)
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)


def _replay_manifest(cfg: Config, args: argparse.Namespace) -> None:
    """Take the episodes of a test, and their protocol, from a manifest.

    Raises:
        InputError: If it is no manifest, or a flag says what the manifest
            settles.
    """
    settled = {
        'fold': 'fold', 'num_ways': 'ways', 'num_shots': 'shots',
        'num_queries': 'queries', 'num_runs': 'runs',
        'num_episodes': 'episodes'}
    flags = [
        f'--{flag}' for flag in settled.values()
        if getattr(args, flag) is not None]
    flags += [
        option for option in args.cfg_options
        if option.removeprefix('test_dataloader.dataset.') in settled]
    if flags:
        raise InputError(
            f"the manifest settles the episodes: leave out {' '.join(flags)}"
            ', or draw episodes anew without --manifest')
    name = read_rules(args.manifest).protocol
    if args.protocol is not None:
        apply_protocol(cfg, args.protocol)
    # Never a path from the manifest: the file would be run.
    elif name in bundled_protocols():
        apply_protocol(cfg, name)
    own = cfg.test_dataloader.dataset.get('protocol')
    if own != name:
        raise InputError(
            f"{args.manifest} is of the protocol {name!r}, the test of "
            f"{own!r}; give the manifest's protocol with --protocol")
    cfg.test_dataloader.dataset.manifest = args.manifest
