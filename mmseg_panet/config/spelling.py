"""The spelling of the keys of configs; mmengine ignores misspelt keys."""
import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner, set_random_seed
from torch.utils.data import DataLoader

from ..errors import InputError
from ..registry import all_registries
from .bundled_configs import config_folder

_LEAST_RATIO, _MOST_LETTERS = 0.8, 2
"""Criteria for a misspelt key.

difflib's ratio of the key and a known key is at least the first, and their
lengths differ by at most the second.
"""
_TOP = frozenset({
    'activation_checkpointing', 'compile', 'custom_imports',
    'find_unused_parameters', 'model_wrapper_cfg', 'optimizer', 'runner_type',
    'strategy', 'sync_bn', 'train_pipeline', 'tta_model', 'tta_pipeline'})
"""Keys that mmengine and mmseg read in addition to those of the Runner."""
_PLACES = {
    'custom_imports': {'imports', 'allow_failed_imports'},
    'default_hooks': {
        'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler',
        'checkpoint', 'data_wait', 'finite_loss', 'visualization'},
    'env_cfg': {
        'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'model.test_cfg': {
        'mode', 'crop_size', 'stride', 'shot_fusion', 'vote_threshold',
        'edges', 'min_area'},
}
"""Keys of dicts that have no type, by the place of the dict."""
_HOOKS = 'default_hooks'
"""Place of a dict where mmengine takes a hook of any name."""


def check_spelling(cfg: Config) -> None:
    """Refuse a config with a misspelt key.

    A key at the top level is refused if it is similar to a key of mmengine,
    mmseg or the configs of this project, and if the config does not use it as
    a variable. A config that uses mmengine's ``read_base`` is not checked at
    the top level, as its text does not include that of its bases. A key of
    ``default_hooks`` may have any name if its hook has a ``type``. A key of a
    dict with a ``type`` is refused if the class, and
    the classes that receive its ``**kwargs``, have a parameter with a similar
    name, but none with this name.

    Args:
        cfg (Config): Config that was read from a file.

    Raises:
        InputError: If a key is misspelt. The message has the similar key and
            the place.
    """
    for key in cfg:
        if key not in _known_at_top() and not key.startswith('_') and (
                not _is_used(key, cfg)):
            _refuse_near(key, _known_at_top(), '', cfg)
    for place, node in iter_dicts(cfg._cfg_dict, ''):
        known = _known(place, node)
        for key in node.keys() - known:
            if isinstance(key, str) and not key.startswith('_') and not (
                    place == _HOOKS and _has_type(node[key])):
                _refuse_near(key, known, place, cfg)


def check_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Refuse options with a misspelt key.

    Args:
        cfg (Config): Config before the options are merged into it.
        options (Mapping[str, Any]): Options as in ``--cfg-options``. A name is
            the place of a value, such as ``optim_wrapper.optimizer.lr``.

    Raises:
        InputError: If a key is neither in the config nor a parameter, but is
            similar to one that is.
    """
    for name in options:
        node: Any = cfg._cfg_dict
        parents: list[str] = []
        for key in name.split('.'):
            if isinstance(node, (list, tuple)) and key.isdecimal() and (
                    int(key) < len(node)):
                node = node[int(key)]
            elif isinstance(node, dict):
                place = '.'.join(parents)
                known = _known(place, node) if place else _known_at_top()
                if key not in node:
                    if key not in known and not (
                            place == _HOOKS and _is_typed(name, options)):
                        _refuse_near(key, known | node.keys(), place, cfg)
                    break
                node = node[key]
            else:
                break
            parents.append(key)


def _refuse_near(key: str, known: Iterable[str], place: str,
                 cfg: Config) -> None:
    known = [one for one in known if isinstance(one, str)
             and abs(len(one) - len(key)) <= _MOST_LETTERS]
    if near := get_close_matches(key, known, 1, _LEAST_RATIO):
        where, remedy = (f'in {place}', '') if place else (
            'at the top level', ', or give a variable another name')
        raise InputError(
            f"expected '{near[0]}' {where} of {cfg.filename}, got '{key}'; "
            f'correct the key{remedy}')


def iter_dicts(node: Any, place: str) -> Iterator[tuple[str, dict]]:
    """Yield the dicts below a node, with the names of their places."""
    if isinstance(node, dict):
        if place:
            yield place, node
        children = list(node.items())
    elif isinstance(node, (list, tuple)):
        children = list(enumerate(node))
    else:
        return
    for key, child in children:
        yield from iter_dicts(child, f'{place}.{key}' if place else str(key))


def _known(place: str, node: dict) -> frozenset[str]:
    """List the keys that a dict may have; empty if they are not known."""
    if place in _PLACES:
        return frozenset(_PLACES[place])
    if place == 'randomness':
        return parameters(set_random_seed)
    if re.fullmatch(r'\w+_dataloader', place):
        return parameters(DataLoader) | {'num_batch_per_epoch', 'type'}
    kind = node.get('type')
    found = registered(kind) if isinstance(kind, str) else (
        [kind] if callable(kind) else [])
    known: frozenset[str] = frozenset().union(*map(parameters, found))
    return known | {'type'} if known else known


@cache
def _known_at_top() -> frozenset[str]:
    """List the keys that mmengine, mmseg and our own configs have."""
    variables = {
        target.id for path in config_folder().rglob('*.py')
        for statement in ast.parse(path.read_text(encoding='utf-8')).body
        if isinstance(statement, ast.Assign) for target in statement.targets
        if isinstance(target, ast.Name)}
    return _TOP | parameters(Runner) | variables


def _has_type(hook: Any) -> bool:
    return isinstance(hook, dict) and 'type' in hook


def _is_typed(option: str, options: Mapping[str, Any]) -> bool:
    """Return whether options give a type to the hook that one belongs to."""
    hook = '.'.join(option.split('.')[:2])
    return f'{hook}.type' in options or (
        hook in options and _has_type(options[hook]))


def _is_used(key: str, cfg: Config) -> bool:
    """Return whether a config or one of its bases reads a variable."""
    if {'launcher', 'work_dir'} <= cfg.keys() and '_base_' not in cfg.text:
        # A Runner wrote this config, without references to variables.
        return True
    code = re.sub(r'#.*', '', cfg.text)
    if re.search(r'\bread_base\b', code):
        return True
    if not str(cfg.filename).endswith('.py'):
        # In JSON and YAML, a name before a colon is a key and not a use.
        code = re.sub(rf"""(["']?)\b{re.escape(key)}\1\s*:""", '', code)
    return bool(re.search(rf'\b{re.escape(key)}\b(?!\s*=[^=])', code))


def registered(name: str) -> list[Any]:
    """List the classes and functions that are registered under a name."""
    return [registry.module_dict[name] for registry in all_registries()
            if name in registry.module_dict]


@cache
def parameters(kind: Any) -> frozenset[str]:
    """List the parameters of a function, or of a class and its parents.

    The parameters of a parent count if all classes before it take
    ``**kwargs``.
    """
    calls = [vars(one)['__init__'] for one in kind.__mro__
             if '__init__' in vars(one)] if inspect.isclass(kind) else [kind]
    names: set[str] = set()
    for call in calls:
        try:
            found = inspect.signature(call).parameters.values()
        except ValueError:  # The signature of C code may be unknown.
            break
        names |= {
            one.name for one in found
            if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
        if all(one.kind is not one.VAR_KEYWORD for one in found):
            break
    return frozenset(names)
