"""PANet few-shot segmentation for MMSegmentation.

Importing the package registers its components with mmseg and mmengine.
"""
from .garbage_collection import pause_garbage_collection
from .image_limit import limit_opencv, limit_pillow
from .version import __version__

limit_opencv()
limit_pillow()

with pause_garbage_collection():
    try:
        import mmcv  # noqa: F401
        import mmengine  # noqa: F401
        import mmseg  # noqa: F401
    except ImportError as error:
        missing = (error.name or 'the stack').split('.')[0]
        raise ImportError(
            'mmseg_panet needs mmengine, mmcv and mmsegmentation, but '
            f"'{missing}' is not installed. Install a stack with it: "
            "pip install 'mmseg-panet[onedl]' (maintained, current torch) or "
            "pip install 'mmseg-panet[openmmlab]' (the original packages)."
        ) from error

    from .import_notices import suppress_import_notices

    with suppress_import_notices():
        from . import datasets, engine, evaluation, models, visualization

    from .stacks import register_distributions

register_distributions()

__all__ = [
    '__version__', 'datasets', 'engine', 'evaluation', 'models',
    'visualization']
