"""The classifier that a user chooses for a config."""
from mmengine.config import Config, ConfigDict

from ..errors import InputError
from ..models.classifiers import build_classifier
from .build_errors import build_errors


def classifier_config(wanted: dict | str) -> dict | str:
    """Return the ``classifier`` setting of a head for a user's choice.

    Args:
        wanted (dict | str): 'auto', the name of a registered
            :class:`Classifier`, which then has its default settings, or the
            config of one.
    """
    named = isinstance(wanted, str) and wanted != 'auto'
    return dict(type=wanted) if named else wanted


def set_classifier(cfg: Config, wanted: dict | str) -> None:
    """Set the classifier of the head of a config.

    Args:
        cfg (Config): Config to change in place. ``scale`` and ``distance`` of
            the head also apply to a classifier by similarities.
        wanted (dict | str): Choice of the user, see
            :func:`classifier_config`. 'config' changes nothing.

    Raises:
        InputError: If there is no such classifier, or if the model has no
            ``decode_head``.
    """
    if wanted == 'config':
        return
    classifier = classifier_config(wanted)
    with build_errors(dict(classifier=classifier)):
        build_classifier(classifier)  # It raises before a Runner is built.
    head = cfg.get('model', {}).get('decode_head')
    if not isinstance(head, ConfigDict):
        raise InputError(
            f'expected a model with a decode_head in {cfg.filename}, got '
            f'{head}; give one of `mmseg-panet --list-configs`')
    head.classifier = classifier
