"""The test of another config, for tests across data sets."""
from itertools import chain

from mmengine.config import Config

from ..datasets.class_names import known_names
from ..datasets.folds import split_classes
from ..datasets.manifest import read_rules
from ..errors import InputError
from .settings import episodes_of_test, no_episodes
from .spelling import iter_dicts

SPLITS = ('novel', 'base', 'all', 'unseen')
"""Classes that a test may sample.

'all' has those of all folds, and 'unseen' those of them that the training of
the config does not sample.
"""
_FUSION = ('shot_fusion', 'vote_threshold')
"""Settings of a model's ``test_cfg`` that are rules of a protocol."""


def take_test(cfg: Config, other: Config) -> None:
    """Replace the test of a config with that of another config.

    The episodes, their data set, pipelines and rules, the fusion of shots
    and the metric are those of the other config. The model stays.

    Args:
        cfg (Config): Config to change in place.
        other (Config): Config of the test.

    Raises:
        InputError: If the other config has no test episodes.
    """
    episodes_of_test(other)
    if not other.get('test_evaluator'):
        raise InputError(no_episodes(other))
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg', 'protocol'):
        if key in other:
            cfg[key] = other[key]
        else:
            cfg.pop(key, None)
    own, rules = (
        (one.get('model') or {}).get('test_cfg') or {}
        for one in (cfg, other))
    cfg.model.test_cfg = {
        **{key: value for key, value in own.items() if key not in _FUSION},
        **{key: rules[key] for key in _FUSION if key in rules}}


def set_test_split(cfg: Config, split: str) -> None:
    """Set the classes that the test of a config samples.

    Args:
        cfg (Config): Config to change in place.
        split (str): One of :data:`SPLITS`.

    Raises:
        InputError: If the config lists no classes to choose from, or none is
            left.
    """
    dataset = episodes_of_test(cfg)
    folds, classes = dataset.get('folds'), dataset.get('classes')
    if split == 'unseen':
        names = split_classes(folds, 0, 'all') if folds else classes
        if names is None or names == 'all':
            raise InputError(
                'expected the names of the classes, as folds or classes of '
                'the EpisodicDataset of the test, to leave out those of the '
                f'training for the split unseen, got {names!r}; list them, '
                'or give the split all')
        trained = trained_classes(cfg)
        if trained is None:
            raise InputError(
                f'expected the names of the classes of the training in '
                f"{cfg.filename} for the split unseen, got classes='all'; "
                'list them, or give the split all')
        seen = known_names(names, trained)
        chosen = [name for name in names if name not in seen]
        if not chosen:
            raise InputError(
                'expected a class that the training does not sample for the '
                f'split unseen, but it samples all of {list(names)}; give '
                'another --test-config, --fold or split')
        dataset.update(classes=chosen, folds=None, split=None)
    elif folds is None and split == 'all':
        dataset.update(classes='all', split=None)
    else:
        dataset.update(split=split)


def trained_classes(cfg: Config) -> list[str] | None:
    """List the classes that the training of a config samples.

    Args:
        cfg (Config): Config with the fold of the training.

    Returns:
        list[str] | None: Their names, an empty list if the config has no
        training; None if only its data set has them (``classes='all'``).
    """
    # There may be several in wrappers of mmengine.
    found = [
        _classes_of(node) for _, node in iter_dicts(
            cfg.get('train_dataloader') or {}, '')
        if 'support_pipeline' in node]
    known = [names for names in found if names is not None]
    return list(dict.fromkeys(chain(*known))) if known == found else None


def seen_classes(cfg: Config) -> list[str]:
    """List the classes of a test that the training samples, too.

    Args:
        cfg (Config): Config with the folds of the training and the test.

    Returns:
        list[str]: Names in the test, see :func:`known_names`. None of them
        is known if only the data set of the training or the test has them.
    """
    dataset = episodes_of_test(cfg)
    tested = read_rules(dataset.manifest).classes if dataset.get(
        'manifest') else _classes_of(dataset)
    return known_names(tested or (), trained_classes(cfg) or ())


def _classes_of(dataset: dict) -> list[str] | None:
    folds, split = dataset.get('folds'), dataset.get('split')
    if folds and split:
        return split_classes(folds, dataset.get('fold', 0), split)
    classes = dataset.get('classes') or ()
    return None if classes == 'all' else list(classes)
