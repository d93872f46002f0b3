"""The loader of images, which shows them as a viewer does."""
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.fileio import get
from mmseg.registry import TRANSFORMS

from ...images.decoder import decode_image
from ...images.reading import ImageReading


@TRANSFORMS.register_module()
class LoadOrientedImage(LoadImageFromFile):
    """Load an image as a viewer shows it, see :func:`decode_image`.

    It takes the place of mmcv's ``LoadImageFromFile``, whose result depends
    on the version of OpenCV if an image has an orientation. Without one, the
    pixels are the same.

    Required keys: ``img_path``.
    Added keys: ``img`` (H, W, 3) uint8 BGR, ``img_shape``, ``ori_shape``.

    Args:
        bands (Sequence[int], optional): Bands that become red, green and
            blue, see :class:`ImageReading`. Defaults to None.
        stretch (Sequence[float] | str, optional): Values that become 0 and
            255, see :class:`ImageReading`. Defaults to None.
        to_float32 (bool): Whether the image becomes float32. Defaults to
            False.
        backend_args (dict, optional): Arguments of mmengine's file backend.
            Defaults to None.

    Raises:
        InputError: If the bands or the stretch are invalid, or, when it is
            called, if the image cannot be decoded.
    """

    depends_on = 'image'

    def __init__(self, bands: Sequence[int] | None = None,
                 stretch: Sequence[float] | str | None = None,
                 to_float32: bool = False,
                 backend_args: dict | None = None) -> None:
        super().__init__(to_float32=to_float32, backend_args=backend_args)
        self.reading = ImageReading.of(bands, stretch)

    def transform(self, results: dict) -> dict:
        """Load the image of a data info."""
        path = results['img_path']
        image = decode_image(
            get(path, backend_args=self.backend_args), path, self.reading)
        if self.to_float32:
            image = image.astype(np.float32)
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.reading.settings()})'
