"""Loops and hooks where mmengine has none."""
from .data_wait_hook import DataWaitHook
from .few_shot_test_loop import FewShotTestLoop
from .few_shot_train_loop import FewShotTrainLoop

__all__ = ['DataWaitHook', 'FewShotTestLoop', 'FewShotTrainLoop']
