"""The inputs that the result of a transform depends on."""
from collections.abc import Callable

from mmcv.transforms import LoadImageFromFile, Pad
from mmcv.transforms import Resize as PlainResize
from mmseg.datasets.transforms import LoadAnnotations, Resize

_STOCK = (LoadImageFromFile, LoadAnnotations, Pad, PlainResize, Resize)


def dependence(step: Callable) -> str:
    """Return what the result of a step depends on besides its settings.

    The transforms of this package declare it in the class attribute
    ``depends_on``, which subclasses inherit. A subclass of a transform of
    mmcv or mmseg may do anything, so it counts as random unless it has the
    attribute.

    Args:
        step (Callable): Transform of a pipeline.

    Returns:
        str: 'image' if the result depends only on the image, 'episode' if it
        also depends on the classes of the episode, 'class' if it also
        depends on which of them is the support's class, and 'chance' if it
        depends on random numbers.
    """
    if type(step) in _STOCK:
        return 'image'
    return getattr(step, 'depends_on', 'chance')
