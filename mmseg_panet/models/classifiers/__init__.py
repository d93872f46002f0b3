"""From the statistics of supports to classes: one method a file."""
from .build import build_classifier
from .classifier import Classifier
from .linear import LinearClassifier
from .prototype import PrototypeClassifier

__all__ = [
    'Classifier', 'LinearClassifier', 'PrototypeClassifier', 'build_classifier'
]
