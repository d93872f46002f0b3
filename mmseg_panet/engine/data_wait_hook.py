"""The share of training that waits for data."""
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class DataWaitHook(Hook):
    """Logs ``data_wait``, the percentage of time spent waiting for batches.

    ``100 * sum(data_time) / sum(time)`` over the latest steps, both as
    ``IterTimerHook`` has measured them: what lies between two steps, a
    checkpoint or a validation included. More loader workers lower it.

    Args:
        window (int): Number of steps; as many as between two lines of the
            log leave none out. Defaults to 50.
    """

    # After IterTimerHook, which is registered first; before LoggerHook.
    priority = 'NORMAL'

    def __init__(self, window: int = 50) -> None:
        self.window = window

    def after_train_iter(self, runner: Runner, *args: object,
                         **kwargs: object) -> None:
        """Update ``train/data_wait``."""
        hub = runner.message_hub
        waited, total = (
            hub.get_scalar(f'train/{name}').mean(self.window)
            for name in ('data_time', 'time'))
        hub.update_scalar('train/data_wait', 100 * waited / total)
