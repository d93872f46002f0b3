"""The command-line arguments of a test on other data or other classes."""
import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from ..config.settings import apply_settings
from ..config.test_config import SPLITS, seen_classes, set_test_split
from ..wording import counted


def add_test_arguments(parser: argparse._ActionsContainer) -> None:
    """Add the flags of a test on other data or other classes.

    Args:
        parser (argparse._ActionsContainer): Parser or group to change in
            place.
    """
    parser.add_argument(
        '--test-config', metavar='CONFIG', help='test on the episodes of '
        'this config, with its data set, pipelines, rules and metric; '
        'CONFIG is that of the model, and --fold and --data-root are those '
        'of its training')
    parser.add_argument(
        '--test-fold', type=int, metavar='N', help='fold of the test, if it '
        'is not that of the training')
    parser.add_argument(
        '--test-data-root', metavar='DIR', help='folder of the data set of '
        'the test')
    parser.add_argument(
        '--test-split', choices=SPLITS, help='classes of the test: those of '
        'the fold (novel), of the other folds (base), of all folds (all), or '
        'of all folds without those that the training samples, by their '
        'names (unseen)')


def apply_test_arguments(cfg: Config, given: Mapping[str, Any]) -> None:
    """Apply the flags of a test, and warn of classes that are trained on.

    Args:
        cfg (Config): Config to change in place, which has the episodes of
            ``--test-config``.
        given (Mapping[str, Any]): Arguments that were given, by name.

    Raises:
        InputError: As for :func:`set_test_split`.
    """
    places = {
        'fold': given.get('test_fold'), 'data_root': given.get(
            'test_data_root')}
    if any(value is not None for value in places.values()):
        part = Config(dict(test_dataloader=cfg.test_dataloader))
        apply_settings(part, **places)
        cfg.test_dataloader = part.test_dataloader
    if 'test_split' in given:
        set_test_split(cfg, given['test_split'])
    if given.keys() & {'test_config', 'test_fold', 'test_split'} and (
            seen := seen_classes(cfg)):
        print_log(
            f'the test has {counted(len(seen), "class", "classes")} that the '
            f'training of {Path(cfg.filename).stem} samples: '
            f'{", ".join(seen)}; --test-split unseen leaves them out',
            'current', logging.WARNING)
