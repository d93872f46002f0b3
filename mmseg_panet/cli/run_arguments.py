"""The command-line arguments of a training or a test."""
import argparse
import os
from pathlib import Path

import torch
from mmengine.config import Config, DictAction

from ..config.classifier import set_classifier
from ..config.config_file import data_loaders, read_config
from ..config.protocol import apply_protocol, bundled_protocols
from ..config.settings import apply_settings, episodes_of_test
from ..config.spelling import check_options
from ..config.test_config import take_test
from ..datasets.manifest import read_rules
from ..errors import InputError
from ..registry import type_name
from .launcher import LAUNCHERS, check_launcher, join_on_cpu
from .test_arguments import apply_test_arguments

_EPISODE_FLAGS = {
    'fold': ('fold', 'fold whose classes are novel'),
    'ways': ('num_ways', 'number of classes per episode'),
    'shots': ('num_shots', 'number of support images per class'),
    'queries': ('num_queries', 'number of query images per episode'),
    'runs': ('num_runs', 'number of runs, each with another seed'),
    'episodes': ('num_episodes', 'number of episodes per run'),
}
"""Maps each flag to a setting of ``EpisodicDataset`` and a help text."""


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for a config, its episodes and its data.

    Args:
        parser (argparse.ArgumentParser): Parser to change in place.
    """
    add_config(parser)
    add_episode_arguments(parser, 'fold', 'ways', 'shots', 'queries')
    parser.add_argument(
        '--protocol', metavar='NAME', help='protocol whose rules replace '
        'those of the config: modern, panet, pfenet, hsnet, mlc, or the path '
        'of a protocol file')
    parser.add_argument(
        '--data-root', metavar='DIR', help='folder of the data set')


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for a config and its settings.

    Args:
        parser (argparse.ArgumentParser): Parser to change in place.
    """
    parser.add_argument(
        'config', metavar='CONFIG', help='path of a config, or name of a '
        'config that comes with mmseg_panet')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='other settings of the config, such as '
        'optim_wrapper.optimizer.lr=0.001')


def add_episode_arguments(parser: argparse._ActionsContainer,
                          *flags: str) -> None:
    """Add flags for the size and the number of the episodes.

    Args:
        parser (argparse._ActionsContainer): Parser or group to change in
            place.
        *flags (str): Flags to add: 'fold', 'ways', 'shots', 'queries', 'runs'
            or 'episodes'.
    """
    for flag in flags:
        _, text = _EPISODE_FLAGS[flag]
        parser.add_argument(
            f'--{flag}', type=int, metavar='N', help=text)


def add_classifier(parser: argparse._ActionsContainer, default: str) -> None:
    """Add the flag for the classifier.

    Args:
        parser (argparse._ActionsContainer): Parser or group to change in
            place.
        default (str): Description of the default.
    """
    parser.add_argument(
        '--classifier', metavar='NAME',
        help="'auto', which chooses by the numbers of ways and shots; "
        "'config', for that of the config; or the name of a registered "
        f'classifier, such as DiscriminantClassifier; default: {default}')


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a Runner that are not settings of the episodes.

    Args:
        parser (argparse.ArgumentParser): Parser to change in place.
    """
    parser.add_argument(
        '--work-dir', metavar='DIR', help='folder of the logs and '
        'checkpoints; default: work_dirs/<name of the config>')
    parser.add_argument(
        '--pretrained', metavar='FILE|URL', help='weights of the backbone, as '
        'a file (.pth or .safetensors) or as a URL such as '
        "'torchvision://resnet50'")
    add_trust(parser)
    add_launcher_arguments(parser)


def add_trust(parser: argparse._ActionsContainer) -> None:
    """Add the flag for checkpoints that may execute code.

    Args:
        parser (argparse._ActionsContainer): Parser or group to change in
            place.
    """
    parser.add_argument(
        '--trust-checkpoint', action='store_true', help='load checkpoints '
        'that contain other objects than tensors and plain values, and may '
        'thereby execute code; only for files whose source you trust')


def add_launcher_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for running in several processes.

    Args:
        parser (argparse.ArgumentParser): Parser to change in place.
    """
    parser.add_argument(
        '--launcher', choices=LAUNCHERS, default='none',
        help='launcher of several processes; default: none')
    # Older launchers pass it with an underscore.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> Config:
    """Read a config and apply the command-line arguments to it.

    Args:
        args (argparse.Namespace): Arguments of a parser with those of
            :func:`add_config_arguments`, and possibly those of the other
            functions. ``--classifier`` takes precedence over a classifier in
            ``--cfg-options``.

    Returns:
        Config: Config with each setting in all of its places.

    Raises:
        InputError: If the config does not exist or cannot be read, or if a
            key is misspelt.
    """
    cfg = tested = read_config(args.config)
    # Configs in pure Python may have none, but our own parts have names.
    if cfg.get('default_scope') is None:
        cfg.default_scope = 'mmseg'
    if getattr(args, 'test_config', None) is not None:
        tested = read_config(args.test_config)
    if args.protocol is not None:
        apply_protocol(tested, args.protocol)
    if getattr(args, 'manifest', None) is not None:
        _replay_manifest(tested, args)
    given = {name: value for name, value in vars(args).items()
             if value is not None}
    # The name of a variable in --cfg-options has the effect of the flag.
    options = dict(args.cfg_options)
    variables = dict(
        fold='fold', ways='num_ways', shots='num_shots', queries='num_queries',
        data_root='data_root', pretrained='pretrained')
    settings = {name: given.get(name, options.pop(variable, None))
                for name, variable in variables.items()}
    apply_settings(cfg, **settings)
    if tested is not cfg:
        apply_settings(tested, **{
            name: settings[name] for name in ('ways', 'shots', 'queries')})
        take_test(cfg, tested)
    apply_test_arguments(cfg, given)
    for flag in given.keys() & {'runs', 'episodes'}:
        episodes_of_test(cfg)[_EPISODE_FLAGS[flag][0]] = given[flag]
    check_options(cfg, options)
    cfg.merge_from_dict(options)
    set_classifier(cfg, given.get('classifier', 'config'))
    return cfg


