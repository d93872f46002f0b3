"""CVAT's auto-annotation function, which finds the classes of a bank.

`cvat-cli task auto-annotate` and `cvat-cli function run-agent` import this
module and call :func:`create`, see docs/label_tools.md.
"""
import inspect
import sys
from typing import Any

from PIL import Image

from ..annotations.label_objects import LabelObject, label_objects
from ..errors import InputError, check_choice, check_number
from ..extras import require_extra
from ..files import StrPath
from ..inference.few_shot_inferencer import FewShotInferencer

SHAPES = ('mask', 'polygon')


class BankFunction:
    """A detection function of CVAT's SDK, on top of an inferencer.

    Args:
        inferencer (FewShotInferencer): The inferencer with its classes, which
            are found in CVAT by name.
        shape (str): Type of the shapes, 'mask' or 'polygon'. A polygon is
            the simplified outline of an object, see :func:`outline`.
            Defaults to 'mask'.
        min_area (float): Smallest object: a number of pixels or, below 1, a
            fraction of the image. Defaults to 0.001, as smaller ones are
            rather errors to delete.

    Raises:
        InputError: If ``shape`` or ``min_area`` is invalid, or cvat-sdk is
            not installed.
    """

    def __init__(self, inferencer: FewShotInferencer, shape: str = 'mask',
                 min_area: float = 0.001) -> None:
        check_choice('shape', shape, SHAPES)
        check_number('min_area', min_area, least=0)
        require_extra('cvat', 'cvat_sdk')
        from cvat_sdk import auto_annotation
        self._inferencer = inferencer
        self._shape = shape
        self._min_area = min_area
        self.spec = auto_annotation.DetectionFunctionSpec(labels=[
            auto_annotation.label_spec(name, label, type=shape)
            for label, name in enumerate(inferencer.classes, start=1)])

    def detect(self, context: Any, image: Image.Image) -> list[Any]:
        """Find the objects of an image, the largest first.

        Args:
            context (DetectionFunctionContext): Objects whose pixels have a
                mean confidence below its ``conf_threshold`` are left out. With
                its ``conv_mask_to_poly``, masks become polygons.
            image (Image.Image): The image.

        Returns:
            list[LabeledShapeRequest]: A shape for each object. Its score is
            the mean confidence.

        Raises:
            InputError: If the image cannot be segmented.
        """
        from cvat_sdk import auto_annotation
        from cvat_sdk.masks import encode_mask
        try:
            found, = self._inferencer.predict([image])
        except InputError as error:
            raise InputError(f'{context.frame_name}: {error}') from error
        as_polygon = self._shape == 'polygon' or context.conv_mask_to_poly
        shapes = []
        for one in label_objects(found.class_map, self._min_area):
            score = float(one.pixels(found.confidence).mean())
            if score < (context.conf_threshold or 0):
                continue
            if as_polygon:
                shapes.append(auto_annotation.polygon(
                    one.label, one.polygon().ravel().tolist(), score=score))
            else:
                shapes.append(auto_annotation.mask(
                    one.label, _placed(encode_mask(one.mask), one),
                    score=score))
        return shapes


def _placed(encoded: list, one: LabelObject) -> list[float]:
    """Move an encoded mask from the box of an object into the image.

    The last four numbers are its first and its last column and row.
    """
    x, y, width, height = one.box
    return [*encoded[:-4], x, y, x + width - 1, y + height - 1]


def create(**parameters: Any) -> BankFunction:
    """Make the function from the parameters of `cvat-cli ... -p`.

    Args:
        **parameters (Any): The arguments of :func:`load_function`.

    Raises:
        SystemExit: If a parameter cannot be used. One line says why.
    """
    try:
        _check_names(parameters)
        return load_function(**parameters)
    except InputError as error:
        # cvat-cli would print it below a traceback.
        print(f'error: {error}', file=sys.stderr)
        raise SystemExit(2) from error


def load_function(config: StrPath, checkpoint: StrPath, bank: StrPath,
                  shape: str = 'mask', min_area: float = 0.001,
                  min_confidence: float = 0, device: str | None = None
                  ) -> BankFunction:
    """Load an inferencer with a bank as a function.

    Args:
        config (str | os.PathLike): Config, as for
            :class:`FewShotInferencer`.
        checkpoint (str | os.PathLike): Checkpoint of the model, or 'none'
            for the pretrained weights of the config.
        bank (str | os.PathLike): File of the classes, see
            :func:`write_bank`.
        shape (str): See :class:`BankFunction`. Defaults to 'mask'.
        min_area (float): See :class:`BankFunction`. Defaults to
            0.001.
        min_confidence (float): Pixels whose most likely class is less likely
            belong to no object; 0..1. Defaults to 0.
        device (str, optional): Defaults to the best device.

    Raises:
        InputError: If one of them cannot be used.
    """
    weights = None if checkpoint == 'none' else checkpoint
    inferencer = FewShotInferencer(
        config, weights, device, min_confidence=min_confidence,
        show_progress=False).load(bank)
    return BankFunction(inferencer, shape, min_area)


def _check_names(parameters: dict[str, Any]) -> None:
    """Refuse parameters that are missing or unknown."""
    known = inspect.signature(load_function).parameters
    needed = [name for name, one in known.items()
              if one.default is inspect.Parameter.empty]
    for name in needed:
        if name not in parameters:
            raise InputError(
                f'expected the parameters {needed}, got {[*parameters]}; '
                f'add -p {name}=str:VALUE')
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise InputError(
            f'expected parameters of {[*known]}, got {unknown[0]!r}; correct '
            'its name')
