"""Errors in the building of the components of a config."""
import re
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import isclass
from pathlib import Path
from traceback import walk_tb
from typing import Any

from mmengine.config import Config
from mmengine.registry import build_from_cfg
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader

from ..errors import (
    InputError,
    RunError,
    abbreviate,
    is_lost_process,
    is_out_of_memory,
    nearest_first,
)
from ..registry import all_registries
from .spelling import iter_dicts, parameters, registered

_UNKNOWN = re.compile(r'(\S+) is not in the (?:\S+::)?(.+?) registry')
"""mmengine's message about an unknown type."""
_UNEXPECTED = re.compile(
    r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(
    r'(\w+)(?:\.__init__)?\(\) missing \d+ required .*?arguments?: (.+)')


@contextmanager
def build_errors(cfg: Config | dict) -> Iterator[None]:
    """Turn the errors of wrong types, arguments and settings into a sentence.

    Args:
        cfg (Config | dict): Config whose components the block builds.

    Raises:
        InputError: If a type is not registered, if a class has no argument
            of a given name or lacks one, or if a component refuses its
            settings with another error. The message has the place in the
            config.
    """
    try:
        yield
    except Exception as error:
        if _is_explained(error):
            raise
        message = str(error.args[0]) if error.args else ''
        for pattern, explain in (
                (_UNKNOWN, _unknown_type), (_UNEXPECTED, _unexpected),
                (_MISSING, _missing)):
            found = pattern.search(message)
            sentence = found and explain(cfg, *found.groups())
            if sentence:
                raise InputError(sentence) from error
        if sentence := _failed_build(cfg, error):
            raise InputError(sentence) from error
        raise


def _is_explained(error: Exception) -> bool:
    """Return whether an error is not one of a setting, or has a sentence."""
    return isinstance(error, InputError | RunError | OSError) or (
        is_out_of_memory(error) or is_lost_process(error))


@contextmanager
def run_errors(cfg: Config) -> Iterator[None]:
    """Turn the errors of a run that does not begin into a sentence.

    Args:
        cfg (Config): Config of the run that the block builds and starts.

    Raises:
        InputError: If an error is raised before the first batch, such as that
            of a setting that is no dict.
    """
    try:
        with build_errors(cfg):
            yield
    except Exception as error:
        frames = list(walk_tb(error.__traceback__))
        has_begun = any(
            isinstance(frame.f_locals.get('self'), BaseLoop)
            and frame.f_code.co_name == 'run' for frame, _ in frames)
        if has_begun or _is_explained(error):
            raise
        last, line = frames[-1]
        raise InputError(
            f'expected settings {_where(cfg, [])} that a run can be built '
            f'with, got {type(error).__name__}: {abbreviate(error)} (raised '
            f'in {Path(last.f_code.co_filename).name}, line {line}); correct '
            'them') from error


def _failed_build(cfg: Config | dict, error: Exception) -> str | None:
    """Name the component whose constructor has raised an error, if any."""
    frames = list(walk_tb(error.__traceback__))
    built = [frame.f_locals for frame, _ in frames
             if frame.f_code is build_from_cfg.__code__]
    if not built:
        return None
    last, line = frames[-1]
    kind = getattr(built[-1].get('obj_cls'), '__name__', None)
    places = [place for place, node in _components(cfg)
              if kind and _is_a(node['type'], kind)]
    return (
        f"expected settings of {kind or 'a component'} {_where(cfg, places)} "
        f'that it can be built with, got {type(error).__name__}: '
        f'{abbreviate(error)} (raised in {Path(last.f_code.co_filename).name},'
        f' line {line}); correct them')


def _unknown_type(cfg: Config | dict, name: str, kind: str) -> str:
    known = {
        one for registry in all_registries() if registry.name == kind
        for one in registry.module_dict}
    places = [place for place, node in _components(cfg)
              if node['type'] == name]
    nearest = nearest_first(name, sorted(known))[:1]
    return (
        f"expected a registered {kind} as type {_where(cfg, places)}, got "
        f"'{name}'{f'; the nearest name is {nearest[0]!r}' * bool(nearest)}; "
        'correct it, or import the module that registers it with '
        'custom_imports')


def _unexpected(cfg: Config | dict, name: str, argument: str) -> str | None:
    for place, node in _components(cfg):
        kind = node['type']
        known = set().union(*map(parameters, _classes(kind))) - {'self'}
        if argument in node.keys() - known and _is_a(kind, name):
            names = nearest_first(argument, sorted(known))
            return (
                f"expected arguments of {getattr(kind, '__name__', kind)} "
                f"{_where(cfg, [place])} among {', '.join(names)}, got "
                f"'{argument}'; remove it, or set _delete_=True there if it "
                'comes from a base')
    return None


def _missing(cfg: Config | dict, name: str, arguments: str) -> str | None:
    lacking = set(re.findall(r"'(\w+)'", arguments))
    places = [place for place, node in _components(cfg)
              if not lacking & node.keys() and _is_a(node['type'], name)]
    if not places:
        return None
    return (
        f'expected {arguments} of {name} {_where(cfg, places)}, got none; '
        'set what is missing')


def _components(cfg: Config | dict) -> Iterator[tuple[str, dict]]:
    """Yield the dicts with a type, with the names of their places."""
    node = cfg._cfg_dict if isinstance(cfg, Config) else cfg
    for place, one in iter_dicts(node, ''):
        if re.fullmatch(r'\w+_dataloader', place):
            yield place, dict(one, type=DataLoader)
        elif 'type' in one:
            yield place, one


def _classes(kind: Any) -> list[Any]:
    # A scope may precede the name.
    return registered(kind.split('.')[-1]) if isinstance(
        kind, str) else [kind]


def _is_a(kind: Any, name: str) -> bool:
    """Return whether a type has a name, or a parent class of this name."""
    return any(
        name in [parent.__name__ for parent in
                 (one.__mro__ if isclass(one) else [one])]
        for one in _classes(kind) if hasattr(one, '__name__'))


def _where(cfg: Config | dict, places: list[str]) -> str:
    file = getattr(cfg, 'filename', None) or 'the config'
    return f'in {places[0]} of {file}' if places else f'in {file}'
