"""From the statistics of supports to classes: one method a file."""
from .auto import AutoClassifier
from .classifier import Classifier, build_classifier
from .discriminant import DiscriminantClassifier
from .linear import LinearClassifier
from .prototype import PrototypeClassifier
from .query_refinement import QueryRefinement

__all__ = [
    'AutoClassifier', 'Classifier', 'DiscriminantClassifier',
    'LinearClassifier', 'PrototypeClassifier', 'QueryRefinement',
    'build_classifier'
]
