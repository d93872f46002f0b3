"""The parts of the benchmarks, at sizes that take seconds."""
import json
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper

from benchmarks import (
    REPO,
    gpu,
    gpu_check,
    peer,
    readers,
    results,
    soak,
    video,
)
from benchmarks.case import Case, build_model, noise_batch
from benchmarks.catalogue import jobs
from benchmarks.job import failure
from benchmarks.memory import peak_bytes
from benchmarks.reliability import Reliability
from benchmarks.row import Row
from benchmarks.run import select
from benchmarks.timing import TooLongError, in_turn, medians, ratio_of
from benchmarks.training import backbone_alone, our_step, prepared
from mmseg_panet.errors import InputError

CPU = torch.device('cpu')
CASE = Case('VGG-16', size=49, ways=2, shots=2, batch=2)


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return build_model(CASE, False, CPU)


def test_the_peer_has_the_losses_of_our_head(model):
    batch = noise_batch(CASE)
    data = model.data_preprocessor(batch, training=True)
    ours = model.loss(data['inputs'], data['data_samples'])
    segmentation, alignment = peer.training_losses(
        model.backbone, *prepared(model, batch), CASE)
    assert alignment > 0.1
    torch.testing.assert_close(ours['decode.loss_seg'], segmentation)
    torch.testing.assert_close(ours['decode.loss_align'], alignment)


def test_the_peer_predicts_what_our_segmentor_predicts(model):
    batch = noise_batch(CASE)
    with torch.no_grad():
        ours = model.test_step(batch)
    theirs = peer.predict(model.backbone, *prepared(model, batch), CASE)
    for one, other in zip(ours, theirs, strict=True):
        assert other.unique().tolist() == [0, 1, 2]
        # Two logits may be equal to rounding.
        assert (one.pred_sem_seg.data[0] == other).float().mean() > 0.999


def test_pixels_counted_as_sets_are_those_counted_by_hand():
    prediction = torch.tensor([[0, 0, 1], [2, 1, 1]])
    labels = torch.tensor([[0, 1, 1], [1, 1, 255]])
    assert peer.count(prediction, labels, 2) == [(1, 2), (2, 4), (0, 1)]


