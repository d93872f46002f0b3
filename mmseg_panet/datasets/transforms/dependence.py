"""What the outcome of a transform depends on."""
from collections.abc import Callable

from mmcv.transforms import LoadImageFromFile, Pad
from mmcv.transforms import Resize as PlainResize
from mmseg.datasets.transforms import LoadAnnotations, Resize

_STOCK = (LoadImageFromFile, LoadAnnotations, Pad, PlainResize, Resize)


def dependence(step: Callable) -> str:
    """Tell on what, besides its settings, the outcome of a step depends.

    A transform of this package says so by the class attribute
    ``depends_on``, which derived classes inherit. A class derived from a
    stock transform may do anything: without the attribute it counts as
    random.

    Args:
        step (Callable): A transform of a pipeline.

    Returns:
        str: 'image', on the image alone; 'episode', on the classes of the
        episode, too; 'class', on the support's own class among them, too;
        'chance', on random numbers.
    """
    if type(step) in _STOCK:
        return 'image'
    return getattr(step, 'depends_on', 'chance')
