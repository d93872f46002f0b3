"""Which classifier fits what a bank holds."""
from collections.abc import Mapping
from typing import Any

from ...errors import check_number
from ...models import Classifier, PrototypeClassifier
from ...models.classifiers import build_classifier


def classifier_for(made_with: Mapping[str, Any],
                   wanted: Classifier) -> Classifier:
    """Choose what classifies by a bank.

    Banks of prototypes have no second moments, and sums of raw cells: those
    who have one go on with prototypes, as those were matched before.

    Args:
        made_with (Mapping[str, Any]): Description of the model that the bank
            was made with, see :func:`describe_model`.
        wanted (Classifier): What is asked for.

    Returns:
        Classifier: The same, but a :class:`PrototypeClassifier` for a bank
        that holds prototypes only where moments are needed.

    Raises:
        InputError: If the bank names settings that prototypes cannot have.
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