def test_a_step_leaves_no_gradients_but_those_it_made(model):
    batch = noise_batch(CASE)
    before = [p.detach().clone() for p in model.parameters()]
    for call in (our_step(model, batch),
                 backbone_alone(model, prepared(model, batch)[0])):
        call()
        assert all(p.grad is None for p in model.parameters())
    for one, other in zip(before, model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_things_are_timed_in_alternation_after_a_warm_up():
    order = []

    def call(name, *seconds):
        left = iter(seconds)
        return lambda: order.append(name) or next(left)

    seconds = in_turn({
        'a': call('a', 100.0, 6.0, 2.0, 4.0),
        'b': call('b', 100.0, 2.0, 2.0, 1.0)}, rounds=3)
    assert order == ['a', 'b'] * 4
    assert medians(seconds) == {'a': 4.0, 'b': 2.0}
    assert ratio_of(seconds['a'], seconds['b']) == (2.0, 1.0, 4.0)


def test_rounds_that_would_take_too_long_are_not_begun():
    def one() -> float:
        return 7.0

    with pytest.raises(TooLongError, match="5 rounds up to 'b' alone"):
        in_turn({'a': one, 'b': one, 'c': pytest.fail}, limit=60)


def test_the_calibration_error_is_that_counted_by_hand():
    """Two bins: means .62 and 1, right 1/2 and 1/2, of two pixels each.

    (|.62 - .5| * 2 + |1 - .5| * 2) / 4 = 31%, and a pixel below .6.
    """
    found = Reliability()
    found.add(np.array([0.61, 0.63, 1.0]), np.array([True, False, True]))
    found.add(np.array([1.0]), np.array([False]))
    assert found.error() == pytest.approx(31)
    assert found.below(0.6) == (0, 50)
    found.add(np.array([0.51]), np.array([True]))
    assert found.below(0.6) == (20, 50)


def test_the_peak_is_that_of_the_tensors_that_live_at_once():
    def call():
        one = torch.empty(10_000_000)
        other = torch.empty(5_000_000)
        del one
        return other, torch.empty(7_000_000)

    assert peak_bytes(call, CPU) == 4 * 15_000_000


def test_the_usage_counts_the_memory_and_files_of_child_processes(tmp_path):
    before = soak.usage()
    code = ("import time; kept = b'x' * 50_000_000; file = open('a', 'w'); "
            "print(flush=True); time.sleep(60)")
    with subprocess.Popen(
            [sys.executable, '-c', code], cwd=tmp_path,
            stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        with_child = soak.usage()
        child.kill()
    after = soak.usage()
    assert with_child.processes == before.processes + 1 == after.processes + 1
    assert with_child.rss - before.rss > 50e6 > after.rss - before.rss
    # Its three streams and the file, and our end of the pipe.
    assert with_child.descriptors == before.descriptors + 5
    assert after.descriptors == before.descriptors


def test_growth_is_that_of_the_end_over_the_beginning_after_the_warm_up():
    """Ten samples: one of warm-up, then 100 MB, at the end 106 MB.

    The first one does not count, and neither does the peak between.
    """
    memory = [50, 100, 100, 150, 101, 102, 103, 104, 105, 106]
    memory, descriptors = soak.growth('a test', 'toy', [
        soak.Usage(10**6 * mega, 7 + (mega > 105), 3) for mega in memory])
    assert memory.value == pytest.approx(6)
    assert (memory.low, memory.high) == pytest.approx((0, 50))
    assert memory.missed and memory.remark == '100 MB in 3 processes, +6.0 MB'
    assert descriptors.value == 1 and descriptors.missed
    assert descriptors.remark == '7 open'


def test_every_step_is_counted_and_some_are_sampled():
    watch = soak.Watch(2 * soak.SAMPLES)
    for _ in range(2 * soak.SAMPLES):
        watch.step()
    assert len(watch.samples) == soak.SAMPLES


@pytest.mark.slow
@pytest.mark.parametrize('measure', [
    lambda folder: soak.measure_training(folder, 400),
    lambda folder: soak.measure_evaluation(folder, False, 2000),
    lambda folder: soak.measure_evaluation(folder, True, 2000, 10),
    lambda folder: soak.measure_inferencer(folder, CPU, 200),
], ids=['training', 'episodes', 'images', 'inferencer'])
def test_a_short_soak_keeps_its_memory_and_descriptors(measure, tmp_path):
    rows = measure(tmp_path)
    assert len(rows) in (2, 4)
    assert [row for row in rows if row.missed] == []


def record(job, *rows, commit='abc', failure=None):
    return dict(
        job=job, failure=failure, machine='a CPU', versions='torch 2',
        commit=commit, date='2026-01-01', rows=[vars(row) for row in rows])


def test_the_results_tell_what_was_required_and_what_limits_it(tmp_path):
    pooling = Row(
        'pooling', 'C=512', 'plain / ours', 40.0, 35.5, 44.25, 5,
        at_least=50, seconds={'plain': 2.0, 'ours': 0.05})
    memory = Row(
        'memory', 'C=512', 'step / backbone', 1.01, 1.01, 1.01, 1,
        under=1.03, remark='2.1 GB')
    path = tmp_path / 'RESULTS.md'
    results.write(path, {'gpu': results.section([record('g', memory)], {})})
    results.write(path, {'cpu': results.section([
        record('first', pooling, memory),
        record('large', failure='does not fit into 8 GB of memory'),
        record('other', memory, commit='def'),
        record('profile', commit='no table'),
    ], {'pooling': 'memory bandwidth.'})})
    text = path.read_text()
    assert (
        '| pooling | C=512 | plain / ours | 40.0x (35.5x to 44.2x) | 5 | '
        '50x, missed | plain 2, ours 0.05 |\n'
        '| memory | C=512 | step / backbone | 1.010x; 2.1 GB | 1 | '
        'under 1.03x | - |\n'
        '| large |  |  | does not fit into 8 GB of memory |  |  |  |\n\n'
        'Missed, pooling: memory bandwidth.\n') in text
    assert text.count('a CPU; torch 2; commit abc; 2026-01-01.') == 2
    assert text.count('commit def') == 1
    assert 'no table' not in text
    assert text.index('## CPU') < text.index('## GPU')
    results.write(path, {'cpu': results.section([], {})})
    assert '| pooling' not in path.read_text()
    assert 'commit abc' in path.read_text().partition('## GPU')[2]


def test_a_failure_is_a_sentence_and_tried_again_unless_it_must_recur():
    assert failure(RuntimeError("can't allocate memory: 9 bytes"), 8.0) == (
        'does not fit into 8 GB of memory', False)
    assert failure(TooLongError('5 rounds'), 8.0) == (
        'not measured: 5 rounds', False)
    assert failure(KeyError('x'), 8.0) == ("failed: KeyError: 'x'", True)


def test_measurements_are_chosen_by_name_or_pattern(tmp_path):
    found = jobs(CPU, tmp_path, tmp_path)
    quick = select(found, False, None)
    assert 'pooling' in quick and 'training-2way5shot' not in quick
    assert select(found, True, None) == list(found)
    assert select(found, False, ['episodes-*', 'resume']) == [
        'episodes-5shot', 'episodes-1shot', 'episodes-growth', 'resume']
    with pytest.raises(InputError, match="got 'nothing'"):
        select(found, False, ['nothing'])


def test_a_gpu_is_measured_in_every_precision(monkeypatch):
    """Here the steps are those of a GPU, but the device is the CPU."""

    class OnCpu(OptimWrapper):
        def __init__(self, dtype, loss_scale='', **kwargs):
            super().__init__(**kwargs)

    monkeypatch.setattr(gpu, 'AmpOptimWrapper', OnCpu)
    monkeypatch.setattr(gpu, 'default_rounds', lambda device: 1)
    rows = gpu.measure(Case('ResNet-18', 49, 1, 1, 1), CPU)
    assert [row.figure for row in rows] == [
        *2 * ['bf16 training throughput'], 'pace of training, bf16',
        'pace of training, fp16', 'pace of training, float32',
        'pace of evaluation, float32']
    assert all(row.value > 0 for row in rows)


def fail():
    raise KeyError('loss')


def skip():
    raise gpu_check.SkippedError('no data')


def test_every_step_of_a_check_is_run_and_a_failed_one_decides(
        monkeypatch, capsys, tmp_path):
    results = gpu_check.run_all(
        {'one': lambda: 'fine', 'two': skip, 'three': fail},
        {'last': lambda: 'fast'}, 2)
    assert [(one.name, one.state, one.note) for one in results] == [
        ('one', 'passed', 'fine'), ('two', 'skipped', 'no data'),
        ('three', 'FAILED', "KeyError: 'loss'"), ('last', 'passed', 'fast')]
    lines = gpu_check.summary(results).splitlines()
    assert lines[0].split() == ['step', 'result', 'seconds', 'note']
    assert lines[3].split() == ['three', 'FAILED', '0', 'KeyError:', "'loss'"]
    for step, code in ((fail, 1), (skip, 0)):
        monkeypatch.setattr(gpu_check, 'OUT', tmp_path / str(code))
        for name in ('tests', 'segment', 'benchmarks'):
            monkeypatch.setattr(
                gpu_check.Check, name, lambda self, step=step: step())
        monkeypatch.setattr(
            gpu_check.Check, 'training', lambda self, *_: 'fine')
        monkeypatch.setattr(
            gpu_check, 'make_toy_dataset', lambda out, **_: out.mkdir(
                parents=True))
        monkeypatch.setattr(gpu_check, 'make_toy_examples', lambda *_, **__: 0)
        with pytest.raises(SystemExit) as end:
            gpu_check.main(['--device', 'cpu'])
        assert int(end.value.code) == code
        assert re.search(
            r'^toy, compile +passed +0  fine$', capsys.readouterr().out, re.M)
        assert (tmp_path / str(code) / 'summary.txt').is_file()


def check_of(tmp_path, monkeypatch, **args):
    monkeypatch.setattr(gpu_check, 'OUT', tmp_path)
    check = gpu_check.Check(gpu_check.parse_args(
        ['--device', 'cpu', '--data', str(tmp_path)]))
    vars(check).update(args)
    return check


def test_a_command_that_fails_or_takes_too_long_is_a_sentence(
        tmp_path, monkeypatch):
    check = check_of(tmp_path, monkeypatch)
    assert check.python('fine', '-c', 'print(5)') == '5\n'
    with pytest.raises(RuntimeError, match='exit code 3, see .*bad.log: why'):
        check.python('bad', '-c', 'import sys; print("why"); sys.exit(3)')
    check.deadline = time.monotonic() + 0.5
    with pytest.raises(RuntimeError, match='the time was over after'):
        check.python('long', '-c', 'import time; time.sleep(60)')
    check.deadline = 0
    with pytest.raises(RuntimeError, match='no time was left'):
        check.python('late', '-c', '')
    with pytest.raises(
            gpu_check.SkippedError, match='msrc_v2 is not there; .*DATA='):
        check.training('MSRC', 'float32')
    with pytest.raises(gpu_check.SkippedError, match='needs a GPU'):
        check.training('toy', 'float16')


def test_a_loss_that_is_not_finite_fails_its_training(tmp_path):
    log = tmp_path / '2026/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    steps = [
        dict(loss=2.0, time=0.3, step=2), dict(loss=0.5, time=0.1, step=4),
        dict(loss=1.0, time=0.2, step=6), dict(mIoU=31.5, step=6)]
    log.write_text('\n'.join(map(json.dumps, steps)))
    assert gpu_check._training_note(tmp_path) == (
        'loss 2.000 to 1.000, 200 ms an iteration, mIoU 31.50')
    steps[1]['loss'] = float('nan')
    log.write_text('\n'.join(map(json.dumps, steps)))
    with pytest.raises(RuntimeError, match='not finite at iteration 4'):
        gpu_check._training_note(tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu_the_check_says_one_sentence():
    with pytest.raises(InputError, match='needs a GPU, but torch finds none'):
        gpu_check.main([])


@pytest.mark.slow
def test_readers_of_two_codes_are_timed_in_turn(monkeypatch):
    monkeypatch.setattr(readers, '_older', lambda folder: REPO)
    rows = readers.measure(polygons=12, images=2, rounds=1)
    assert [row.figure for row in rows] == [
        'read coco', 'read and rasterize coco', 'read labelme',
        'read and rasterize labelme']
    assert all(row.value > 0 and row.seconds['old'] > 0 for row in rows)


def test_a_synthetic_sequence_moves_its_labels_with_its_image():
    """What is bright is the class, but for noise and compression."""
    image = np.zeros((90, 120, 3), np.uint8)
    image[30:60, 40:80] = 200
    labels = (image[..., 0] > 0).astype(np.uint8)
    frames = video.sequence(image, labels, 1.0, np.random.default_rng(0))
    assert len(frames) == video.FRAMES
    assert (frames[0].labels != frames[-1].labels).mean() > 0.1
    for one in frames:
        known = one.labels != 255
        bright = one.image.mean(-1) > 100
        assert (bright == one.labels)[known].mean() > 0.97
    # With the motion compensated, the labels do not change; otherwise they do.
    first, *_, last = frames
    moved = video.changed(first.labels, last.labels, first, last)
    assert moved < 0.05 < (first.labels != last.labels).mean()


def test_the_benchmark_smooths_as_the_inferencer():
    probabilities = np.random.default_rng(0).random(
        (3, 2, 1, 5)).astype(np.float32)
    mean = probabilities[0]  # 0.7 of it and 0.3 of itself is itself
    for found, one in zip(
            video.smoothed(probabilities, 0.7), probabilities, strict=True):
        mean = 0.7 * mean + 0.3 * one
        assert (found == mean.argmax(0)).all()
