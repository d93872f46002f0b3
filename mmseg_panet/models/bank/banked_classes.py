"""The classes of a bank as a part of a model."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from ...annotations.class_colours import class_meta, class_palette
from ...annotations.class_list import BACKGROUND, check_class_name
from ...errors import InputError
from ...files import StrPath
from ...wording import counted
from ..classifiers import Classifier
from ..statistics import SupportStatistics
from ..temperature import calibrate

_TENSORS = tuple(one.name for one in fields(SupportStatistics))
_NUMBERS = {'shots': torch.long, 'unit_cells': torch.long,
            'names': torch.uint8}


def fit_classes(classifier: Classifier, statistics: SupportStatistics,
                num_images: Sequence[int],
                calibrated: bool = True) -> nn.Module:
    """Fit a classifier to all classes of a bank.

    Args:
        classifier (Classifier): Classifier of a head.
        statistics (SupportStatistics): Statistics (N,) of
            :meth:`PrototypeBank.statistics` in the dtype and on the device
            of the features.
        num_images (Sequence[int]): Number of images of each class.
        calibrated (bool): Whether to set the temperature, see
            :func:`calibrate`. Defaults to True.

    Returns:
        nn.Module: Fitted classes, see :meth:`Classifier.fit`.
    """
    supports = statistics.each(lambda one: one[None])
    fitted = classifier.fit(supports, num_images)
    if calibrated:
        calibrate(
            fitted, supports.class_means(num_images), classifier.unit_cells)
    return fitted


class BankedClasses(nn.Module):
    """Classes and the statistics of their supports, as buffers of a model.

    A checkpoint of the model contains the statistics, so that it needs no
    bank. They are float32, whatever the dtype of the model is.

    Args:
        classes (Sequence[str]): Names of the labels 1..W.
        palette (Sequence[Sequence[int]], optional): RGB colours of the
            background and of the classes, 0..255. Defaults to the colours of
            the inferencer, see :func:`class_palette`.

    Attributes:
        shots (Tensor): Number of images of each class, (W,); empty until
            there are statistics.
        unit_cells (Tensor | None): Whether the statistics are those of unit
            cells, 0 or 1; None if it is not known.
        names (Tensor | None): The classes of the statistics, as the UTF-8
            bytes of their lines; None if they are not known.
        path (str | os.PathLike | None): File of the bank, if it was read
            from one.
        made_with (Mapping): Description of the model that the file was made
            with.
        is_checked (bool): Whether the weights of the model are known to be
            those that the file was made with.

    Raises:
        InputError: If a name or the number of colours is invalid.
    """

    shots: Tensor
    unit_cells: Tensor | None
    names: Tensor | None

    def __init__(self, classes: Sequence[str],
                 palette: Sequence[Sequence[int]] | None = None) -> None:
        super().__init__()
        if isinstance(classes, str) or not classes or (
                len(set(classes)) < len(classes)):
            raise InputError(
                'expected classes of the bank of a head as a list of '
                f'different names, got {classes!r}; correct them')
        for name in classes:
            check_class_name(name, 'the bank of a head')
        if palette is not None and len(palette) != 1 + len(classes):
            named = counted(len(classes), 'class', 'classes')
            raise InputError(
                'expected palette of the bank of a head with the colours of '
                f'the background and {named}, got {len(palette)}; correct '
                'it, or leave it out')
        self.classes = tuple(classes)
        self._palette = palette
        self.path: StrPath | None = None
        self.made_with: Mapping[str, Any] = {}
        self.is_checked = False
        self.register_buffer('shots', torch.zeros(0, dtype=torch.long))
        self.register_buffer('unit_cells', None)
        self.register_buffer('names', None)

    @property
    def dataset_meta(self) -> dict[str, Any]:
        """The ``classes``, background first, and their ``palette``."""
        if self._palette is None:
            return class_meta(self.classes, class_palette(self.classes))
        return dict(
            classes=(BACKGROUND, *self.classes),
            palette=[list(colour) for colour in self._palette])

    @property
    def is_empty(self) -> bool:
        """Whether the statistics have not been loaded."""
        return not len(self.shots)

    def set(self, statistics: SupportStatistics, shots: Sequence[int],
            unit_cells: bool) -> None:
        """Set the statistics of the supports.

        Args:
            statistics (SupportStatistics): Statistics (N,), see
                :meth:`PrototypeBank.statistics`.
            shots (Sequence[int]): Number of images of each class.
            unit_cells (bool): Whether they are those of unit cells.
        """
        self._set_buffers(statistics.tensors() | {
            'shots': torch.tensor(shots),
            'unit_cells': torch.tensor(int(unit_cells)),
            'names': torch.tensor(list('\n'.join(self.classes).encode()))})

    def _set_buffers(self, tensors: Mapping[str, Tensor]) -> None:
        device = self.shots.device
        for name in (*_TENSORS, *_NUMBERS):
            if name not in tensors:
                self.register_buffer(name, None)
                continue
            dtype = _NUMBERS.get(name, torch.float32)
            self.register_buffer(name, tensors[name].to(device, dtype))

    def fit(self, classifier: Classifier, channels: int,
            dtype: torch.dtype) -> nn.Module:
        """Fit a classifier to the classes, see :func:`fit_classes`.

        Args:
            classifier (Classifier): Classifier of the head.
            channels (int): Number of channels C of the features. Without
                statistics, the classes are fitted to zeros, so that the
                number of operations can be counted.
            dtype (torch.dtype): Dtype of the features.

        Returns:
            nn.Module: Fitted classes, see :meth:`Classifier.fit`.

        Raises:
            InputError: If the statistics are those of other features.
        """
        if self.is_empty:
            number = len(self.classes)
            statistics = SupportStatistics.from_weights(
                torch.zeros(number, channels, 1, 1, device=self.shots.device),
                torch.ones(number, 2, 1, 1, device=self.shots.device),
                classifier.needs, classifier.unit_cells, classifier.rank)
            shots = [1] * number
        else:
            shots = self.shots.tolist()
            statistics = SupportStatistics(**{
                name: one for name, one in self.named_buffers()
                if name in _TENSORS})
            self._check(statistics, shots, classifier, channels)
        return fit_classes(
            classifier, statistics.each(lambda one: one.to(dtype)), shots)

    def _check(self, statistics: SupportStatistics, shots: Sequence[int],
               classifier: Classifier, channels: int) -> None:
        """Refuse statistics that a changed config does not fit."""
        unit, names = classifier.unit_cells, list(self.classes)
        for what, wanted, got in (
                ('classes', len(names), len(shots)),
                ('classes', names, names if self.names is None
                  else bytes(self.names.tolist()).decode(
                     errors='replace').split('\n')),
                ('channels', channels, statistics.sums.shape[-1]),
                ('statistics', set(classifier.needs),
                 set(classifier.needs) & set(statistics.tensors())),
                ('unit cells', unit, unit if self.unit_cells is None
                 else bool(self.unit_cells))):
            if wanted != got:
                raise InputError(
                    f'expected {what} of {wanted} in the bank of a head, got '
                    f'{got}; use the config that was written with the '
                    'checkpoint, or run `mmseg-panet bank-to-model` again')

    def _apply(self, fn: Callable, *args: Any, **kwargs: Any
               ) -> 'BankedClasses':
        """Move the buffers without changing their dtype."""
        for name, one in self._buffers.items():
            if one is not None:
                self._buffers[name] = one.to(fn(one).device)
        return self

    def _load_from_state_dict(
            self, state_dict: Mapping[str, Tensor], prefix: str,
            local_metadata: dict, strict: bool, missing_keys: list[str],
            unexpected_keys: list[str], error_msgs: list[str]) -> None:
        """Load statistics of any number of supports.

        A bank that was read from a file remains, as the config names it.
        """
        self.is_checked = False
        if self.path is not None:
            return
        found = {
            name: state_dict[prefix + name] for name in (*_TENSORS, *_NUMBERS)
            if prefix + name in state_dict}
        lacking = {'areas', 'sums', 'shots'} - found.keys()
        if lacking:
            missing_keys += [prefix + name for name in sorted(lacking)]
        else:
            self._set_buffers(found)
