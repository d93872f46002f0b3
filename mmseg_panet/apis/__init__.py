"""The Python API: training, testing and inference."""
from ..config.protocol import apply_protocol
from ..config.settings import apply_settings
from ..config.test_config import set_test_split, take_test
from ..inference.few_shot_inferencer import FewShotInferencer
from ..inference.folder_job import segment_images
from ..inference.images.image_list import list_images
from ..models.bank.prototype_bank import PrototypeBank
from ..runs.testing import test, write_result
from ..runs.training import train

__all__ = [
    'FewShotInferencer', 'PrototypeBank', 'apply_protocol', 'apply_settings',
    'list_images', 'segment_images', 'set_test_split', 'take_test', 'test',
    'train', 'write_result']
