"""From the statistics of supports to classes: one method a file."""
from .classifier import Classifier, build_classifier
from .linear import LinearClassifier
from .prototype import PrototypeClassifier

__all__ = [
    'Classifier', 'LinearClassifier', 'PrototypeClassifier', 'build_classifier'
]
