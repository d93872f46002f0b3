"""The result of a call of the inferencer: a dict that knows its images."""
import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import InputError
from ...files import StrPath, atomic_path, prepare_output
from ...images.decoder import PLAIN
from ...images.reading import ImageReading
from ...summary import Summary, listed
from ...visualization.overlay import OverlayStyle
from ...visualization.segmentation_plot import (
    PLAIN_STYLE,
    plot_grid,
    plot_segmentation,
)
from ...wording import counted
from ..images.image_list import ImageItem
from ..images.image_source import VideoFrame, read_image
from .area_rows import area_rows
from .coco_export import coco_annotations, coco_categories, coco_images
from .detections import detections
from .exports import Export
from .segmented_image import SegmentedImage

_THUMBNAIL = 320
"""Pixels of the longer side of an image in the picture of a summary."""
_LAST_FRAME = 100
"""Frames that a summary decodes at most to reach the one to show."""
_PICTURES = ('.png', '.jpg', '.jpeg')


class SegmentationResult(dict):
    """The predictions for the images of a call, by the keys of mmengine.

    The keys ``predictions``, ``confidence``, ``probabilities`` and
    ``visualization`` hold class maps and pictures, see
    :func:`pack_results`. ``names``, ``paths`` and ``files``
    say of each image its name, the path that it was read from, which is None
    for an array, and the files that were written for it. Each of these is a
    list, unless the call was for the path of one image, or one image in
    memory.

    Args:
        values (dict[str, Any]): The keys and their values.
        items (Sequence[ImageItem]): The images.
        class_maps (Sequence[np.ndarray | None]): Their class maps.
        palette (np.ndarray): See :func:`class_palette`.
        reading (ImageReading): See :func:`read_image`.
    """

    def __init__(self, values: dict[str, Any], items: Sequence[ImageItem],
                 class_maps: Sequence[np.ndarray | None],
                 palette: np.ndarray,
                 reading: ImageReading = PLAIN) -> None:
        super().__init__(values)
        self._items = list(items)
        self._class_maps = list(class_maps)
        self._palette = palette
        self._reading = reading

    def __reduce__(self) -> tuple:
        return type(self), (
            dict(self), self._items, self._class_maps, self._palette,
            self._reading)

    def copy(self) -> 'SegmentationResult':
        """Make a shallow copy, which can be plotted too."""
        return type(self)(
            dict(self), self._items, self._class_maps, self._palette,
            self._reading)

    def plot(self, out: StrPath | None = None,
             max_images: int = 16, opacity: float = 0.45,
             legend: bool = True, names: bool = False) -> np.ndarray:
        """Plot the images with their classes and a legend.

        The legend gives the colour and the share in percent of each class
        that is present, and of undecided pixels. Several images are plotted
        as a grid with one legend. Images are read again from their files.

        Args:
            out (str | os.PathLike, optional): File to write, which ends with
                .png or .jpg. Defaults to none.
            max_images (int): Most images of a grid. Defaults to 16.
            opacity (float): Opacity of the colours, 0..1. Defaults to 0.45.
            legend (bool): Whether there is a legend. Defaults to True.
            names (bool): Whether the names of the classes are written on the
                objects. Defaults to False.

        Returns:
            np.ndarray: (H, W, 3) uint8 RGB.

        Raises:
            InputError: If no image was segmented, one cannot be read any
                more, or the file cannot be written.
        """
        if out is not None:
            out = Path(out)
            if out.suffix.lower() not in _PICTURES:
                raise InputError(
                    f'expected a picture as .png or .jpg, got {out}')
            prepare_output(out)
        if not isinstance(max_images, int) or max_images < 1:
            raise InputError(
                f'expected max_images of 1 or more, got {max_images!r}')
        style = OverlayStyle(opacity, legend, names)
        picture = self._picture(
            self._items_to_plot(), max_images, style=style)
        if out is not None:
            with atomic_path(out) as part:
                Image.fromarray(picture).save(
                    part, 'PNG' if out.suffix.lower() == '.png' else 'JPEG',
                    quality=95)
        return picture

    def to_coco(self, polygons: bool = True, min_area: float = 1) -> dict:
        """Describe the objects of all images in COCO's format.

        Objects are the 8-connected components of each class; undecided
        pixels are none. The score is the mean confidence.

        Args:
            polygons (bool): Whether segmentations are polygons, see
                :func:`outline`, or run lengths, which are exact. Defaults to
                True.
            min_area (float): Smallest object to keep: a number of pixels or,
                below 1, a fraction of the image. Defaults to 1.

        Returns:
            dict: ``images``, ``annotations`` and ``categories``, of which
            category i is the i-th class. Images that could not be read are
            left out.

        Raises:
            InputError: If ``min_area`` is negative, or pycocotools is
                missing for run lengths.
        """
        Export(('coco',), polygons, min_area)
        images = self._segmented()
        return dict(
            categories=coco_categories(self['classes'], self._palette),
            images=[*coco_images(
                (one.item, one.labels.shape) for one in images)],
            annotations=[*coco_annotations(images, polygons, min_area)])

    def to_supervision(self, min_area: float = 1) -> Any:
        """Make detections of the package supervision, see :func:`detections`.

        Args:
            min_area (float): See :meth:`to_coco`. Defaults to 1.

        Returns:
            supervision.Detections | list[supervision.Detections | None]: The
            objects of each image; for the path of one image, or one image in
            memory, no list.

        Raises:
            InputError: If supervision is not installed, or ``min_area`` is
                negative.
        """
        found = {
            one.item.name: detections(one, self['classes'], min_area)
            for one in self._segmented()}
        column = [found.get(item.name) for item in self._items]
        return column[0] if isinstance(self.get('names'), str) else column

    def export(self, out_dir: StrPath, formats: str | Sequence[str],
               polygons: bool = True, min_area: float = 1) -> None:
        """Write the objects as files that label tools read and correct.

        Existing files are replaced, other than those in a folder of results
        that were corrected, see :meth:`Export.write`.

        Args:
            out_dir (str | os.PathLike): Folder for
                ``coco/instances.json``, ``labelme/<name>.json`` and
                ``yolo/data.yaml`` with ``images`` and ``labels``.
            formats (str | Sequence[str]): 'coco', 'labelme' or 'yolo', or
                several.
            polygons (bool): Whether objects are polygons, see
                :func:`outline`, or exact: run lengths in COCO, masks in
                labelme. Defaults to True.
            min_area (float): See :meth:`to_coco`. Defaults to 1.

        Raises:
            InputError: As for :class:`Export`; or if an image is no file,
                which labelme and YOLO refer to.
            WriteError: If files cannot be written.
        """
        export = Export(formats, polygons, min_area)
        images = {one.item.name: one for one in self._segmented()}
        items = [one.item for one in images.values()]
        export.check_images(Path(out_dir), items)
        export.write(
            Path(out_dir), items, lambda item: images[item.name],
            self['classes'], self._palette)

    def _segmented(self) -> list[SegmentedImage]:
        """Return the images that were segmented, with their confidence."""
        confidence = self.get('confidence')
        if not isinstance(confidence, list):
            confidence = [confidence] * len(self._items)
        return [
            SegmentedImage(item, labels, one) for item, labels, one in zip(
                self._items, self._class_maps, confidence, strict=True)
            if labels is not None]

    def _items_to_plot(self) -> list[tuple[ImageItem, np.ndarray]]:
        found = [
            (item, labels) for item, labels in zip(
                self._items, self._class_maps, strict=True)
            if labels is not None]
        if not found:
            raise InputError(
                'expected an image that was segmented, got none; see '
                "result['failures']")
        return found

    def _picture(self, found: list[tuple[ImageItem, np.ndarray]],
                 max_images: int, longest: int | None = None,
                 style: OverlayStyle = PLAIN_STYLE) -> np.ndarray:
        shown = found[:max_images]
        images = [self._image(*one) for one in shown]
        classes = self['classes']
        if len(self._items) == 1:
            return plot_segmentation(
                images[0], shown[0][1], classes, self._palette, longest,
                style)
        more = len(found) - len(shown)
        return plot_grid(
            images, [labels for _, labels in shown],
            [item.name for item, _ in shown], classes, self._palette,
            f"and {counted(more, 'more image')}" if more else '', style)

    def _image(self, item: ImageItem, labels: np.ndarray) -> np.ndarray:
        image = read_image(item.source, self._reading)
        if image.shape[:2] != labels.shape:
            raise InputError(
                f'{item.name} has changed since it was segmented: expected '
                f'{labels.shape[1]}x{labels.shape[0]} pixels, got '
                f'{image.shape[1]}x{image.shape[0]}; segment it again')
        return image[..., ::-1]

    def _summary(self, picture: str = '') -> Summary:
        classes = self['classes']
        facts = [
            ('images', counted(len(self._items), 'image')),
            ('classes', f'{len(classes)}: {listed(classes, len(classes))}'),
            ('classifier', self['classifier'])]
        if self['failures']:
            facts.append(('failures', listed(
                self['failures'], len(self['failures']))))
        if self['out_dir'] is not None:
            facts.append(('written to', self['out_dir']))
        return Summary(type(self).__name__, facts, area_rows(
            [item.name for item in self._items], self._class_maps, classes),
            picture)

    def __repr__(self) -> str:
        return self._summary().text()

    def _repr_html_(self) -> str:
        """Show the summary with a small overlay, in notebooks."""
        try:
            found = self._items_to_plot()
            if any(isinstance(item.source, VideoFrame)
                   and item.source.number > _LAST_FRAME
                   for item, _ in found[:4]):
                return self._summary().html()
            picture = Image.fromarray(self._picture(found, 4, _THUMBNAIL))
        except (InputError, OSError):  # the files may be gone
            return self._summary().html()
        picture.thumbnail((2 * _THUMBNAIL, 4 * _THUMBNAIL))
        data = io.BytesIO()
        picture.save(data, 'JPEG', quality=85)
        encoded = base64.b64encode(data.getvalue()).decode()
        return self._summary(f'data:image/jpeg;base64,{encoded}').html()
