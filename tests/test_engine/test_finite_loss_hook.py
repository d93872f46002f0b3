"""The stop of a training that diverges, on a model of one weight."""
import math

import pytest
import torch
from mmengine.dist import get_rank
from mmengine.hooks import (
    CheckpointHook,
    EMAHook,
    Hook,
    ParamSchedulerHook,
    RuntimeInfoHook,
)
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner, get_priority
from mmseg.structures import SegDataSample
from process_runs import in_processes
from torch import nn
from torch.utils.data import Dataset
from torch_versions import scales_on_cpu

from mmseg_panet.datasets import episode_collate
from mmseg_panet.engine import FiniteLossHook
from mmseg_panet.engine.finite_loss_hook import describe_episodes
from mmseg_panet.errors import RunError
from mmseg_panet.models.checkpoint_file import read_weights


class Episodes(Dataset):
    """Episodes of a support and a query."""

    def __len__(self):
        return 1000

    def __getitem__(self, index):
        return [
            dict(inputs=torch.tensor(float(index)),
                 data_samples=SegDataSample(metainfo=dict(
                     run=0, episode=index, class_names=['cat'],
                     img_path=f'photos/{role}{index}.jpg')))
            for role in ('s', 'q')]


class Model(BaseModel):
    """A model whose loss and gradient are given for each episode."""

    def __init__(self, losses, slopes, ranks=(0, 1)):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.losses, self.slopes, self.ranks = losses, slopes, ranks

    def forward(self, inputs, data_samples, mode):
        number = int(inputs[0])
        here = get_rank() in self.ranks
        value = self.losses.get(number, 1.) if here else 1.
        zero = Slope.apply(self.weight, self.slopes.get(number, 0.))
        return dict(loss_seg=zero + value, acc_seg=torch.tensor(math.nan))


class Slope(torch.autograd.Function):
    """The value 0 with any gradient."""

    @staticmethod
    def forward(ctx, weight, slope):
        ctx.slope = slope
        return torch.zeros(())

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.slope, None


def make_runner(folder, losses=(), slopes=(), hooks=(), ranks=(0, 1),
                by_epoch=False, **optim_wrapper):
    """Make a runner that saves each iteration and keeps two checkpoints."""
    return Runner(
        model=Model(dict(losses), dict(slopes), ranks),
        work_dir=str(folder),
        train_dataloader=dict(
            batch_size=1, num_workers=0, collate_fn=episode_collate,
            sampler=dict(type='InfiniteSampler', shuffle=False),
            dataset=Episodes()),
        train_cfg=dict(type='FewShotTrainLoop', max_iters=8),
        optim_wrapper=dict(
            dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.25)),
            **optim_wrapper),
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook', by_epoch=False, interval=1,
                max_keep_ckpts=2),
            finite_loss=dict(type='FiniteLossHook')),
        custom_hooks=list(hooks),
        cfg=dict(model_wrapper_cfg=dict(
            type='MMDistributedDataParallel', device_ids=None)),
        launcher='pytorch' if torch.distributed.is_initialized() else 'none',
        default_scope='mmseg',
        experiment_name=folder.name)


def checkpoints(folder):
    return sorted(path.name for path in folder.glob('*.pth'))


def stopped(folder, **settings):
    """Train until the hook stops the training; return its sentence."""
    with pytest.raises(RunError) as error:
        make_runner(folder, **settings).train()
    return str(error.value)


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
def test_the_training_stops_at_the_first_loss_that_is_not_finite(
        tmp_path, value):
    sentence = stopped(tmp_path, losses={5: value, 6: 2.})
    assert sentence == (
        'expected finite numbers in iteration 6, with a learning rate of '
        "0.25 on episode 5 (classes 'cat'; images 's5.jpg', 'q5.jpg'), got "
        f'loss {value:g}, loss_seg {value:g}; the last checkpoint is '
        f'{tmp_path}/iter_5.pth: set load_from to it and lower '
        'optim_wrapper.optimizer.lr, set optim_wrapper.clip_grad, or train '
        'in float32 or bfloat16 if it was float16')
    assert checkpoints(tmp_path) == ['iter_4.pth', 'iter_5.pth']
    assert (tmp_path / 'last_checkpoint').read_text() == str(
        tmp_path / 'iter_5.pth')
    log, = tmp_path.glob('*/*.log')
    assert sentence in log.read_text()


def test_there_may_be_no_checkpoint_yet(tmp_path):
    assert 'there is no checkpoint yet: lower optim_wrapper' in stopped(
        tmp_path, losses={0: math.nan})
    assert checkpoints(tmp_path) == []


def test_a_training_with_finite_numbers_is_not_stopped(tmp_path):
    """The accuracy, which is nan here, is no loss."""
    make_runner(tmp_path, slopes={3: 1e10}, losses={2: 1e30}).train()
    assert checkpoints(tmp_path) == ['iter_7.pth', 'iter_8.pth']


def test_weights_that_a_finite_loss_makes_infinite_are_not_saved(tmp_path):
    sentence = stopped(tmp_path, slopes={3: math.inf})
    assert 'iteration 4' in sentence and 'episode 3' in sentence
    assert 'got an infinite or undefined weight in weight; ' in sentence
    assert checkpoints(tmp_path) == ['iter_2.pth', 'iter_3.pth']


class Attention(Model):
    """A model with buffers that are not finite."""

    def __init__(self, value, persistent):
        super().__init__({}, {})
        self.register_buffer(
            'mask', torch.tensor([[0, value]]), persistent=persistent)


