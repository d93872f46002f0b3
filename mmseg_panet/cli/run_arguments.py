"""Flags of training and testing, and the config they lead to."""
import argparse
import os
from pathlib import Path

import torch
from mmengine.config import Config, DictAction

from ..config.classifier import set_classifier
from ..config.config_file import data_loaders, read_config
from ..config.protocol import apply_protocol, bundled_protocols
from ..config.settings import apply_settings
from ..config.spelling import check_options
from ..datasets.manifest import read_rules
from ..errors import InputError

_EPISODE_FLAGS = {
    'fold': ('fold', 'fold whose classes are novel'),
    'ways': ('num_ways', 'classes of an episode'),
    'shots': ('num_shots', 'supports of each class'),
    'queries': ('num_queries', 'queries of an episode'),
    'runs': ('num_runs', 'runs, each with a seed'),
    'episodes': ('num_episodes', 'episodes of a run'),
}
"""Flags, with the settings of ``EpisodicDataset`` that they change."""


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the config and what its episodes are.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    add_config(parser)
    add_episode_arguments(parser, 'fold', 'ways', 'shots', 'queries')
    parser.add_argument(
        '--protocol', metavar='NAME', help="rules in place of the config's: "
        'modern, panet, pfenet, hsnet, mlc, or a file like theirs')
    parser.add_argument('--data-root', help='folder of the data set')


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add a config and changes of its settings.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        'config', metavar='CONFIG', help='config file, or the name of a '
        'config that comes with mmseg_panet')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='other settings of the config, such as '
        'optim_wrapper.optimizer.lr=0.001')


def add_episode_arguments(parser: argparse._ActionsContainer,
                          *flags: str) -> None:
    """Add what says how large the episodes are, and how many.

    Args:
        parser (argparse._ActionsContainer): A parser or a group, changed in
            place.
        *flags (str): Of 'fold', 'ways', 'shots', 'queries', 'runs' and
            'episodes'.
    """
    for flag in flags:
        _, text = _EPISODE_FLAGS[flag]
        parser.add_argument(f'--{flag}', type=int, help=text)


def add_classifier(parser: argparse._ActionsContainer, usual: str) -> None:
    """Add what makes classes of the statistics of supports.

    Args:
        parser (argparse._ActionsContainer): See
            :func:`add_episode_arguments`.
        usual (str): Says what is the default.
    """
    parser.add_argument(
        '--classifier', metavar='NAME',
        help="'auto', which chooses by the numbers of ways and shots, "
        "'config', or the name of a registered classifier such as "
        f'DiscriminantClassifier; default: {usual}')


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what running a model needs beside :func:`add_config_arguments`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        '--work-dir', help='folder of logs and checkpoints; defaults to '
        'work_dirs/<name of the config>')
    parser.add_argument(
        '--pretrained', help="weights of the backbone, as a file (.pth or "
        ".safetensors) or as a URL such as "
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
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and set in it what the flags say.

    Args:
        args (argparse.Namespace): Of a parser that has seen
            :func:`add_config_arguments`, and maybe the others; a classifier
            of ``--classifier`` is in place of one of ``--cfg-options``.

    Returns:
        Config: With every setting in all of its places.

    Raises:
        InputError: If the config does not exist or cannot be read, or a key
            is misspelt.
    """
    cfg = read_config(args.config)
    if args.protocol is not None:
        apply_protocol(cfg, args.protocol)
    if getattr(args, 'manifest', None) is not None:
        _replay_manifest(cfg, args)
    given = {name: value for name, value in vars(args).items()
             if value is not None}
    # By its variable's name, too, a setting reaches every place.
    options = dict(args.cfg_options)
    variables = dict(
        fold='fold', ways='num_ways', shots='num_shots', queries='num_queries',
        data_root='data_root', pretrained='pretrained')
    apply_settings(cfg, **{
        name: given.get(name, options.pop(variable, None))
        for name, variable in variables.items()})
    for flag in given.keys() & {'runs', 'episodes'}:
        cfg.test_dataloader.dataset[_EPISODE_FLAGS[flag][0]] = given[flag]
    check_options(cfg, options)
    cfg.merge_from_dict(options)
    set_classifier(cfg, given.get('classifier', 'config'))
    return cfg


def prepare_run(cfg: Config, args: argparse.Namespace) -> None:
    """Make a config ready for a Runner.

    Args:
        cfg (Config): Changed in place.
        args (argparse.Namespace): Of a parser that has seen
            :func:`add_run_arguments`.
    """
    for loader in data_loaders(cfg):
        # torch refuses settings of workers where there are none,
        if loader.get('num_workers', 0) == 0:
            loader.persistent_workers = False
            loader.pop('prefetch_factor', None)
        # and warns of each loader whose memory no device reads.
        if not torch.cuda.is_available():
            loader.pin_memory = False
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg.launcher = args.launcher
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        # mmengine would give each process a CUDA device, in its process group
        # and in its model wrapper; what already stands it leaves alone.
        torch.distributed.init_process_group('gloo')
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel', device_ids=None,
            broadcast_buffers=False)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(
        Path('work_dirs') / Path(cfg.filename).stem)


def _replay_manifest(cfg: Config, args: argparse.Namespace) -> None:
    """Take the episodes of a test, and their protocol, from a manifest.

    Raises:
        InputError: If it is no manifest, or a flag says what the manifest
            settles.
    """
    settled = [setting for setting, _ in _EPISODE_FLAGS.values()]
    flags = [f'--{flag}' for flag in _EPISODE_FLAGS
             if getattr(args, flag) is not None]
    flags += [option for option in args.cfg_options
              if option.removeprefix('test_dataloader.dataset.') in settled]
    if flags:
        raise InputError(
            f"the manifest settles the episodes: leave out {' '.join(flags)}"
            ', or sample other episodes without --manifest')
    name = read_rules(args.manifest).protocol
    # Never a path from the manifest: the file would be run.
    if args.protocol is None and name in bundled_protocols():
        apply_protocol(cfg, name)
    own = cfg.test_dataloader.dataset.get('protocol')
    if own != name:
        raise InputError(
            f"{args.manifest} is of the protocol {name!r}, the test of "
            f"{own!r}; give the manifest's protocol with --protocol")
    cfg.test_dataloader.dataset.manifest = args.manifest
