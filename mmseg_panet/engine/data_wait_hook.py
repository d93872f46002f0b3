"""The share of the training time that is spent waiting for data."""
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class DataWaitHook(Hook):
    """A hook that logs the percentage of time spent waiting for batches.

    It logs ``data_wait = 100 * sum(data_time) / sum(time)`` over the latest
    steps. ``IterTimerHook`` measures both times. Its ``data_time`` is the
    time between two steps, which includes checkpoints and validations. More
    workers of the data loader lower the percentage.

    Args:
        window (int): Number of steps. If it equals the interval of the
            logger, every step is counted once. Defaults to 50.
    """

    # It runs after IterTimerHook, which is registered first, and before
    # LoggerHook.
    priority = 'NORMAL'

    def __init__(self, window: int = 50) -> None:
        self.window = window

    def after_train_iter(self, runner: Runner, *args: object,
                         **kwargs: object) -> None:
        """Update ``train/data_wait`` in the message hub."""
        hub = runner.message_hub
        waited, total = (
            hub.get_scalar(f'train/{name}').mean(self.window)
            for name in ('data_time', 'time'))
        hub.update_scalar('train/data_wait', 100 * waited / total)
