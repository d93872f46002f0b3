"""The kind of annotation of the supports of a test."""
from mmengine.config import Config

from ..errors import InputError
from ..registry import type_name

SUPPORT_ANNOTATIONS = {
    'mask': None, 'box': 'BoxAnnotation', 'scribble': 'ScribbleAnnotation',
    'point': 'PointAnnotation'}
"""Maps each kind of annotation to the transform that makes it from a mask."""
GIVEN_ANNOTATIONS = {'LoadBoxes': 'box', 'LoadScribbles': 'scribble'}
"""Maps each transform that reads annotations of a user to their kind."""


def set_support_annotation(cfg: Config, kind: str) -> None:
    """Set the kind of annotation of the supports of a test.

    Args:
        cfg (Config): Config to change in place. The transform is added to the
            support pipeline of the test, just before the packing.
        kind (str): Kind of annotation, a key of :data:`SUPPORT_ANNOTATIONS`.

    Raises:
        InputError: If the kind is unknown.
    """
    if kind not in SUPPORT_ANNOTATIONS:
        raise InputError(
            'expected one of the support annotations '
            f'{list(SUPPORT_ANNOTATIONS)}, got {kind!r}')
    if transform := SUPPORT_ANNOTATIONS[kind]:
        pipeline = cfg.test_dataloader.dataset.support_pipeline
        cfg.test_dataloader.dataset.support_pipeline = [
            *pipeline[:-1], dict(type=transform), pipeline[-1]]


def support_annotation(cfg: Config) -> str:
    """Return the kind of annotation of the supports of a test.

    Args:
        cfg (Config): Config with a ``test_dataloader``.

    Returns:
        str: Kind of annotation, a key of :data:`SUPPORT_ANNOTATIONS`.
    """
    kinds = GIVEN_ANNOTATIONS | {
        transform: kind for kind, transform in SUPPORT_ANNOTATIONS.items()}
    pipeline = cfg.test_dataloader.dataset.support_pipeline
    found = [kinds[name] for name in map(type_name, pipeline) if name in kinds]
    return found[-1] if found else 'mask'
