"""What kind of annotation the supports of a test have."""
from mmengine.config import Config

from ..errors import InputError

SUPPORT_ANNOTATIONS = {
    'mask': None, 'box': 'BoxAnnotation', 'scribble': 'ScribbleAnnotation',
    'point': 'PointAnnotation'}
"""The transform that makes each kind from a mask."""
GIVEN_ANNOTATIONS = {'LoadBoxes': 'box', 'LoadScribbles': 'scribble'}
"""The transforms that read a user's own, and their kind."""


def set_support_annotation(cfg: Config, kind: str) -> None:
    """Give the supports of a test another annotation than their masks.

    Args:
        cfg (Config): Changed in place: the transform comes last in the
            support pipeline of the test, before the packing.
        kind (str): A key of :data:`SUPPORT_ANNOTATIONS`.

    Raises:
        InputError: If the kind is unknown.
    """
    if kind not in SUPPORT_ANNOTATIONS:
        raise InputError(
            f'expected a support annotation of {list(SUPPORT_ANNOTATIONS)}, '
            f'got {kind!r}')
    if transform := SUPPORT_ANNOTATIONS[kind]:
        pipeline = cfg.test_dataloader.dataset.support_pipeline
        cfg.test_dataloader.dataset.support_pipeline = [
            *pipeline[:-1], dict(type=transform), pipeline[-1]]


def support_annotation(cfg: Config) -> str:
    """What kind of annotation the supports of a test have.

    Args:
        cfg (Config): With a test.

    Returns:
        str: A key of :data:`SUPPORT_ANNOTATIONS`.
    """
    kinds = GIVEN_ANNOTATIONS | {
        transform: kind for kind, transform in SUPPORT_ANNOTATIONS.items()}
    pipeline = cfg.test_dataloader.dataset.support_pipeline
    found = [kinds[step['type']] for step in pipeline if step['type'] in kinds]
    return found[-1] if found else 'mask'
