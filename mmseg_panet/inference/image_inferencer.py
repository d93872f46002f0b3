"""The base of the inferencer, with the interface of mmengine."""
import os
import sys
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.infer import BaseInferencer

from ..annotations.class_colours import class_meta
from ..errors import InputError
from ..files import StrPath
from ..images.decoder import PLAIN
from ..images.reading import ImageReading
from ..locks import folder_lock
from ..models.bank.prototype_bank import NO_CLASS
from ..progress import progress_bar
from ..visualization.overlay import OverlayStyle, overlay
from .images.image_list import ImageItem, is_single, list_images
from .results.out_folder import OutFolder, take_over
from .results.out_path import refuse_support_folder
from .results.packed_results import pack_results
from .results.prediction import Prediction
from .segmentation import cut_batches, segment


class ImageInferencer(BaseInferencer):
    """Reads, segments, shows and writes images, as ``MMSegInferencer`` does.

    A subclass provides the classes and segments the images.
    """

    channel_order = 'bgr'
    """Order of the channels of arrays, see :func:`image_array`."""
    _num_images = 0
    """Number of images of all calls, by which arrays are named."""

    @property
    def reading(self) -> ImageReading:
        """Bands and stretch of the images that are read from files."""
        return PLAIN

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 1..W."""

    @abstractmethod
    def palette(self) -> np.ndarray:
        """Return the colours of class maps, see :func:`class_palette`."""

    @property
    @abstractmethod
    def classifier(self) -> str:
        """Description of the classifier with the choices that it made."""

    @property
    def dataset_meta(self) -> dict[str, Any]:
        """The classes and their colours, as mmseg's visualizers take them.

        ``classes`` are the names by label, the background first, and
        ``palette`` their RGB colours.
        """
        return class_meta(self.classes, self.palette())

    def support_folders(self) -> set[Path]:
        """The folders of examples, into which no result is written."""
        return set()

    @abstractmethod
    def fingerprint(self) -> str:
        """Hash all that a prediction depends on besides its image."""

    @abstractmethod
    def predict(self, images: Sequence[np.ndarray],
                keep_probabilities: bool = False,
                channel_order: str | None = None) -> list[Prediction]:
        """Segment images of any sizes, (H, W, 3) uint8 each."""

    @abstractmethod
    def predict_next(self, frame: np.ndarray,
                     earlier: Prediction | None = None, smooth: float = 0.5,
                     channel_order: str | None = None) -> Prediction:
        """Segment a frame, smoothed by the prediction of the earlier one."""

    def __call__(self, inputs: Any, return_datasamples: bool = False,
                 batch_size: int = 1, return_vis: bool = False,
                 return_probabilities: bool = False, show: bool = False,
                 wait_time: float = 0, out_dir: StrPath | None = None,
                 csv: bool = False, coco: bool = False,
                 channel_order: str | None = None, opacity: float = 0.45,
                 legend: bool = True, names: bool = False) -> Any:
        """Segment images, and keep all results in memory.

        For more images, :func:`segment_images` only writes files.

        Args:
            inputs (Any): Path, folder, glob pattern or video file, array
                (H, W, 3) of uint8, Pillow image, or a list of them, see
                :func:`list_images`.
            return_datasamples (bool): Whether to return samples in place of
                the dict. Defaults to False.
            batch_size (int): Images read and segmented together, see
                :meth:`predict`. Defaults to 1.
            return_vis (bool): Whether to return overlays. Defaults to False.
            return_probabilities (bool): Whether to return the probabilities
                of every class. Defaults to False.
            show (bool): Whether to open a window with each overlay. Defaults
                to False.
            wait_time (float): Seconds that the window stays open; 0 waits
                for a key. Defaults to 0.
            out_dir (str | os.PathLike, optional): Where ``masks/<name>.png``,
                ``classes.txt`` and ``overlays/<name>.jpg`` are written.
                Defaults to nowhere.
            csv (bool): Whether ``areas.csv`` is written there. Defaults to
                False.
            coco (bool): Whether ``coco.json`` is written there. Defaults to
                False.
            channel_order (str, optional): Order of the channels of arrays,
                'bgr' or 'rgb'. Defaults to that of the inferencer.
            opacity (float): Opacity of the colours of overlays, 0..1.
                Defaults to 0.45.
            legend (bool): Whether overlays in ``out_dir`` have a legend.
                Defaults to True.
            names (bool): Whether overlays have the names of the classes on
                the objects. Defaults to False.

        Returns:
            SegmentationResult | SegDataSample | list[SegDataSample | None]:
            See :func:`pack_results`.

        Raises:
            InputError: If no class is registered, there is no image, a
                single image cannot be read, or another run writes to
                ``out_dir``.
            WriteError: If files cannot be written.
        """
        items = list_images(
            inputs, out_dir, self._num_images,
            self.channel_order if channel_order is None else channel_order)
        self._num_images += len(items)
        batches = cut_batches(items, batch_size)
        style = OverlayStyle(opacity, legend, names)
        keep = return_probabilities or return_datasamples
        with nullcontext() if out_dir is None else folder_lock(out_dir):
            folder = self._prepare(
                items, out_dir, csv, coco, show, style)
            results, pictures = self._segment(
                batches, folder, keep, show or return_vis, show, wait_time,
                style)
            if folder is not None:
                done = [
                    item for item, found in zip(items, results, strict=True)
                    if isinstance(found, Prediction)]
                folder.check_complete(done)
                folder.write_tables(done)
        return self.postprocess(
            results, pictures if return_vis else [], return_datasamples,
            items=items, folder=folder, alone=is_single(inputs))

    def _segment(self, batches: Sequence[Sequence[ImageItem]],
                 folder: OutFolder | None, keep: bool, visualize: bool,
                 show: bool, wait_time: float, style: OverlayStyle
                 ) -> tuple[list[Prediction | InputError],
                            list[np.ndarray | None]]:
        """Segment batches, write their files and make their overlays."""
        results: list[Prediction | InputError] = []
        pictures: list[np.ndarray | None] = []
        with progress_bar(self.show_progress) as bar:
            segmented = segment(
                lambda some: self.predict(some, keep, 'bgr'), batches,
                self.reading)
            for item, image, found in bar.track(
                    segmented, sum(map(len, batches)),
                    description='Inference'):
                if visualize:
                    pictures += self.visualize(
                        [image], [found], show, wait_time,
                        style.opacity, style.names)
                if folder is not None:
                    found = folder.write(item, image, found) or found
                results.append(found)
        return results, pictures

    def _prepare(self, items: Sequence[ImageItem], out_dir: StrPath | None,
                 csv: bool, coco: bool, show: bool,
                 style: OverlayStyle) -> OutFolder | None:
        """Check the settings before the work begins."""
        if not self.classes:
            raise InputError(NO_CLASS)
        if show and sys.platform == 'linux' and not any(
                map(os.environ.get, ('DISPLAY', 'WAYLAND_DISPLAY'))):
            raise InputError(
                'expected a display for show=True, got none; use out_dir or '
                'return_vis=True')
        if out_dir is None:
            if csv or coco:
                raise InputError(
                    'expected out_dir, where csv=True and coco=True write '
                    'their files, got none')
            return None
        folder = OutFolder(
            Path(out_dir), self.classes, self.palette(), True, csv, coco,
            style)
        for support in self.support_folders():
            refuse_support_folder(folder.path, support)
        fingerprint = self.fingerprint()
        folder.refuse_other_classes(fingerprint, items)
        take_over(folder.path, fingerprint)
        folder.write_class_list()
        return folder

    def visualize(self, inputs: list, preds: Any, show: bool = False,
                  wait_time: float = 0, opacity: float = 0.45,
                  names: bool = False,
                  **kwargs: Any) -> list[np.ndarray | None]:
        """Lay predictions over their images, (H, W, 3) uint8 RGB each."""
        palette = self.palette()
        pictures = [
            overlay(image[..., ::-1], found.class_map, palette, opacity,
                    self.classes if names else ())
            if isinstance(found, Prediction) else None
            for image, found in zip(inputs, preds, strict=True)]
        for picture in pictures:
            if show and picture is not None:
                mmcv.imshow(
                    picture[..., ::-1], 'mmseg_panet', int(1000 * wait_time))
        return pictures

    def postprocess(self, preds: Any, visualization: list,
                    return_datasample: bool = False,
                    items: Sequence[ImageItem] = (),
                    folder: OutFolder | None = None, alone: bool = False,
                    **kwargs: Any) -> Any:
        """Pack the results of images, see :func:`pack_results`."""
        return pack_results(
            preds, visualization, return_datasample, items, folder, alone,
            self.classes, self.palette(), self.classifier, self.reading)
