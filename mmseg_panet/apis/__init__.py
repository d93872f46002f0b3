"""What a person calls: training, testing and using a config."""
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.folder_job import segment_images
from ..inference.image_list import list_images
from ..inference.prototype_bank import PrototypeBank
from .protocol import apply_protocol
from .running import test, train, write_result
from .settings import apply_settings

__all__ = [
    'FewShotInferencer',
    'PrototypeBank',
    'apply_protocol',
    'apply_settings',
    'list_images',
    'segment_images',
    'test',
    'train',
    'write_result',
]
