"""Backbones, statistics, classifiers, heads, losses and the segmentor."""
from .alignment_loss import PrototypeAlignmentLoss
from .backbones import DilatedResNet, DilatedVGG
from .classifiers import (
    AutoClassifier,
    Classifier,
    DiscriminantClassifier,
    LinearClassifier,
    PrototypeClassifier,
    QueryRefinement,
)
from .few_shot_head import FewShotHead
from .few_shot_segmentor import FewShotSegmentor
from .generalized_head import GeneralizedHead
from .logit_map import LogitMap
from .panet_head import PANetHead
from .segmentation_loss import SegmentationLoss
from .statistics import SupportStatistics

__all__ = [
    'AutoClassifier', 'Classifier', 'DilatedResNet', 'DilatedVGG',
    'DiscriminantClassifier', 'FewShotHead', 'FewShotSegmentor',
    'GeneralizedHead', 'LinearClassifier', 'LogitMap', 'PANetHead',
    'PrototypeAlignmentLoss', 'PrototypeClassifier', 'QueryRefinement',
    'SegmentationLoss', 'SupportStatistics']
