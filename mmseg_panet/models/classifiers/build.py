"""Building a classifier of a head."""
from mmseg.registry import MODELS

from ...errors import InputError
from .classifier import Classifier


def build_classifier(config: dict | None,
                     **settings: float | str | None) -> Classifier:
    """Build the classifier of a head, or PANet's.

    Args:
        config (dict, optional): A registered :class:`Classifier`. Defaults
            to :class:`PrototypeClassifier`.
        **settings (float | str | None): Those of the default, None for what
            is not given.

    Raises:
        InputError: If the type is another one, or both are given.
    """
    given = {
        name: value for name, value in settings.items() if value is not None}
    if config is not None and given:
        raise InputError(
            f'expected {" and ".join(given)} as a setting of classifier, got '
            f'it beside classifier={config}; move it there')
    if config is None:
        config = dict(type='PrototypeClassifier', **given)
    built = MODELS.build(config)
    if not isinstance(built, Classifier):
        raise InputError(
            'expected a registered subclass of Classifier as classifier, got '
            f'{config}; PrototypeClassifier is one')
    return built
