"""The scope ``mmseg_panet`` of mmengine's registries.

All components are registered with mmseg. mmengine gives the parts of a config
the scope of the package that ``_base_`` names, so that the bases
``mmseg_panet::...`` need a scope of that name. It is a child of mmseg's: it
is empty, and everything is found in its parent.
"""
from mmengine.registry import Registry
from mmseg import registry as _mmseg

REGISTRIES = {
    name: Registry(
        one.name, parent=one, scope='mmseg_panet', locations=['mmseg_panet'])
    for name, one in vars(_mmseg).items() if isinstance(one, Registry)}
"""The children of mmseg's registries, by their names there."""
