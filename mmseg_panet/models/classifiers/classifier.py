"""What every method of few-shot classification has in common."""
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ..statistics import SupportStatistics


class Classifier(nn.Module):
    """A method: from the statistics of supports to a classifier of cells.

    A method inherits from it, is registered with ``MODELS`` and keeps its
    settings in attributes of their names. It defines :meth:`fit`, which makes
    a :class:`LinearClassifier`, or otherwise :meth:`logits`.

    Attributes:
        needs (tuple[str, ...]): What it reads beside areas and sums, of
            :data:`NEEDS`. Statistics with 'cells' grow with the pixels of
            the supports: a test then goes episode by episode.
        train_needs (tuple[str, ...] | None): The same in training, where
            statistics do not outlive a batch and cells are smaller than
            moments; None for ``needs``.
        own_settings (tuple[str, ...]): Settings that those of the head do
            not reach: its ``scale`` is a factor of similarities.
        unit_cells (bool): Whether the statistics are those of normalised
            cells.
        rank (int | None): Main axes of a support that its moments keep in
            evaluation, see :meth:`SupportStatistics.of_weights`; None for
            all.
        edges (dict | None): Settings of the :class:`EdgeFilter` of its
            logits where ``test_cfg`` has none, None to go without.
    """

    needs: tuple[str, ...] = ()
    train_needs: tuple[str, ...] | None = None
    own_settings: tuple[str, ...] = ()
    unit_cells: bool = False
    rank: int | None = None
    edges: dict[str, float] | None = None

    def fit(self, supports: SupportStatistics,
            shots: Sequence[int]) -> nn.Module:
        """Fit the classes of B episodes.

        Args:
            supports (SupportStatistics): (B, N) supports, the shots of a way
                next to each other; n is 2, background and own way. They have
                the dtype and the device of the features. In the alignment
                loss a mask may be empty. Supports after the last shot are
                negatives, see :func:`add_negatives`.
            shots (Sequence[int]): Supports of each way, N in all without
                the negatives.

        Returns:
            nn.Module: It is called with features (M, C, h, w), M a multiple
            of B, and returns logits (M, 1 + W, h, w); or with those of a
            single image, and returns (B, 1 + W, h, w).
        """
        if supports.shares is not None:
            raise InputError(
                f'{type(self).__name__} classifies by the supports of each '
                'way and does not know of negatives; remove them, or define '
                'fit with class_means or class_scatter')
        return FittedSupports(self, supports, shots)

    def logits(self, features: Tensor, supports: SupportStatistics,
               shots: Sequence[int]) -> Tensor:
        """Classify cells by the statistics themselves.

        Args:
            features (Tensor): (M, C, h, w), M / B images an episode.
            supports (SupportStatistics): See :meth:`fit`.
            shots (Sequence[int]): See :meth:`fit`.

        Returns:
            Tensor: (M, 1 + W, h, w).
        """
        raise TypeError(
            f'{type(self).__name__} defines neither fit nor logits; define '
            'fit as PrototypeClassifier does')

    @property
    def needs_now(self) -> tuple[str, ...]:
        """In training ``train_needs``, where there are any, else ``needs``."""
        if self.training and self.train_needs is not None:
            return self.train_needs
        return self.needs

    def settings(self) -> dict[str, Any]:
        """Type and arguments, as a config builds this method."""
        return {'type': type(self).__name__} | {
            name: getattr(self, name) for name in setting_names(type(self))}

    def describe(self, shots: Sequence[int]) -> str:
        """Say what classifies classes with some numbers of shots."""
        return f'{type(self).__name__} for {counted(shots)}'


class FittedSupports(nn.Module):
    """A method with the statistics that it classifies by.

    Args:
        method (Classifier): Its ``logits`` are called.
        supports (SupportStatistics): See :meth:`Classifier.fit`.
        shots (Sequence[int]): See :meth:`Classifier.fit`.
    """

    def __init__(self, method: Classifier, supports: SupportStatistics,
                 shots: Sequence[int]) -> None:
        super().__init__()
        # In a tuple, as its parameters are those of the head.
        self.method, self.shots = (method,), shots
        self.num_classes = 1 + len(shots)
        for name, tensor in supports.tensors().items():
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Classify features, see :meth:`Classifier.logits`."""
        supports = SupportStatistics(**dict(self.named_buffers()))
        if len(features) == 1:
            features = features.expand(len(supports.areas), -1, -1, -1)
        return self.method[0].logits(features, supports, self.shots)


def counted(shots: Sequence[int]) -> str:
    """Say how many ways and shots there are, such as '1 way, 5 shots'."""
    few, most = min(shots), max(shots)
    return (f"{len(shots)} way{'s' * (len(shots) > 1)}, "
            f"{few if few == most else f'{few} to {most}'} "
            f"shot{'s' * (most > 1)}")


def setting_names(kind: type[Classifier]) -> list[str]:
    """Names of the arguments of a method."""
    return [
        name for name, one in signature(kind).parameters.items()
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]


def build_classifier(config: dict | str | None,
                     **settings: Any) -> Classifier:
    """Build the classifier of a head.

    Args:
        config (dict | str, optional): A registered :class:`Classifier`, or
            'auto' for :class:`AutoClassifier`. Defaults to
            :class:`PrototypeClassifier`.
        **settings (Any): Settings of the head that are passed on to a
            classifier that has them, None for what is not given; those in
            the config go before.

    Raises:
        InputError: If the type is another one, or keeps a setting under
            another name.
    """
    if config == 'auto':
        config = dict(type='AutoClassifier')
    config = config or dict(type='PrototypeClassifier')
    if not isinstance(config, Mapping) or 'type' not in config:
        raise InputError(
            "expected classifier as 'auto' or a dict with a type, got "
            f'{config!r}')
    config = dict(config)
    kind = config['type']
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    if not isinstance(kind, type) or not issubclass(kind, Classifier):
        raise InputError(
            'expected a registered subclass of Classifier as classifier, got '
            f'{config}; PrototypeClassifier is one')
    given = {
        name: value for name, value in settings.items()
        if value is not None and name in setting_names(kind)
        and name not in kind.own_settings}
    built = MODELS.build(given | config)
    lacking = [
        name for name in setting_names(kind) if not hasattr(built, name)]
    if lacking:
        raise InputError(
            f'expected {kind.__name__} to keep its settings in attributes of '
            f'their names, which describe it in banks, got no {lacking}; set '
            'them in __init__')
    return built
