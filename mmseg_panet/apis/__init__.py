"""What a person calls: training and testing a config."""
from .protocol import apply_protocol
from .running import test, train, write_result
from .settings import apply_settings

__all__ = ['apply_protocol', 'apply_settings', 'test', 'train', 'write_result']
