"""The classifier for a bank, by the statistics that it holds."""
from collections.abc import Mapping
from typing import Any

from ...errors import check_number
from ..classifiers import Classifier, PrototypeClassifier, build_classifier


def classifier_for(made_with: Mapping[str, Any],
                   wanted: Classifier) -> Classifier:
    """Choose the classifier for a bank.

    Banks that hold only prototypes have sums of raw cells and no second
    moments. They are still classified by prototypes.

    Args:
        made_with (Mapping[str, Any]): Description of the model that the bank
            was made with, see :func:`describe_model`.
        wanted (Classifier): The classifier that was chosen.

    Returns:
        Classifier: The chosen one, or a :class:`PrototypeClassifier` if it
        needs moments and the bank holds only prototypes.

    Raises:
        InputError: If the settings in the bank are invalid for prototypes.
    """
    if 'moments' not in wanted.needs or (
            made_with.get('needs') or made_with.get('cells', 'raw') != 'raw'):
        return wanted
    usual = PrototypeClassifier.__name__
    same = made_with.get('classifier', usual) == usual
    matching = made_with.get('matching') if same else None
    settings = matching if isinstance(matching, Mapping) else {}
    check_number('scale of a bank', settings.get('scale', 1))
    return build_classifier(dict(type=usual), **settings)
