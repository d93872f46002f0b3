"""Building the classifier of a head."""
from inspect import signature
from typing import Any

from mmseg.registry import MODELS

from ...errors import InputError
from .classifier import Classifier


def build_classifier(config: dict | None, **settings: Any) -> Classifier:
    """Build the classifier of a head.

    Args:
        config (dict, optional): A registered :class:`Classifier`. Defaults
            to :class:`PrototypeClassifier`.
        **settings (Any): Settings of the head that are passed on, None for
            what is not given; those in the config go before.

    Raises:
        InputError: If the type is another one, or has no such setting.
    """
    config = dict(config or dict(type='PrototypeClassifier'))
    kind = config['type']
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    if not isinstance(kind, type) or not issubclass(kind, Classifier):
        raise InputError(
            'expected a registered subclass of Classifier as classifier, got '
            f'{config}; PrototypeClassifier is one')
    given = {
        name: value for name, value in settings.items() if value is not None}
    unknown = set(given) - set(signature(kind).parameters)
    if unknown:
        raise InputError(
            f'expected no {" and ".join(sorted(unknown))} of the head beside '
            f'the classifier {kind.__name__}, which has no such setting; '
            'leave it out, or set it to None')
    return MODELS.build(given | config)
