from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from mmseg_panet.engine import DataWaitHook


@pytest.mark.parametrize(('window', 'expected'), [
    (50, 100 * (3 + 0 + 1) / (4 + 2 + 2)),
    (2, 100 * (0 + 1) / (2 + 2)),
])
def test_the_share_is_that_of_the_latest_steps(window, expected):
    hub = MessageHub(f'data wait {window}')
    runner = SimpleNamespace(message_hub=hub)
    hook = DataWaitHook(window)
    for waited, total in ((3., 4.), (0., 2.), (1., 2.)):
        hub.update_scalar('train/data_time', waited)
        hub.update_scalar('train/time', total)
        hook.after_train_iter(runner, batch_idx=0)
    share = hub.get_scalar('train/data_wait').current()
    assert share == pytest.approx(expected)
