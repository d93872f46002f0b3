"""Loops and hooks for mmengine's Runner."""
from .data_wait_hook import DataWaitHook
from .few_shot_test_loop import FewShotTestLoop
from .few_shot_train_loop import FewShotTrainLoop
from .finite_loss_hook import FiniteLossHook
from .generalized_test_loop import GeneralizedTestLoop

__all__ = [
    'DataWaitHook', 'FewShotTestLoop', 'FewShotTrainLoop', 'FiniteLossHook',
    'GeneralizedTestLoop']
