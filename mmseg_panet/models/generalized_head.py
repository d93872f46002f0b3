"""A closed-set head of mmseg with novel classes beside its own."""
from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError, check_choice
from .few_shot_head import FewShotHead
from .precision import at_least_float32, check_finite, full_precision
from .statistics import SupportStatistics, join, stack

BASE_BY = ('statistics', 'weights')


@MODELS.register_module()
class GeneralizedHead(FewShotHead):
    """A head that answers for trained base classes and novel classes at once.

    It contains a head of mmseg, which is trained on the base classes as
    usual. A cell is the input of its last layer, ``conv_seg``. A
    :class:`Classifier` is fitted to the cells of the novel classes' supports
    and, after :meth:`fit_base`, to those of the base classes' training
    images. Its logits ``y`` of the base classes b and novel classes n
    classify all of them if ``base_by`` is 'statistics'. With 'weights', the
    trained logits ``z`` divide the base classes' share instead:

        log p(b) = logsumexp_b(y) + log_softmax(z)_b,   log p(n) = y_n

    up to a constant. Without :meth:`fit_base`, the background of the novel
    supports takes the place of the base classes in ``y``, which needs no
    training images, but is less accurate.

    Labels are those of the closed-set head, and then the novel classes.
    Weights of a checkpoint of a closed-set model of mmseg, whose
    ``decode_head`` is the inner head, are loaded, too.

    Args:
        head (dict): Config of the closed-set head, any ``BaseDecodeHead``
            whose ``forward`` ends with ``cls_seg``.
        base_by (str): 'weights' or 'statistics', which needs
            :meth:`fit_base`. Defaults to 'statistics'.
        classifier, scale, distance, pool_at: See :class:`FewShotHead`.

    Attributes:
        base (SupportStatistics | None): Statistics of the base classes, see
            :meth:`fit_base`.

    Raises:
        InputError: If the head has no ``conv_seg`` with a channel for each
            class, or an argument is unknown.
    """

    def __init__(self, head: dict, base_by: str = 'statistics',
                 classifier: dict | str | None = None,
                 scale: float | None = None, distance: str | None = None,
                 pool_at: str = 'image') -> None:
        check_choice('base_by', base_by, BASE_BY)
        inner = MODELS.build(head)
        conv = getattr(inner, 'conv_seg', None)
        if not isinstance(inner, BaseDecodeHead) or not isinstance(
                conv, nn.Conv2d) or conv.out_channels != inner.num_classes:
            raise InputError(
                'expected as head of GeneralizedHead a decode head of mmseg '
                'whose conv_seg has an output for each class, such as '
                f'FCNHead, got {type(inner).__name__}; give another head')
        super().__init__(
            conv.in_channels, classifier=classifier, scale=scale,
            distance=distance, pool_at=pool_at,
            align_corners=inner.align_corners,
            ignore_index=inner.ignore_index)
        self.head = inner
        self.base_by = base_by
        self.num_classes = self.out_channels = inner.num_classes
        self.base: SupportStatistics | None = None

    def rename_closed_set(self, weights: dict[str, Any],
                          prefix: str = 'decode_head.') -> None:
        """Rename the weights of a closed-set head to those of this head.

        Args:
            weights (dict[str, Any]): Weights of a model by their keys, which
                are changed in place. Other keys remain.
            prefix (str): Prefix of the keys of the head. Defaults to
                'decode_head.'.
        """
        for key in self.head.state_dict():
            if prefix + key in weights:
                weights[f'{prefix}head.{key}'] = weights.pop(prefix + key)

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args: Any, **kwargs: Any) -> None:
        self.rename_closed_set(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def loss(self, inputs: Sequence[Tensor],
             batch_data_samples: Sequence[SegDataSample],
             train_cfg: Any) -> dict[str, Tensor]:
        """Compute the losses of the closed-set head.

        Args:
            inputs (Sequence[Tensor]): Outputs of the backbone, each
                (N, C, h, w).
            batch_data_samples (Sequence[SegDataSample]): Samples of N
                images, with labels of the background and the base classes.
            train_cfg (dict, optional): Passed to the closed-set head.

        Returns:
            dict[str, Tensor]: Losses, and the accuracy in percent.
        """
        return self.head.loss(inputs, batch_data_samples, train_cfg)

    def features(self, inputs: Sequence[Tensor]) -> Tensor:
        """Compute the inputs (N, C, h, w) of ``conv_seg`` in float32."""
        cells: list[Tensor] = []
        with self.head.conv_seg.register_forward_pre_hook(
                lambda _, args: cells.append(args[0])):
            self.head(inputs)
        features = at_least_float32(cells[-1])
        return features if self.training else check_finite(features)

    @full_precision
    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Classify features by the base classes and the fitted classes.

        Args:
            inputs (Sequence[Tensor]): Outputs of the backbone, each
                (N, C, h, w).

        Returns:
            Tensor: Logits (N, B + W, h, w) of the B classes of the
            closed-set head and the W novel ones. Before :meth:`fit`, they
            are those of the closed-set head, (N, B, h, w).
        """
        features = self.features(inputs)
        if self.fitted is None:
            return self.head.conv_seg(features)
        return self.match(features, self.fitted)

    @full_precision
    def match(self, features: Tensor, fitted: nn.Module) -> Tensor:
        """Classify features, see :class:`GeneralizedHead`.

        Args:
            features (Tensor): Features (N, C, h, w).
            fitted (nn.Module): Result of :meth:`fit_classes`.

        Returns:
            Tensor: Logits (N, B + W, h, w).
        """
        logits = fitted(features)
        if self.base is not None and self.base_by == 'statistics':
            return logits
        number = 1 if self.base is None else self.num_classes
        share = logits[:, :number].logsumexp(1, keepdim=True)
        own = self.head.conv_seg(features).log_softmax(1)
        return torch.cat([share + own, logits[:, number:]], 1)

    def fit_base(self, base: SupportStatistics | None) -> None:
        """Set the statistics of the base classes.

        Args:
            base (SupportStatistics, optional): Statistics of all training
                images together, with n = B in the order of the labels; None
                to remove them.

        Raises:
            InputError: If the number of classes is wrong, if a class has no
                pixels, or if the classifier uses main axes.
        """
        if base is not None:
            self._check_base(base)
        self.base = base

    def _check_base(self, base: SupportStatistics) -> None:
        classifier = self.classifier
        if 'moments' in classifier.needs and classifier.rank is not None:
            raise InputError(
                'expected rank=None of the classifier of GeneralizedHead with '
                'statistics of base classes, which are sums over images, got '
                f'rank={classifier.rank}; set rank=None')
        if base.areas.shape != (self.num_classes,):
            raise InputError(
                f'expected statistics of the {self.num_classes} classes '
                f'of the closed-set head, got {tuple(base.areas.shape)}')
        empty = (base.areas <= 0).nonzero().flatten().tolist()
        if empty:
            raise InputError(
                'expected pixels of every class of the closed-set head in '
                f'the training images, got none of the labels {empty}; add '
                'images, or set base_statistics=False in test_cfg')

    def fit_classes(self, supports: SupportStatistics,
                    shots: Sequence[int]) -> nn.Module:
        """Fit the novel classes, together with the base classes.

        Each base class is a way of one support. The background of the novel
        supports is replaced with that of the training images, as it shows
        base classes, which are not annotated there.

        Args:
            supports (SupportStatistics): Statistics (E, N) of the novel
                classes with n = 2, see :meth:`Classifier.fit`.
            shots (Sequence[int]): Numbers of supports of the novel classes.

        Returns:
            nn.Module: Classifier of B + W classes, or of 1 + W without
            :meth:`fit_base`, see :meth:`Classifier.fit`.
        """
        if self.base is None:
            return super().fit_classes(supports, shots)
        episodes, number = supports.areas.shape[:2]
        base = self.base.each(lambda one: one.to(supports.sums))
        ways = stack([
            base.masks([0, label]) for label in range(1, self.num_classes)]
        ).each(lambda one: one.expand(episodes, *one.shape))
        background = base.masks([0]).each(
            lambda one: one.expand(episodes, number, *one.shape))
        novel = join([background, supports.masks([1])]).tensors()
        return super().fit_classes(SupportStatistics(**{
            name: torch.cat([one, novel[name]], 1)
            for name, one in ways.tensors().items()
        }), [1] * (self.num_classes - 1) + list(shots))

    def predict_episodes(self, *_: Any, **__: Any) -> Tensor:
        """Refuse episodes, whose labels do not have the base classes."""
        raise InputError(
            'expected images of a GeneralizedDataset for a GeneralizedHead, '
            'whose labels begin with its base classes, got episodes; test it '
            'by GeneralizedTestLoop, as configs/generalized does')
