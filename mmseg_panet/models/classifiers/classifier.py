"""The base class of the methods of few-shot classification."""
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

from mmseg.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError, nearest_first
from ...wording import counted
from ..statistics import NEEDS, SupportStatistics


class Classifier(nn.Module):
    """The base of methods that fit a classifier of cells to supports.

    A method is a subclass that is registered in ``MODELS`` and stores its
    arguments in attributes of the same names. It defines :meth:`fit`, which
    returns a :class:`LinearClassifier`, or else :meth:`logits`.

    Attributes:
        needs (tuple[str, ...]): Statistics of :data:`NEEDS` that the method
            requires besides areas and sums. Statistics with 'cells' grow
            with the size of the supports, so that a test is done episode by
            episode.
        train_needs (tuple[str, ...] | None): ``needs`` in training, where
            statistics are not stored, and cells are smaller than moments.
            None is the same as ``needs``.
        own_settings (tuple[str, ...]): Arguments that are not set by the
            head, although it has an argument of that name. The ``scale`` of
            the head is a factor of similarities.
        unit_cells (bool): Whether the statistics are those of normalised
            cells.
        rank (int | None): Number of main axes of the moments in evaluation,
            see :meth:`SupportStatistics.from_weights`; None for all channels.
        edges (dict | None): Arguments of the :class:`EdgeFilter` of the
            logits, unless ``test_cfg`` has ``edges``; None for no filter.
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
            supports (SupportStatistics): Statistics with the leading
                dimensions (B, N), way by way, and n = 2, background and way.
                They have the dtype and the device of the features. In the
                alignment loss, a mask may be empty. Supports after the last
                shot are negatives, see :func:`add_negatives`.
            shots (Sequence[int]): Numbers of supports of the ways, N in
                total without the negatives.

        Returns:
            nn.Module: Module that maps features (M, C, h, w) to logits
            (M, 1 + W, h, w), where M is a multiple of B; or the features of
            a single image to logits (B, 1 + W, h, w).

        Raises:
            InputError: If there are negatives, which ``logits`` cannot use.
        """
        if supports.shares is not None:
            raise InputError(
                f'{type(self).__name__} classifies by the supports of each '
                'way and does not support negatives; remove them, or define '
                'fit with class_means or class_scatter')
        return FittedSupports(self, supports, shots)

    def logits(self, features: Tensor, supports: SupportStatistics,
               shots: Sequence[int]) -> Tensor:
        """Classify cells directly by the statistics.

        Args:
            features (Tensor): Features (M, C, h, w) of M / B images per
                episode.
            supports (SupportStatistics): Statistics, see :meth:`fit`.
            shots (Sequence[int]): Numbers of supports, see :meth:`fit`.

        Returns:
            Tensor: Logits (M, 1 + W, h, w).
        """
        raise TypeError(
            f'{type(self).__name__} defines neither fit nor logits; define '
            'fit as PrototypeClassifier does')

    @property
    def needs_now(self) -> tuple[str, ...]:
        """``train_needs`` in training if they are set, or else ``needs``."""
        if self.training and self.train_needs is not None:
            return self.train_needs
        return self.needs

    def settings(self) -> dict[str, Any]:
        """Return the config, type and arguments, that builds this method."""
        return {'type': type(self).__name__} | {
            name: getattr(self, name) for name in setting_names(type(self))}

    def describe(self, shots: Sequence[int]) -> str:
        """Describe the method for classes with these numbers of shots."""
        return f'{type(self).__name__} for {format_shots(shots)}'


class FittedSupports(nn.Module):
    """A method together with the statistics that it classifies by.

    Args:
        method (Classifier): Method whose ``logits`` are called.
        supports (SupportStatistics): Statistics, see :meth:`Classifier.fit`.
        shots (Sequence[int]): Numbers of supports, see
            :meth:`Classifier.fit`.
    """

    def __init__(self, method: Classifier, supports: SupportStatistics,
                 shots: Sequence[int]) -> None:
        super().__init__()
        # In a tuple, so that the head's parameters are not registered again.
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


def format_shots(shots: Sequence[int]) -> str:
    """Format the numbers of ways and shots.

    Args:
        shots (Sequence[int]): Numbers of shots of the ways.

    Returns:
        str: Text for messages.

    Example:
        >>> format_shots([1, 5])
        '2 ways, 1 to 5 shots'
    """
    few, most = min(shots), max(shots)
    span = '' if few == most else f'{few} to '
    return f"{counted(len(shots), 'way')}, {span}{counted(most, 'shot')}"


def setting_names(kind: type[Classifier]) -> list[str]:
    """List the names of the arguments of a method."""
    return [
        name for name, one in signature(kind).parameters.items()
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]


def registered_classifiers() -> list[str]:
    """List the names of the registered classifiers, without base classes."""
    registries = [MODELS, *MODELS.children.values()]
    if MODELS.parent is not None:
        registries.append(MODELS.parent)
    return sorted({
        name for registry in registries
        for name, kind in registry.module_dict.items()
        if isinstance(kind, type) and issubclass(kind, Classifier)})


def build_classifier(config: dict | str | None,
                     **settings: Any) -> Classifier:
    """Build the classifier of a head.

    Args:
        config (dict | str, optional): Config of a registered
            :class:`Classifier`, or 'auto' for :class:`AutoClassifier`.
            Defaults to :class:`PrototypeClassifier`.
        **settings (Any): Arguments of the head, which are passed to a
            classifier that has them; None for those that are not set. The
            config takes precedence.

    Returns:
        Classifier: The classifier.

    Raises:
        InputError: If the type is not a classifier, does not store an
            argument in the attribute of its name, or see
            :func:`check_interface`.

    Example:
        >>> classifier = build_classifier(dict(type='PrototypeClassifier'))
        >>> classifier.settings()['scale']
        20.0
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
        names = nearest_first(str(config['type']), registered_classifiers())
        raise InputError(
            'expected a registered subclass of Classifier as classifier, got '
            f"{config['type']!r}; give one of {', '.join(names)}")
    given = {
        name: value for name, value in settings.items()
        if value is not None and name in setting_names(kind)
        and name not in kind.own_settings}
    built = MODELS.build(given | config)
    lacking = [
        name for name in setting_names(kind) if not hasattr(built, name)]
    if lacking:
        raise InputError(
            f'expected {kind.__name__} to store its arguments in attributes '
            f'of the same names, which banks record, got no {lacking}; set '
            'them in __init__')
    check_interface(built)
    return built


def check_interface(classifier: Classifier) -> None:
    """Check what a method defines, before its first use.

    Args:
        classifier (Classifier): The method.

    Raises:
        InputError: If it defines neither ``fit`` nor ``logits``, or if one of
            the attributes of :class:`Classifier` has an invalid value.
    """
    kind, rank = type(classifier), classifier.rank
    if kind.fit is Classifier.fit and kind.logits is Classifier.logits:
        raise InputError(
            f'expected {kind.__name__} to define fit or logits, got neither; '
            'define fit as PrototypeClassifier does')
    for name in ('needs', 'train_needs'):
        asked = getattr(classifier, name)
        if asked is not None and (
                not isinstance(asked, tuple) or not set(asked) <= set(NEEDS)):
            raise InputError(
                f'expected {name} of {kind.__name__} as a tuple of '
                f'{list(NEEDS)}, got {asked!r}')
    if rank is not None and (not isinstance(rank, int) or rank < 1):
        raise InputError(
            f'expected rank of {kind.__name__} as None or a number of axes of '
            f'1 or more, got {rank!r}')