@pytest.mark.parametrize(('value', 'persistent', 'stops'), [
    (-math.inf, True, False), (math.inf, True, True), (math.nan, True, True),
    (math.inf, False, False)])
def test_what_the_hook_lets_pass_can_be_loaded(
        tmp_path, value, persistent, stops):
    runner = make_runner(tmp_path)
    runner.model = Attention(value, persistent)
    if stops:
        with pytest.raises(RunError, match='undefined weight in mask; there'):
            runner.train()
        return
    runner.train()
    found = read_weights(str(tmp_path / 'iter_8.pth'))
    assert ('mask' in found) is persistent


def test_the_norm_of_finite_half_precision_weights_may_overflow(tmp_path):
    runner = make_runner(tmp_path)
    weight = torch.full((8,), 30000, dtype=torch.float16)
    assert weight.norm().isinf()
    runner.model.large = nn.Parameter(weight)
    runner.train()
    assert checkpoints(tmp_path) == ['iter_7.pth', 'iter_8.pth']


def test_the_norm_of_a_clipped_gradient_is_checked(tmp_path):
    sentence = stopped(
        tmp_path, slopes={3: math.inf}, clip_grad=dict(max_norm=1.))
    assert 'got a gradient with norm inf; ' in sentence


class CPUScaler(OptimWrapper):
    """mmengine's ``AmpOptimWrapper``, which needs a GPU, on the CPU."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.loss_scaler = torch.amp.GradScaler('cpu')

    def backward(self, loss, **_):
        self.loss_scaler.scale(loss).backward()
        self._inner_count += 1

    def step(self, **_):
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer)
        self.loss_scaler.update()


@scales_on_cpu
def test_a_gradient_that_overflows_in_mixed_precision_is_a_skipped_step(
        tmp_path):
    runner = make_runner(
        tmp_path, slopes={3: math.inf, 4: 4.}, type=CPUScaler,
        clip_grad=dict(max_norm=100.))
    runner.train()
    assert runner.model.weight == -0.25 * 4
    assert runner.optim_wrapper.loss_scaler.get_scale() == 2**15
    assert checkpoints(tmp_path) == ['iter_7.pth', 'iter_8.pth']


@scales_on_cpu
def test_a_loss_that_overflows_in_mixed_precision_stops_the_training(
        tmp_path):
    assert 'episode 3' in stopped(
        tmp_path, losses={3: math.inf}, type=CPUScaler)


class LowScale(Hook):
    """A loss scale that was halved 29 times from 65536."""

    def before_train(self, runner):
        runner.optim_wrapper.loss_scaler.load_state_dict(dict(
            runner.optim_wrapper.loss_scaler.state_dict(), scale=2**-13))


@scales_on_cpu
def test_a_loss_scale_that_only_falls_stops_the_training(tmp_path):
    sentence = stopped(
        tmp_path, slopes={3: math.inf}, type=CPUScaler, hooks=[LowScale()])
    assert 'got a loss scale of 6.10352e-05, with which the gra' in sentence


def train_in_a_process(folder, ranks, losses):
    runner = make_runner(folder, losses=losses, ranks=ranks)
    try:
        runner.train()
    except RunError as error:
        return str(error)
    except SystemExit as end:
        return end.code
    return None


@pytest.mark.parametrize('number', [
    2, pytest.param(3, marks=pytest.mark.slow),
    pytest.param(4, marks=pytest.mark.slow)])
def test_all_processes_stop_if_the_last_one_diverges(tmp_path, number):
    """The process at rank r has the episodes r, r + number, ..."""
    last = number - 1
    bad = 4 * number + last
    sentence, *codes = in_processes(
        number, train_in_a_process, tmp_path, [last], {bad: math.nan})
    assert sentence.startswith(
        'expected finite numbers in iteration 5, with a learning rate of '
        f"0.25 on episode {bad} (classes 'cat'; ")
    assert codes == [1] * last
    assert checkpoints(tmp_path) == ['iter_3.pth', 'iter_4.pth']


def test_processes_that_do_not_diverge_train_to_the_end(tmp_path):
    assert in_processes(
        2, train_in_a_process, tmp_path, [0, 1], {}) == [None, None]
    assert checkpoints(tmp_path) == ['iter_7.pth', 'iter_8.pth']


def samples(count, **metainfo):
    return dict(data_samples=[SegDataSample(metainfo=dict(
        metainfo, img_path=f'a/{i}.png')) for i in range(count)])


@pytest.mark.parametrize(('batch', 'described'), [
    (samples(1, run=0, episode=7, class_names=['a', 'b']),
     ["episode 7 (classes 'a', 'b'; images '0.png')"]),
    (samples(10, run=0, episode=7, class_names=['a']),
     ["episode 7 (classes 'a'; images '0.png', '1.png', '2.png', '3.png', "
      "'4.png', '5.png', '6.png', '7.png' and 2 more)"]),
    (samples(1, run=0, episode=7, class_names=['\x1b[31m']),
     ["episode 7 (classes '\\x1b[31m'; images '0.png')"]),
    (samples(2), ["images '0.png', '1.png'"]),
    (dict(inputs=[]), []),
    ([1, 2], [])])
def test_a_batch_is_described_by_its_episodes_or_images(batch, described):
    assert describe_episodes(batch) == described


def test_the_check_precedes_the_hooks_that_change_or_save_weights():
    own = get_priority(FiniteLossHook.priority)
    assert get_priority(RuntimeInfoHook.priority) < own
    assert all(own < get_priority(hook.priority) for hook in (
        EMAHook, ParamSchedulerHook, CheckpointHook))
