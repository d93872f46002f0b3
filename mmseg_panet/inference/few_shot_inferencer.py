"""The inferencer, whose classes are registered from a few examples."""
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from PIL import Image
from torch import nn

from ..annotations.class_colours import check_colours, class_palette
from ..config.config_file import read_config
from ..errors import InputError, check_number
from ..files import StrPath
from ..images.reading import ImageReading
from ..models.bank.prototype_bank import NO_CLASS
from ..models.device_checks import checked_at_end
from ..models.feature_cache import FeatureCache
from ..models.safe_loading import safe_loading
from ..models.small_components import min_area_of
from ..registry import with_type_names
from ..summary import Summary, listed_examples
from .class_registry import ClassRegistry
from .image_inferencer import ImageInferencer
from .images.image_array import check_channel_order, image_array
from .model_loading import load_model
from .network import Network
from .results.prediction import Prediction, predict_classes
from .smoothing import check_smooth


class FewShotInferencer(ClassRegistry, ImageInferencer):
    """Segments images into classes that are registered from a few examples.

    Every image, supports included, is prepared as a config's test prepares a
    query. Labels of supports are never resized. Every image passes the
    network once for all classes.

    Args:
        model (str | os.PathLike | Config | dict): Config with a
            :class:`FewShotSegmentor`, or any of mmseg's segmentors with a
            :class:`PANetHead`; as a file or the name of a config that comes
            with the package, see :func:`find_config`.
        weights (str | os.PathLike, optional): Checkpoint of the model, or of
            its backbone alone. Defaults to None: the config's pretrained
            backbone.
        device (str, optional): A device such as 'cpu' or 'cuda:1'. Defaults
            to the best device.
        slide (bool | Mapping): Whether windows of the network's size slide
            over each image at its original size, with a stride of two thirds
            of a window, for large images with small objects; or
            ``crop_size`` and ``stride``, (height, width) each. Supports are
            still resized to the network's size, so that objects should be
            about as large in them as in the windows. Defaults to False,
            which leaves it to the config's ``test_cfg``.
        tta (bool | Mapping): Whether probabilities are the mean over three
            sizes and their mirror images; or ``ratios`` and ``flip``.
            Defaults to False.
        min_confidence (float): Least probability of the most likely class;
            other pixels are undecided, see :class:`Prediction`. Defaults to
            0.
        palette (Mapping[str, Sequence[int]], optional): Red, green and blue
            of classes, 0..255. Defaults to a colour for each name, see
            :func:`class_colours`.
        show_progress (bool): Whether bars show the progress of a call.
            Defaults to True.
        min_area (float, optional): Components of a class below this share of
            the image become 0, see :func:`clear_small_components`. Defaults
            to None: the value of the config's ``test_cfg``, or else 0.
        edges (bool | Mapping, optional): Whether the classes follow the
            edges of the image; or settings of :class:`EdgeFilter`. Defaults
            to None, which leaves it to the config's ``test_cfg`` or the
            classifier.
        classifier (dict | str, optional): The classifier: 'auto', see
            :class:`AutoClassifier`, the name of a registered
            :class:`Classifier`, a dict with its settings, or 'config' for
            that of the config's test. Defaults to None: the classifier that
            the config names, or else 'auto'.
        calibrate (bool): Whether probabilities are calibrated, see
            :func:`calibrate`. Defaults to True.
        channel_order (str): Order of the channels of images that are arrays,
            'bgr' or 'rgb', for supports, negatives and images to segment.
            Pillow images need no order. Defaults to 'bgr', as in mmcv and
            mmseg.
        trust_checkpoint (bool): Whether the checkpoint may execute code, see
            :func:`safe_loading`. Defaults to False.
        bands (Sequence[int], optional): Bands of image files that become
            red, green and blue, or one for grey, from 1, as for files of
            more than three bands. Defaults to None: those of the config's
            ``LoadOrientedImage`` or of the bank that is loaded.
        stretch (Sequence[float] | str, optional): Values of image files that
            become 0 and 255, (low, high), or the share of the values of each
            band of each image that is cut off at both ends, such as '2%';
            see :class:`ImageReading`. Defaults to None, as ``bands``.
        feature_cache (float): Megabytes of memory for features of images and
            supports, which then pass the network once, see
            :class:`FeatureCache`. Defaults to 0: none are kept.

    Raises:
        InputError: If config, checkpoint or classifier cannot be used.

    Example::

        inferencer = FewShotInferencer('config.py', 'checkpoint.pth')
        inferencer.fit(
            {'cat': [('cat1.jpg', 'cat1.png')]}, negatives='no_cats/')
        inferencer.adapt('photos/')
        inferencer('photos/', out_dir='out/').plot('cats.png')
        inferencer.save('cats.safetensors')
    """

    def __init__(self, model: StrPath | Config | dict,
                 weights: StrPath | None = None, device: str | None = None,
                 slide: bool | Mapping[str, Any] = False,
                 tta: bool | Mapping[str, Any] = False,
                 min_confidence: float = 0.0,
                 palette: Mapping[str, Sequence[int]] | None = None,
                 show_progress: bool = True,
                 min_area: float | None = None,
                 edges: bool | Mapping[str, float] | None = None,
                 classifier: dict | str | None = None,
                 calibrate: bool = True,
                 channel_order: str = 'bgr',
                 trust_checkpoint: bool = False,
                 bands: Sequence[int] | None = None,
                 stretch: Sequence[float] | str | None = None,
                 feature_cache: float = 0) -> None:
        check_number('feature_cache', feature_cache, least=0)
        check_channel_order(channel_order)
        reading = ImageReading.of(bands, stretch)
        if not isinstance(min_confidence, (int, float)) or not (
                0 <= min_confidence <= 1):
            raise InputError(
                f'expected min_confidence of 0..1, got {min_confidence!r}')
        if isinstance(model, (str, os.PathLike)):
            model = read_config(model)
        check_colours(palette or {})
        self._colours = dict(palette or {})
        self.min_confidence = min_confidence
        self.channel_order = channel_order
        self._weights = weights and os.fspath(weights)
        self._classifier = classifier
        init_default_scope('mmseg')
        with safe_loading(trust_checkpoint):
            super().__init__(
                model, self._weights, device, 'mmseg', show_progress)
        self._network = Network(
            self.model, self.cfg, slide, tta, edges, min_area, calibrate,
            self._colours, reading)
        self.pipeline = self._network.support_pipeline
        if feature_cache:
            self.model.extract_feat = FeatureCache(
                self.model.extract_feat, feature_cache)

    def _init_model(self, cfg: ConfigDict, weights: str | None,
                    device: str) -> nn.Module:
        return load_model(cfg, weights, device, self._classifier)

    def _init_pipeline(self, cfg: ConfigDict) -> None:
        """Return None, as the config's pipeline is one of episodes."""

    _init_visualizer = _init_collate = _init_pipeline

    @property
    def reading(self) -> ImageReading:
        """Bands and stretch of supports, negatives and images to segment."""
        return self._network.reading

    @property
    def classifier(self) -> str:
        """Description of the classifier with the choices that it made."""
        return self._network.method

    @property
    def image_steps(self) -> list[dict]:
        """Configs of the transforms of an image to segment, without TTA."""
        return list(self._network.query_steps)

    def __repr__(self) -> str:
        return self._summary().text()

    def _repr_html_(self) -> str:
        """Show the summary in notebooks."""
        return self._summary().html()

    def _summary(self) -> Summary:
        if '_network' not in vars(self):  # a debugger asks before it is made
            return Summary(type(self).__name__, [])
        bank = self._network.bank
        numbers = dict(zip(bank.classes, bank.shots, strict=True))
        facts = [
            ('config', Path(self.cfg.filename or '(a dict)').stem),
            ('weights', self._weights or 'as the config initialises them'),
            ('device', str(next(self.model.parameters()).device)),
            ('classifier', self._network.words),
            ('classes', listed_examples(numbers))]
        if bank.negatives:
            facts.append(('negatives', str(len(bank.negatives))))
        return Summary(type(self).__name__, facts)

    def palette(self) -> np.ndarray:
        """Return the colours of class maps, see :func:`class_palette`."""
        return class_palette(self.classes, self._colours)

    def fingerprint(self) -> str:
        """Hash all that a prediction depends on besides its image."""
        bank = self._network.bank
        # Supports are hashed and not their sums, which other machines round
        # differently.
        supports: list[tuple] = [
            (one.class_name, one.names, one.image_sha256, one.labels_sha256)
            for one in bank.supports]
        if bank.negatives:
            supports.append(
                (bank.negative_share,
                 *(one.image_sha256 for one in bank.negatives)))
        if bank.adapted:
            supports.append(('adapted', *(
                (one.class_name, one.image_sha256) for one in bank.adapted)))
        text = json.dumps([
            self._network.description, supports,
            with_type_names(self._network.steps),
            self.model.test_cfg, self.min_confidence, self._network.calibrate,
            self.palette().tolist()], default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def predict(self, images: Sequence[np.ndarray | Image.Image],
                keep_probabilities: bool = False,
                channel_order: str | None = None,
                min_confidence: float | None = None) -> list[Prediction]:
        """Segment images in memory.

        Args:
            images (Sequence[np.ndarray | Image.Image]): See
                :func:`image_array`, of any sizes; those of equal size pass
                the network together.
            keep_probabilities (bool): Whether the predictions hold the
                probabilities of every class. Defaults to False.
            channel_order (str, optional): Order of the channels of arrays.
                Defaults to that of the inferencer.
            min_confidence (float, optional): See the class.

        Returns:
            list[Prediction]: One for each image, in order.

        Raises:
            InputError: If no class is registered, an array is not an image,
                ``min_confidence`` is out of range, or the backbone overflows.
        """
        return self._predict(images, keep_probabilities, channel_order,
                             min_confidence=min_confidence)

    def predict_next(self, frame: np.ndarray | Image.Image,
                     earlier: Prediction | None = None, smooth: float = 0.5,
                     channel_order: str | None = None) -> Prediction:
        """Segment the next frame of a video, smoothed over time.

        Its probabilities are ``smooth`` times those of the earlier frame,
        which were smoothed, too, plus ``1 - smooth`` times its own.

        Args:
            frame (np.ndarray | Image.Image): See :func:`image_array`.
            earlier (Prediction, optional): What was returned for the frame
                before; not used if its size or its classes are others.
                Defaults to none.
            smooth (float): Weight of the earlier frame, 0 to 0.95. Defaults
                to 0.5.
            channel_order (str, optional): See :meth:`predict`.

        Returns:
            Prediction: The prediction with its probabilities.

        Raises:
            InputError: See :meth:`predict`.
        """
        check_smooth(smooth)
        return self._predict([frame], True, channel_order, earlier, smooth)[0]

    def _predict(self, images: Sequence[np.ndarray | Image.Image],
                 keep_probabilities: bool, channel_order: str | None,
                 earlier: Prediction | None = None, smooth: float = 0,
                 min_confidence: float | None = None) -> list[Prediction]:
        if not self.classes:
            raise InputError(NO_CLASS)
        if channel_order is None:
            channel_order = self.channel_order
        check_channel_order(channel_order)
        if min_confidence is None:
            min_confidence = self.min_confidence
        check_number('min_confidence', min_confidence, least=0, most=1)
        arrays = [image_array(image, channel_order) for image in images]
        with checked_at_end():
            return [predict_classes(
                views, self.classes, min_confidence, keep_probabilities,
                min_area_of(self.model), earlier, smooth)
                for views in self._network.views(arrays)]
