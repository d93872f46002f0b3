"""The network of an inferencer, from images of any sizes to logits."""
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log

from ..annotations.class_colours import class_meta, class_palette
from ..errors import InputError
from ..files import StrPath
from ..images.decoder import PLAIN
from ..images.reading import ImageReading
from ..models import Classifier, LogitMap
from ..models.bank.bank_classifier import classifier_for
from ..models.bank.bank_file import open_bank, suit
from ..models.bank.banked_classes import fit_classes
from ..models.bank.description import describe_classifier, describe_model
from ..models.bank.prototype_bank import PrototypeBank
from ..models.classifiers import build_classifier
from ..models.classifiers.classifier import format_shots
from ..models.edge_filter import edge_filter_of
from ..models.image_maps import fitted_maps
from ..models.small_components import min_area_of
from ..summary import format_examples
from ..wording import counted, printable
from .images.image_pipeline import (
    at_own_size,
    build_pipeline,
    image_steps,
    network_size,
    reading_of,
    rescaled,
)

TTA: dict[str, Any] = dict(ratios=(0.75, 1.0, 1.25), flip=True)
"""Usual views of test-time augmentation: sizes, and their mirror images."""


class Network:
    """A model with its registered classes and the pipelines of images.

    Args:
        model (nn.Module): A model of :func:`build_model` with its weights,
            whose ``test_cfg`` is changed by the settings below.
        cfg (ConfigDict): Its config.
        slide (bool | Mapping): See :class:`FewShotInferencer`.
        tta (bool | Mapping): See :class:`FewShotInferencer`.
        edges (bool | Mapping, optional): See :class:`FewShotInferencer`.
        min_area (float, optional): See :class:`FewShotInferencer`.
        calibrate (bool): See :class:`FewShotInferencer`. Defaults to True.
        colours (Mapping[str, Sequence[int]], optional): The ``palette`` of
            :class:`FewShotInferencer`. Defaults to none.
        reading (ImageReading): Bands and stretch of images. Defaults to
            those of the config, see :func:`reading_of`.

    Attributes:
        bank (PrototypeBank): The classes, see :meth:`use`.
        classifier (Classifier): The classifier that was chosen; that of the
            head may be another one, see :meth:`load`.
        reading (ImageReading): Bands and stretch of images: those that were
            given, or else those of the bank that was loaded.
        support_steps (list[dict]): See :func:`image_steps`.
        support_pipeline (Compose): The pipeline of these steps.
        query_steps (list[dict]): The steps of an image to segment.
        steps (list[tuple[list[dict], bool]]): The steps of each view of an
            image, and whether it is mirrored.
    """

    def __init__(self, model: Any, cfg: ConfigDict,
                 slide: bool | Mapping[str, Any] = False,
                 tta: bool | Mapping[str, Any] = False,
                 edges: bool | Mapping[str, float] | None = None,
                 min_area: float | None = None,
                 calibrate: bool = True,
                 colours: Mapping[str, Sequence[int]] | None = None,
                 reading: ImageReading = PLAIN) -> None:
        self.model = model
        self.colours = colours
        self.bank = PrototypeBank()
        head = model.decode_head
        # From now on, the network holds the classes.
        held, head.bank, head.fitted = head.bank, None, None
        self._set_dataset_meta()
        self.classifier = model.decode_head.classifier
        self._said = ''
        self.calibrate = calibrate
        self.support_steps = steps = image_steps(cfg)
        self.support_pipeline = build_pipeline(steps)
        self._described = describe_model(model, cfg, steps)
        self.bank.weights_sha256 = self._described['weights_sha256']
        self._stated = self.reading = reading or reading_of(cfg)
        if slide:
            size = network_size(steps, cfg)
            settings = _settings('slide', slide, dict(
                crop_size=size, stride=tuple(side * 2 // 3 for side in size)))
            _check_windows(**settings)
            model.test_cfg = ConfigDict(
                model.test_cfg or {}, mode='slide', **settings)
            steps = at_own_size(steps)
        given = {name: value for name, value in (
            ('edges', edges), ('min_area', min_area)) if value is not None}
        if given:
            model.test_cfg = ConfigDict(model.test_cfg or {}, **given)
        self.query_steps = steps
        # They are read at each use; invalid ones are refused here.
        edge_filter_of(model)
        min_area_of(model)
        settings = _settings('tta', tta, TTA) if tta else dict(
            ratios=(1.0,), flip=False)
        ratios = settings['ratios']
        if not isinstance(ratios, Sequence) or not ratios or not all(
                isinstance(ratio, (int, float)) and 0.1 <= ratio <= 10
                for ratio in ratios):
            raise InputError(
                f'expected ratios of 0.1..10 of tta, got {ratios}')
        self.steps = [
            (rescaled(steps, ratio), flip) for ratio in ratios
            for flip in ((False, True) if settings['flip'] else (False,))]
        self._pipelines = [build_pipeline(*steps) for steps in self.steps]
        if held is not None and held.path is not None:
            self.load(held.path)
        elif held is not None:
            print_log(
                'the checkpoint holds classes for the functions of mmseg, '
                'which cannot be changed; the inferencer starts without any: '
                'call load() with their bank, or fit()', logger='current',
                level=logging.WARNING)

    @property
    def description(self) -> dict[str, Any]:
        """See :func:`describe_model`, with the classifier that is in use."""
        reading = dict(reading=self.reading.settings()) if self.reading else {}
        return self._described | reading | describe_classifier(
            self.model.decode_head.classifier)

    @property
    def method(self) -> str:
        """Description of the classifier with the choices that it made."""
        bank, classifier = self.bank, self.model.decode_head.classifier
        if not bank.classes:
            return type(classifier).__name__
        # The choice depends on all images, but only examples are shots.
        said = classifier.describe(bank.num_images).replace(
            format_shots(bank.num_images), format_shots(bank.shots))
        if number := len({one.image_sha256 for one in bank.adapted}):
            said += f", adapted to {counted(number, 'unlabelled image')}"
        if number := len(bank.negatives):
            said += f", {counted(number, 'negative')}"
        return said

    @property
    def words(self) -> str:
        """The :attr:`method` in the words of examples and classes."""
        if not self.bank.classes:
            return self.method
        numbers = self.bank.shots
        return self.method.replace(
            format_shots(numbers), format_examples(numbers))

    @contextmanager
    def classifying_by(self, classifier: Classifier,
                       reading: ImageReading | None = None) -> Iterator[None]:
        """Use another classifier, and the old one again after an error."""
        head = self.model.decode_head
        before = head.classifier, self.reading
        head.classifier, self.reading = classifier, (
            self.reading if reading is None else reading)
        try:
            yield
        except BaseException:
            head.classifier, self.reading = before
            raise

    def load(self, path: StrPath) -> None:
        """Use the classes of a file from now on.

        The classifier is that of prototypes if the file holds nothing else.

        Raises:
            InputError: See :func:`open_bank` and :func:`suit`.
        """
        made_with, bank = open_bank(path)
        classifier = classifier_for(made_with, self.classifier)
        reading = self._stated or ImageReading.of(
            **made_with.get('reading', {}))
        with self.classifying_by(classifier, reading):
            # A bank does not depend on the matching of cells.
            self.use(suit(path, made_with, bank, {
                key: value for key, value in self.description.items()
                if key not in ('classifier', 'matching')},
                self.model.decode_head.channels))
        if classifier is not self.classifier:
            print_log(
                f'the bank {printable(path)} holds prototypes only, by which '
                'images are segmented now: fit the examples again to use '
                f'{type(self.classifier).__name__} with their second '
                'moments', logger='current', level=logging.WARNING)

    def shared(self) -> list:
        """Collect what :meth:`take` needs in another process, for pickle."""
        used = self.model.decode_head.classifier
        return [
            [one._replace(source=None) for one in self.bank.supports],
            self.bank.negatives, self.bank.negative_share, self.bank.adapted,
            None if used is self.classifier else used.settings()]

    def take(self, shared: list) -> None:
        """Use the classes that another process has :meth:`shared`."""
        *bank, other = shared
        with self.classifying_by(
                build_classifier(other) if other else self.classifier):
            self.use(PrototypeBank(*bank))

    @torch.no_grad()
    def use(self, bank: PrototypeBank) -> None:
        """Use the classes of a bank from now on."""
        head = self.model.decode_head
        # If the fit fails, the old classes remain.
        like = next(self.model.parameters())
        fitted = None
        if bank.classes:
            numbers = bank.num_images
            fitted = fit_classes(
                head.classifier, bank.statistics().each(
                    lambda one: one.to(like)), numbers, self.calibrate)
        head.fitted = fitted
        self.bank = bank
        self._set_dataset_meta()
        bank.weights_sha256 = self._described['weights_sha256']
        if not bank.classes:
            # Negatives are measured for the classifier in use.
            if not bank.negatives:
                head.classifier = self.classifier
            return
        said = self.words
        if said != self._said:
            self._said = said
            print_log(said, logger='current')

    def _set_dataset_meta(self) -> None:
        """Give the model what mmseg's ``show_result_pyplot`` reads."""
        classes = self.bank.classes
        self.model.dataset_meta = class_meta(
            classes, class_palette(classes, self.colours))

    @torch.no_grad()
    def views(self, images: Sequence[np.ndarray]) -> list[list[LogitMap]]:
        """Pass images through the model, in batches of equal size.

        Args:
            images (Sequence[np.ndarray]): (H, W, 3) uint8 BGR each.

        Returns:
            list[list[LogitMap]]: The views of each image, several if ``tta``
            is set.
        """
        groups: dict[tuple, list[int]] = {}
        for index, image in enumerate(images):
            groups.setdefault(image.shape, []).append(index)
        found: list[list[LogitMap]] = [[] for _ in images]
        for group in groups.values():
            for pipeline in self._pipelines:
                data = self.model.data_preprocessor(pseudo_collate([
                    pipeline(dict(img=images[index])) for index in group]))
                views = fitted_maps(self.model, data['inputs'], [
                    sample.metainfo for sample in data['data_samples']])
                for index, view in zip(group, views, strict=True):
                    found[index].append(view)
        return found


def _settings(name: str, given: bool | Mapping[str, Any],
              defaults: dict[str, Any]) -> dict[str, Any]:
    """Replace defaults by the settings of a user."""
    settings = defaults | (dict(given) if isinstance(given, Mapping) else {})
    for unknown in list(settings)[len(defaults):]:
        raise InputError(
            f'expected settings of {name} among {list(defaults)}, got '
            f'{unknown!r}')
    return settings


def _check_windows(crop_size: Any, stride: Any) -> None:
    """Refuse windows that are invalid or leave gaps."""
    for key, value in (('crop_size', crop_size), ('stride', stride)):
        if not isinstance(value, Sequence) or len(value) != 2 or not all(
                type(side) is int and side > 0 for side in value):
            raise InputError(
                f'expected {key} of slide as (height, width) in pixels, got '
                f'{value}')
    if stride[0] > crop_size[0] or stride[1] > crop_size[1]:
        raise InputError(
            f'expected a stride of slide up to its crop_size {crop_size}, '
            f'got {stride}, which would leave pixels out')
