"""The scope ``mmseg_panet`` of mmengine's registries.

All components are registered with mmseg. If ``_base_`` names a package,
mmengine gives the parts of that base the scope of the package. Bases such as
``mmseg_panet::panet/...`` therefore need a scope ``mmseg_panet``. Its
registries are empty children of mmseg's registries, in which all components
are found.
"""
from collections.abc import Iterator

from mmengine.registry import Registry
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
