"""Which classifier a user asks for."""
from mmengine.config import Config, ConfigDict

from ..errors import InputError
from ..models.classifiers import build_classifier


def classifier_config(wanted: dict | str) -> dict | str:
    """Make the ``classifier`` of a head of what a user writes.

    Args:
        wanted (dict | str): 'auto', the name of a registered
            :class:`Classifier` for its default settings, or a dict of one.
    """
    named = isinstance(wanted, str) and wanted != 'auto'
    return dict(type=wanted) if named else wanted


def set_classifier(cfg: Config, wanted: dict | str) -> None:
    """Give the head of a config another classifier.

    Args:
        cfg (Config): Changed in place. ``scale`` and ``distance`` of the
            head reach classifiers by similarities.
        wanted (dict | str): See :func:`classifier_config`; 'config'
            changes nothing.

    Raises:
        InputError: If there is no such classifier, or no head.
    """
    if wanted == 'config':
        return
    classifier = classifier_config(wanted)
    build_classifier(classifier)  # Refused here, not when a Runner is made.
    head = cfg.get('model', {}).get('decode_head')
    if not isinstance(head, ConfigDict):
        raise InputError(
            f'expected a model with a decode_head in {cfg.filename}, got '
            f'{head}; configs/panet has such models')
    head.classifier = classifier
