"""A decode head that holds the classes of a bank."""
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from ..errors import InputError
from ..files import StrPath
from .bank.bank_classifier import classifier_for
from .bank.bank_file import open_bank, suit
from .bank.banked_classes import BankedClasses
from .bank.description import describe_classifier, describe_pooling
from .classifiers import Classifier, build_classifier
from .precision import full_precision


class BankedHead(BaseDecodeHead):
    """The part of a few-shot head that holds fitted classes.

    Attributes:
        fitted (nn.Module | None): Classes that are fitted.
        bank (BankedClasses | None): Classes of the argument ``bank`` of the
            head, which ``fitted`` is fitted to.
        channels (int): C, the number of channels of the features.
    """

    fitted: nn.Module | None
    bank: BankedClasses | None
    classifier: Classifier
    channels: int
    pool_at: str
    features: Callable[[Sequence[Tensor]], Tensor]
    match: Callable[[Tensor, nn.Module], Tensor]
    _dtype = torch.float32  # of the features: float32 or float64

    def hold(self, bank: StrPath | Mapping[str, Any],
             classifier_of_file: bool = False) -> None:
        """Hold the classes of a bank.

        The head then has the number of classes of the bank, and is used like
        any other head of mmseg.

        Args:
            bank (str | os.PathLike | Mapping): File of
                ``mmseg-panet fit``; or a dict with ``classes`` and
                ``palette``, see :class:`BankedClasses`, whose statistics are
                loaded from a checkpoint.
            classifier_of_file (bool): Whether to use the classifier that the
                file names. Defaults to False.

        Raises:
            InputError: If the bank cannot be read, or if it was made with
                another pooling, other features or another classifier that
                needs other statistics.
        """
        self.bank = (
            self._described(bank) if isinstance(bank, Mapping)
            else self._read(bank, classifier_of_file))
        self.num_classes = self.out_channels = 1 + len(self.bank.classes)
        self.register_load_state_dict_post_hook(_fit_bank)
        self.fit_bank()

    def _described(self, bank: Mapping[str, Any]) -> BankedClasses:
        unknown = sorted({*bank} - {'classes', 'palette'})
        if unknown or 'classes' not in bank:
            raise InputError(
                'expected the bank of a head as a file or as a dict with '
                f'classes and palette, got {dict(bank)}; correct it')
        return BankedClasses(**bank)

    def _read(self, path: StrPath, classifier_of_file: bool) -> BankedClasses:
        made_with, bank = open_bank(path)
        if classifier_of_file and made_with.get('classifier'):
            self.classifier = build_classifier(dict(
                made_with.get('matching') or {},
                type=made_with['classifier']))
        self.classifier = classifier_for(made_with, self.classifier)
        needed = describe_classifier(self.classifier)
        # Weights and preprocessing are unknown to a head.
        bank = suit(path, made_with, bank, made_with | describe_pooling(
            self) | {key: needed[key] for key in ('cells', 'needs', 'rank')},
            self.channels)
        classes = BankedClasses(bank.classes)
        classes.set(
            bank.statistics(), bank.num_images, self.classifier.unit_cells)
        classes.path, classes.made_with = path, made_with
        return classes

    @torch.no_grad()
    def fit_bank(self) -> None:
        """Fit the classifier to the classes of the bank, if there is one."""
        if self.bank is not None:
            self.fitted = self.bank.fit(
                self.classifier, self.channels, self._dtype)

    def _apply(self, fn: Callable, *args: Any, **kwargs: Any) -> 'BankedHead':
        """Fit the classes again on another device or in another dtype."""
        if self.bank is None:
            return super()._apply(fn, *args, **kwargs)
        dtype = fn(torch.zeros(0, device=self.bank.shots.device)).dtype
        self.fitted = None
        super()._apply(fn, *args, **kwargs)
        self._dtype = torch.promote_types(dtype, torch.float32)
        self.fit_bank()
        return self

    @full_precision
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify features by the fitted classes.

        Args:
            inputs (Sequence[Tensor]): Outputs of the backbone, each
                (N, C, h, w).

        Returns:
            Tensor: Logits (N, 1 + W, h, w), background first.

        Raises:
            RuntimeError: If no classes are fitted.
        """
        if self.fitted is None:
            raise RuntimeError(
                f'{type(self).__name__} has no prototypes yet: call fit('
                'feats, data_samples) or FewShotInferencer.fit first, or '
                'give FewShotSegmentor complete episodes (EpisodicDataset)')
        return self.match(self.features(inputs), self.fitted)

    def predict(self, inputs: Sequence[Tensor], *args: Any) -> Tensor:
        """Classify features as mmseg does, see :meth:`forward`.

        Raises:
            InputError: If the statistics of the bank were not loaded.
        """
        self.require_statistics()
        return super().predict(inputs, *args)

    def require_statistics(self) -> None:
        """Refuse a bank whose statistics no checkpoint has contained.

        Raises:
            InputError: If the bank has classes but no statistics.
        """
        if self.bank is not None and self.bank.is_empty:
            raise InputError(
                'expected a checkpoint with the statistics of the classes '
                f'{list(self.bank.classes)}, got none; load the checkpoint '
                'that `mmseg-panet bank-to-model` wrote with this config')


def _fit_bank(head: BankedHead, _: Any) -> None:
    head.fit_bank()
