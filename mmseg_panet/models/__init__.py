"""The model: backbones, prototypes, matching, head, loss and segmentor."""
from .alignment_loss import PrototypeAlignmentLoss
from .backbones import DilatedResNet, DilatedVGG
from .few_shot_segmentor import FewShotSegmentor
from .matching import match_prototypes
from .panet_head import PANetHead
from .prototypes import masked_average_pool
from .segmentation_loss import SegmentationLoss

__all__ = [
    'DilatedResNet',
    'DilatedVGG',
    'FewShotSegmentor',
    'PANetHead',
    'PrototypeAlignmentLoss',
    'SegmentationLoss',
    'masked_average_pool',
    'match_prototypes',
]
