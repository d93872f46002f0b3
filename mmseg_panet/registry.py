"""The scope ``mmseg_panet`` of mmengine's registries.

All components are registered with mmseg. If ``_base_`` names a package,
mmengine gives the parts of that base the scope of the package. Bases such as
``mmseg_panet::panet/...`` therefore need a scope ``mmseg_panet``. Its
registries are empty children of mmseg's registries, in which all components
are found.
"""
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmengine.registry import Registry
from mmengine.utils import get_object_from_string
from mmseg import registry as _mmseg

REGISTRIES = {
    name: Registry(
        one.name, parent=one, scope='mmseg_panet', locations=['mmseg_panet'])
    for name, one in vars(_mmseg).items() if isinstance(one, Registry)}
"""Maps the name of each registry of mmseg to its empty child."""


def all_registries() -> Iterator[Registry]:
    """Yield all registries of mmseg, and their parents in mmengine."""
    for registry in REGISTRIES.values():
        while registry is not None:
            yield registry
            registry = registry.parent


def type_name(node: Mapping[str, Any]) -> str:
    """Return the name of the type of a config, without a scope.

    Args:
        node (Mapping[str, Any]): Config of a component.

    Returns:
        str: The name; empty without a type.

    Example:
        >>> from mmseg.datasets.transforms import PackSegInputs
        >>> type_name(dict(type=PackSegInputs))
        'PackSegInputs'
        >>> type_name(dict(type='mmseg.PackSegInputs'))
        'PackSegInputs'
    """
    return _registered_name(node.get('type', '')).split('.')[-1]


def with_type_names(node: Any) -> Any:
    """Copy a config with the name of each type in place of a class.

    A config in pure Python has classes and functions as types. mmengine
    dumps them as import paths.

    Args:
        node (Any): Config, or a part of it.

    Returns:
        Any: The same as that of a config in which all types are names. Those
        of packages other than mmseg and mmengine have a scope.

    Example:
        >>> with_type_names([dict(type='mmcv.transforms.Resize', scale=9)])
        [{'type': 'Resize', 'scale': 9}]
    """
    if isinstance(node, Mapping):
        return {
            key: _registered_name(value) if key == 'type' else
            with_type_names(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return type(node)(map(with_type_names, node))
    return node


def _registered_name(kind: Any) -> str:
    if isinstance(kind, str):
        found = get_object_from_string(kind) if '.' in kind else None
        if found is None:  # The beginning is a scope.
            return kind
        kind = found
    names = _names_in(all_registries(), kind) or [
        f'{scope}.{name}' for registry in REGISTRIES.values()
        for scope, other in registry.root.children.items()
        for name in _names_in([other], kind)]
    own = getattr(kind, '__name__', str(kind))
    return own if own in names or not names else names[0]


def _names_in(registries: Iterable[Registry], kind: Any) -> list[str]:
    return [name for registry in registries
            for name, one in registry.module_dict.items() if one is kind]
