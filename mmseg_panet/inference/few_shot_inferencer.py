"""Segmentation of one's own images from a handful of examples."""
import hashlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.infer import BaseInferencer
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from torch import nn

from ..annotations.rasterize import require_pycocotools
from ..config.config_file import read_config
from ..errors import InputError
from ..files import prepare_output
from ..progress import progress_bar
from ..visualization.strip import overlay
from .advice.report import SupportAdvice
from .bank.class_register import ClassRegister
from .bank.prototype_bank import NOTHING_TAUGHT, PrototypeBank
from .images.image_list import ImageItem, check_array, list_images
from .images.read_ahead import read_ahead
from .images.source_key import source_key
from .model_loading import (
    build_model,
    check_device,
    describe_model,
    load_weights,
)
from .network import Network
from .results.class_palette import check_colours, class_palette
from .results.out_folder import take_over
from .results.packed_results import pack_results, to_sample
from .results.prediction import Prediction, predict_classes
from .results.prediction_files import remove_prediction, write_prediction
from .results.prediction_tables import write_areas, write_coco


class FewShotInferencer(BaseInferencer):
    """Segments images into classes that are registered by a few examples.

    On mmengine's ``BaseInferencer``, as ``MMSegInferencer``. What a config's
    test does to a query is done to every image, supports included; labels of
    supports are never resized. All taught classes are told apart at once, and
    every image passes the network once.

    Args:
        model (str | os.PathLike | Config | dict): Config with a
            :class:`FewShotSegmentor`, or any of mmseg's segmentors with a
            :class:`PANetHead`.
        weights (str | os.PathLike, optional): Checkpoint of the model, or of
            its backbone alone. Defaults to None: the config's pretrained
            backbone.
        device (str, optional): Such as 'cpu' or 'cuda:1'. Defaults to the
            best there is.
        slide (bool | Mapping): Whether windows of the network's size slide
            over each image at its own size, two thirds of a window apart,
            for large images with small objects; or ``crop_size`` and
            ``stride``, (height, width) each. Supports are seen at the
            network's size all the same: objects should be about as large in
            them as in the windows. Defaults to False: as the config's
            ``test_cfg`` says.
        tta (bool | Mapping): Whether probabilities are the mean over three
            sizes and their mirror images; or ``ratios`` and ``flip``.
            Defaults to False.
        min_confidence (float): Pixels whose most likely class is less likely
            are undecided, 255. Defaults to 0.
        palette (Mapping[str, Sequence[int]], optional): Red, green and blue
            of classes, 0..255. Defaults to colours that differ.
        show_progress (bool): Whether progress is drawn. Defaults to True.

    Raises:
        InputError: If the config or the checkpoint cannot be used.

    Example:
        >>> inferencer = FewShotInferencer('config.py', 'checkpoint.pth')
        >>> inferencer.fit({'cat': [('cat1.jpg', 'cat1.png')]})
        >>> inferencer('photos/', out_dir='out/')
        >>> inferencer.save('cats.safetensors')
    """

    def __init__(self,
                 model: str | os.PathLike | Config | dict,
                 weights: str | os.PathLike | None = None,
                 device: str | None = None,
                 slide: bool | Mapping[str, Any] = False,
                 tta: bool | Mapping[str, Any] = False,
                 min_confidence: float = 0.0,
                 palette: Mapping[str, Sequence[int]] | None = None,
                 show_progress: bool = True) -> None:
        if not isinstance(min_confidence, (int, float)) or not (
                0 <= min_confidence <= 1):
            raise InputError(
                f'expected min_confidence of 0..1, got {min_confidence!r}')
        if isinstance(model, (str, os.PathLike)):
            model = read_config(model)
        if device is not None:
            check_device(device)
        self.min_confidence = min_confidence
        self._colours = check_colours(palette or {})
        self._slide = slide
        self._tta = tta
        # Arrays are named by their number, of all calls.
        self._num_images = 0
        # mmengine sets it after it has built the pipeline.
        self.show_progress = show_progress
        init_default_scope('mmseg')
        super().__init__(
            model=model,
            weights=None if weights is None else os.fspath(weights),
            device=device,
            scope='mmseg',
            show_progress=show_progress)

    def _init_model(self, cfg: ConfigDict, weights: str | None,
                    device: str = 'cpu') -> nn.Module:
        model = build_model(cfg)
        load_weights(model, weights)
        model.cfg = cfg
        return model.to(device).eval()

    def _init_visualizer(self, cfg: ConfigDict) -> None:
        """None: the config's draws episodes."""

    def _init_collate(self, cfg: ConfigDict) -> None:
        """None: the config's is one of episodes."""

    def _init_pipeline(self, cfg: ConfigDict) -> Callable:
        self._network = Network(self.model, cfg, self._slide, self._tta)
        self._register = ClassRegister(
            self.model, self._network.support_pipeline,
            describe_model(self.model, cfg, self._network.support_steps),
            self.show_progress)
        return self._network.support_pipeline

    @property
    def classes(self) -> tuple[str, ...]:
        """The registered classes; class i is label 1 + i of a class map."""
        return self._register.bank.classes

    @property
    def bank(self) -> PrototypeBank:
        """A copy of the registered classes with their statistics."""
        return PrototypeBank(self._register.bank.supports)

    def fit(self, supports: Any,
            image_dir: str | os.PathLike | None = None
            ) -> 'FewShotInferencer':
        """Register classes, in place of all others.

        Args:
            supports (Any): Class name to a list of (image, annotation); or a
                folder or a file, see :func:`read_supports`.
            image_dir (str | os.PathLike, optional): Folder of the images
                that a file names.

        Returns:
            FewShotInferencer: This one.

        Raises:
            InputError: If a support cannot be used; the registered classes
                then stay as they were.
        """
        self._register.fit(supports, image_dir)
        return self

    def add_class(self, class_name: str,
                  supports: Sequence[tuple]) -> 'FewShotInferencer':
        """Register one more class, or more shots of a class.

        The earlier supports are not needed again.

        Args:
            class_name (str): New or known.
            supports (Sequence[tuple]): (image, annotation) each, see
                :func:`read_supports`.

        Returns:
            FewShotInferencer: This one.

        Raises:
            InputError: As :meth:`fit`.
        """
        self._register.add(class_name, supports)
        return self

    def remove_class(self, class_name: str) -> None:
        """Remove a class, as if it had never been registered.

        Raises:
            InputError: If there is no such class.
        """
        self._register.remove(class_name)

    def rename_class(self, old: str, new: str) -> None:
        """Give a class another name; its label stays.

        Raises:
            InputError: If there is no such class, or the name is taken or
                cannot be one.
        """
        self._register.rename(old, new)

    def check_support(self) -> SupportAdvice:
        """Judge every support by the others of its class.

        Returns:
            SupportAdvice: ``print`` shows it as a table, ``plot`` writes a
            picture, ``suspects`` are those whose masks may be wrong.

        Raises:
            InputError: If no class is registered, or supports came with
                :meth:`load`, without their images.
        """
        return self._register.check()

    def save(self, path: str | os.PathLike) -> None:
        """Write the registered classes to a file, see :func:`write_bank`.

        Raises:
            InputError: If no class is registered, or the file cannot be
                written.
        """
        self._register.save(path)

    def load(self, path: str | os.PathLike) -> 'FewShotInferencer':
        """Use the classes of a file, in place of all others.

        Returns:
            FewShotInferencer: This one.

        Raises:
            InputError: If it is no bank, or another model's; the registered
                classes then stay as they were.
        """
        self._register.load(path)
        return self

    def broadcast(self) -> None:
        """Give every process the classes of the main one, to the bit."""
        self._register.broadcast()

    def palette(self) -> np.ndarray:
        """Colours of class maps, (256, 3) uint8 RGB."""
        return class_palette(self.classes, self._colours)

    def fingerprint(self) -> str:
        """SHA-256 of all that a prediction depends on beside its image."""
        # Of the supports, not of their sums: another machine rounds these
        # otherwise.
        supports = [
            (one.class_name, one.names, one.image_sha256, one.labels_sha256)
            for one in self._register.bank.supports]
        text = json.dumps([
            self._register.description, supports, self._network.steps,
            self.model.test_cfg, self.min_confidence,
            self.palette().tolist()], default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def predict(self, images: Sequence[np.ndarray],
                keep_probabilities: bool = False) -> list[Prediction]:
        """Segment images in memory.

        Args:
            images (Sequence[np.ndarray]): (H, W, 3) uint8 BGR each, of any
                sizes; those of equal size pass the network together.
            keep_probabilities (bool): Whether the predictions hold those of
                every class. Defaults to False.

        Returns:
            list[Prediction]: One an image, in order.

        Raises:
            InputError: If nothing was taught, or an array is no image.
        """
        if not self.classes:
            raise InputError(NOTHING_TAUGHT)
        for image in images:
            check_array(image)
        return [
            predict_classes(
                views, self.classes, self.min_confidence, keep_probabilities)
            for views in self._network.views(images)]

    def __call__(self,
                 inputs: Any,
                 return_datasamples: bool = False,
                 batch_size: int = 1,
                 return_vis: bool = False,
                 return_probabilities: bool = False,
                 show: bool = False,
                 wait_time: float = 0,
                 out_dir: str | os.PathLike | None = None,
                 csv: bool = False,
                 coco: bool = False) -> Any:
        """Segment images, and keep all results in memory.

        For more images than that, :func:`segment_images` writes files alone.

        Args:
            inputs (Any): Path, folder, glob pattern or video file, array
                (H, W, 3) uint8 BGR, or a list of them, see
                :func:`list_images`.
            return_datasamples (bool): Whether to return samples in place of
                the dict. Defaults to False.
            batch_size (int): Images read and segmented together, see
                :meth:`predict`. Defaults to 1.
            return_vis (bool): Whether to return overlays. Defaults to False.
            return_probabilities (bool): Whether to return those of every
                class. Defaults to False.
            show (bool): Whether to open a window with each overlay. Defaults
                to False.
            wait_time (float): Seconds that it stays; 0 until a key is
                pressed. Defaults to 0.
            out_dir (str | os.PathLike, optional): Where ``masks/<name>.png``
                and ``overlays/<name>.jpg`` are written. Defaults to nowhere.
            csv (bool): Whether ``areas.csv`` is written there. Defaults to
                False.
            coco (bool): Whether ``coco.json`` is. Defaults to False.

        Returns:
            dict | SegDataSample | list[SegDataSample | None]: See
            :func:`pack_results` and :func:`to_sample`.

        Raises:
            InputError: If nothing was taught, there is no image, or the only
                one cannot be read.
        """
        folder = None if out_dir is None else Path(out_dir)
        items = list_images(inputs, folder, self._num_images)
        self._num_images += len(items)
        self._prepare(batch_size, folder, csv, coco, show)
        results: list[Prediction | InputError] = []
        pictures: list[np.ndarray | None] = []
        with progress_bar(self.show_progress) as bar:
            task = bar.add_task('Inference', total=len(items))
            for batch, images in self.preprocess(items, batch_size):
                found = self.forward(
                    images, return_probabilities or return_datasamples)
                results += found
                if show or return_vis:
                    pictures += self.visualize(images, found, show, wait_time)
                if folder is not None:
                    self._write(folder, batch, images, found)
                bar.advance(task, len(batch))
        if folder is not None:
            done = [
                item for item, result in zip(items, results, strict=True)
                if isinstance(result, Prediction)]
            self._write_tables(folder, done, csv, coco)
        return self.postprocess(
            results, pictures if return_vis else [], return_datasamples,
            items=items)

    def _prepare(self, batch_size: int, out_dir: Path | None, csv: bool,
                 coco: bool, show: bool) -> None:
        """Find out what is missing before the work begins."""
        if not self.classes:
            raise InputError(NOTHING_TAUGHT)
        if type(batch_size) is not int or batch_size < 1:
            raise InputError(
                f'expected batch_size of 1 or more, got {batch_size!r}')
        if show and sys.platform == 'linux' and not (
                os.environ.get('DISPLAY') or os.environ.get(
                    'WAYLAND_DISPLAY')):
            raise InputError(
                'expected a display for show=True, got none; use out_dir or '
                'return_vis=True')
        if out_dir is None and (csv or coco):
            raise InputError(
                'expected out_dir, where csv=True and coco=True write to, got '
                'none')
        if coco:
            require_pycocotools('coco.json is written')
        if out_dir is not None:
            prepare_output(out_dir / 'areas.csv')
            take_over(out_dir, self.fingerprint())

    def preprocess(self, inputs: Sequence[ImageItem], batch_size: int = 1,
                   **kwargs: Any) -> Iterator[tuple]:
        """Read images ahead, in batches, see :func:`read_ahead`."""
        return read_ahead([
            inputs[start:start + batch_size]
            for start in range(0, len(inputs), batch_size)])

    def forward(self, inputs: Sequence[np.ndarray | InputError],
                keep_probabilities: bool = False,
                **kwargs: Any) -> list[Prediction | InputError]:
        """Segment what could be read of a batch; errors stay."""
        images = [one for one in inputs if isinstance(one, np.ndarray)]
        found = iter(
            self.predict(images, keep_probabilities) if images else ())
        return [
            next(found) if isinstance(one, np.ndarray) else one
            for one in inputs]

    def _write(self, out_dir: Path, items: Sequence[ImageItem],
               images: Sequence[Any],
               results: Sequence[Prediction | InputError]) -> None:
        palette = self.palette()
        for item, image, result in zip(items, images, results, strict=True):
            if isinstance(result, Prediction):
                write_prediction(
                    out_dir, item.name, result, palette, image,
                    source_key(item.source))
            else:
                remove_prediction(out_dir, item.name)

    def _write_tables(self, out_dir: Path, done: Sequence[ImageItem],
                      csv: bool, coco: bool) -> None:
        if csv:
            write_areas(out_dir, done)
        if coco:
            write_coco(out_dir, done, self.classes)

    def visualize(self, inputs: list, preds: Any, show: bool = False,
                  wait_time: float = 0,
                  **kwargs: Any) -> list[np.ndarray | None]:
        """Lay the predictions of a batch over its images, (H, W, 3) RGB."""
        pictures: list[np.ndarray | None] = []
        for image, result in zip(inputs, preds, strict=True):
            picture = overlay(
                image[..., ::-1], result.class_map, self.palette()
            ) if isinstance(result, Prediction) else None
            if show and picture is not None:
                mmcv.imshow(
                    picture[..., ::-1], 'mmseg_panet', int(1000 * wait_time))
            pictures.append(picture)
        return pictures

    def postprocess(self, preds: Any, visualization: list,
                    return_datasample: bool = False,
                    items: Sequence[ImageItem] = (), **kwargs: Any) -> Any:
        """Pack all results, see :func:`pack_results`."""
        for item, result in zip(items, preds, strict=True):
            if isinstance(result, InputError):
                if len(preds) == 1:
                    raise result
                print_log(
                    f'{item.name}: {result}', logger='current',
                    level=logging.WARNING)
        if return_datasample:
            samples = [
                to_sample(result, item)
                for result, item in zip(preds, items, strict=True)]
            return samples[0] if len(samples) == 1 else samples
        return pack_results(
            preds, [item.name for item in items], self.classes, visualization)
