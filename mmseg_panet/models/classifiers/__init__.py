"""Methods that fit classes to the statistics of supports, one per file."""
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
