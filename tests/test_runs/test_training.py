import pytest
from mmengine.config import Config

from mmseg_panet.errors import InputError
from mmseg_panet.runs.training import train


def test_fsdp_is_not_resumed_and_parts_of_a_killed_training_are_removed(
        tmp_path):
    part = tmp_path / '.part-0123abcd-99999999-0123abcd'
    part.write_bytes(b'a part of a checkpoint')
    (tmp_path / 'iter_1.pth').write_bytes(b'')
    cfg = Config(dict(
        work_dir=str(tmp_path), resume=True, runner_type='FlexibleRunner',
        strategy=dict(type='FSDPStrategy')))
    with pytest.raises(InputError, match='got the strategy FSDPStrategy, '):
        train(cfg)
    assert [path.name for path in tmp_path.iterdir()] == ['iter_1.pth']
