"""The pipeline that prepares an image as a config's test does."""
from collections.abc import Sequence

from mmcv.transforms import Compose
from mmengine.config import ConfigDict
from mmengine.utils import to_2tuple

from ...config.build_errors import build_errors
from ...errors import InputError, abbreviate, error_context
from ...images.decoder import PLAIN
from ...images.reading import ImageReading
from ...registry import type_name

_LEFT_OUT = (
    'Load', 'Pack', 'Pad', 'EpisodeLabels', 'BoxAnnotation',
    'ScribbleAnnotation', 'PointAnnotation')
"""Prefixes of the transforms of labels, and of padding."""
_USUAL_SCOPES = (('_scope_', 'mmseg'), ('_scope_', 'mmseg_panet'))
"""Keys that mmengine adds to the steps of bases of other packages."""


def image_steps(cfg: ConfigDict) -> list[dict]:
    """List the steps by which a config's test prepares the image of a query.

    Transforms that load images or concern labels are left out. Padding is
    left out too, as the network takes images of any size.

    Args:
        cfg (ConfigDict): A config with the ``query_pipeline`` or the
            ``pipeline`` of a ``test_dataloader``, or else with a
            ``test_pipeline``.

    Returns:
        list[dict]: Configs of the transforms.

    Raises:
        InputError: If the config has none of them.
    """
    # The scope is the place of a base, and no setting of a step.
    return [{key: value for key, value in step.items()
             if (key, value) not in _USUAL_SCOPES}
            for step in _pipeline(cfg)
            if not type_name(step).startswith(_LEFT_OUT)]


def reading_of(cfg: ConfigDict) -> ImageReading:
    """Return the bands and the stretch with which a config loads images.

    Args:
        cfg (ConfigDict): See :func:`image_steps`.

    Returns:
        ImageReading: That of ``LoadOrientedImage`` in the pipeline.

    Raises:
        InputError: If the config has no pipeline, or its bands or its
            stretch are invalid.
    """
    return next((
        ImageReading.of(step.get('bands'), step.get('stretch'))
        for step in _pipeline(cfg)
        if type_name(step) == 'LoadOrientedImage'), PLAIN)


def _pipeline(cfg: ConfigDict) -> Sequence[dict]:
    """Find the pipeline of a query in a config."""
    loader = cfg.get('test_dataloader')
    dataset = loader.get('dataset') if isinstance(loader, dict) else None
    pipeline = isinstance(dataset, dict) and dataset.get(
        'query_pipeline', dataset.get('pipeline')) or cfg.get('test_pipeline')
    if not pipeline:
        raise InputError(
            'expected test_dataloader.dataset with a query_pipeline, or a '
            'pipeline, or a test_pipeline, which says how images are prepared,'
            ' got none; add one of them')
    if not isinstance(pipeline, list | tuple) or not all(
            isinstance(step, dict) and type_name(step)
            for step in pipeline):
        raise InputError(
            'expected the pipeline as a list of dicts, each with the name of '
            f'a transform as its type, got {abbreviate(pipeline)}; correct it')
    return pipeline


class _ImagePipeline(Compose):
    """A pipeline that turns the errors of its transforms into one kind."""

    def __call__(self, data: dict) -> dict | None:
        """Prepare an image."""
        with error_context(
                "an image could not be prepared by the config's pipeline",
                'correct its transforms', (Exception,)):
            return super().__call__(data)


def build_pipeline(steps: Sequence[dict], flip: bool = False) -> Compose:
    """Build what prepares an image for a model's ``test_step``.

    Args:
        steps (Sequence[dict]): See :func:`image_steps`.
        flip (bool): Whether the image is mirrored, which is recorded in its
            metainfo. Defaults to False.

    Returns:
        Compose: It turns ``dict(img=...)``, (H, W, 3) uint8 BGR, into a dict
        with ``inputs`` and ``data_samples``, or raises an
        :class:`InputError`.

    Raises:
        InputError: If a transform cannot be built.
    """
    with build_errors(dict(pipeline=list(steps))):
        return _ImagePipeline([
            dict(type='LoadImageFromNDArray'), *steps,
            *([_mirrored] if flip else []), dict(type='PackSegInputs')])


def _mirrored(results: dict) -> dict:
    # A copy, as torch does not take arrays with negative strides.
    return dict(results, img=results['img'][:, ::-1].copy(), flip=True,
                flip_direction='horizontal')


def network_size(steps: Sequence[dict], cfg: ConfigDict) -> tuple[int, int]:
    """Return the height and width of the network's input.

    Args:
        steps (Sequence[dict]): See :func:`image_steps`.
        cfg (ConfigDict): The config of the steps.

    Returns:
        tuple[int, int]: The size of the last resize. Without one, it is the
        size that images are padded to in training, or 512 x 512.
    """
    for step in reversed(steps):
        if type_name(step) == 'Resize' and step.get('scale'):
            return tuple(to_2tuple(step['scale'])[::-1])
    return tuple((cfg.model.get('data_preprocessor') or {}).get(
        'size') or (512, 512))


def at_own_size(steps: Sequence[dict]) -> list[dict]:
    """Return the steps without those that resize."""
    return [step for step in steps if not type_name(step).startswith('Resize')]


def rescaled(steps: Sequence[dict], ratio: float) -> list[dict]:
    """Return the steps for another size of the network's input.

    Args:
        steps (Sequence[dict]): See :func:`image_steps`.
        ratio (float): Ratio of the new size to that of the last resize, or
            to the size of the image if there is no resize.
    """
    if ratio == 1:
        return list(steps)
    for i, step in reversed(list(enumerate(steps))):
        if type_name(step) == 'Resize' and step.get('scale'):
            scale = tuple(
                round(ratio * length) for length in to_2tuple(step['scale']))
            return [*steps[:i], dict(step, scale=scale), *steps[i + 1:]]
    return [
        *steps, dict(type='Resize', scale_factor=ratio, keep_ratio=True)]