def prepare_run(cfg: Config, args: argparse.Namespace) -> None:
    """Prepare a config for a Runner.

    Args:
        cfg (Config): Config to change in place.
        args (argparse.Namespace): Arguments of a parser with those of
            :func:`add_run_arguments`.
    """
    for loader in data_loaders(cfg):
        # torch refuses settings of workers if there are none.
        if loader.get('num_workers', 0) == 0:
            loader.persistent_workers = False
            loader.pop('prefetch_factor', None)
        # torch warns about pinned memory if there is no GPU.
        if not torch.cuda.is_available():
            loader.pin_memory = False
    cfg.launcher = args.launcher
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    on_gpu = torch.cuda.is_available()
    check_launcher(cfg.launcher, on_gpu)
    if cfg.launcher != 'none' and not on_gpu:
        join_on_cpu(cfg.launcher)
        _wrap_on_cpu(cfg)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(
        Path('work_dirs') / Path(cfg.filename).stem)


def _wrap_on_cpu(cfg: Config) -> None:
    """Set model wrappers that do not assume a CUDA device, as mmengine's."""
    # The Runner sets broadcast_buffers=False only without such a config.
    own = cfg.get('model_wrapper_cfg') or dict(broadcast_buffers=False)
    cfg.model_wrapper_cfg = dict(
        dict(type='MMDistributedDataParallel'), **own) | dict(device_ids=None)
    if cfg.get('strategy'):  # It wraps the model in place of the Runner.
        sharded = 'FSDP' in type_name(cfg.strategy)
        device = dict(device_id='cpu') if sharded else dict(device_ids=None)
        cfg.strategy.model_wrapper = dict(
            cfg.strategy.get('model_wrapper') or {}, **device)


def _replay_manifest(cfg: Config, args: argparse.Namespace) -> None:
    """Take the episodes of a test, and their protocol, from a manifest.

    Raises:
        InputError: If the file is not a manifest, or if a flag sets what the
            manifest determines.
    """
    determined = [setting for setting, _ in _EPISODE_FLAGS.values()]
    # With --test-config, --fold is that of the training.
    flags = [f'--{flag}' for flag in _EPISODE_FLAGS
             if getattr(args, flag) is not None
             and not (flag == 'fold' and args.test_config)]
    flags += [f"--{flag.replace('_', '-')}" for flag in (
        'test_fold', 'test_split') if getattr(args, flag) is not None]
    flags += [option for option in args.cfg_options
              if option.removeprefix('test_dataloader.dataset.') in determined]
    if flags:
        raise InputError(
            'the manifest determines the episodes: remove '
            f"{' '.join(flags)}, or remove --manifest to sample episodes")
    name = read_rules(args.manifest).protocol
    # A path in a manifest is never used: the protocol file would be executed.
    if args.protocol is None and name in bundled_protocols():
        apply_protocol(cfg, name)
    dataset = episodes_of_test(cfg)
    own = dataset.get('protocol')
    if own != name:
        raise InputError(
            f'expected protocol {name!r}, as in {args.manifest}, got {own!r}; '
            'give the protocol of the manifest with --protocol')
    dataset.manifest = args.manifest
