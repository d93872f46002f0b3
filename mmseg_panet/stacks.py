"""What differs between the two stacks, and between versions of torch.

The stacks are the packages of OpenMMLab and their continuations, whose names
begin with ``onedl-``. No other module of the package asks which one is
installed.
"""
from importlib.metadata import PackageNotFoundError, version

import torch
from mmengine.config.utils import MODULE2PACKAGE

is_compiling = getattr(torch.compiler, 'is_compiling', bool)
"""Function that returns whether ``torch.compile`` traces; False in 2.1."""
EXPORTS_DYNAMO = hasattr(torch.compiler, 'is_exporting')
"""Whether ``torch.onnx.export`` has a second exporter; False before 2.7."""
_is_exporting = getattr(torch.compiler, 'is_exporting', bool)


def is_recording() -> bool:
    """Tell whether a graph is recorded that other inputs will pass.

    The graph must not depend on the values of the example.

    Returns:
        bool: True in ``torch.jit.trace``, ``torch.export`` and both exporters
        of ``torch.onnx``.
    """
    return torch.jit.is_tracing() or _is_exporting()


def register_distributions() -> None:
    """Register the installed distributions with mmengine.

    mmengine maps each package to its original distribution only. It would not
    find ``mmseg::_base_/models/fcn_r50-d8.py`` in ``onedl-mmsegmentation``.
    Nothing changes for a package whose original distribution is installed.
    """
    for module in ('mmseg', 'mmpretrain'):
        original = MODULE2PACKAGE.get(module, module)
        if not _is_installed(original) and _is_installed(f'onedl-{original}'):
            MODULE2PACKAGE[module] = f'onedl-{original}'
    MODULE2PACKAGE['mmseg_panet'] = 'mmseg_panet'


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
