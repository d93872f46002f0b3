"""The command on the toy data, and with fake subcommands."""
import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tool_runs import (
    command_of,
    run_here,
    small_config,
    tool,
    tool_process,
)

from mmseg_panet.cli.benchmark import make_benchmark
from mmseg_panet.errors import InputError


def small(folder):
    return small_config(folder, max_iters=60, interval=10)


def times(folder):
    """Return the times at which the slow files were written."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for pattern in ('*.pth', 'result.json')
        for path in folder.rglob(pattern)}


def read_csv(folder):
    with open(folder / 'benchmark.csv', newline='') as file:
        return list(csv.DictReader(file))


@pytest.fixture
def _tools_here(monkeypatch):
    """Run the subcommands that a command starts in this process."""
    start = subprocess.run

    def run(command, *args, **kwargs):
        if command[0] != sys.executable:
            return start(command, *args, **kwargs)
        done = subprocess.CompletedProcess(command, run_here(command))
        done.check_returncode()
        return done

    monkeypatch.setattr(subprocess, 'run', run)


@pytest.mark.usefixtures('_tools_here')
def test_a_benchmark_that_was_killed_resumes_and_writes_the_table(
        tmp_path, toy_root):
    out = tmp_path / 'out'
    arguments = [
        small(tmp_path), '--folds', 0, 1, '--shots', 1, 2, '--work-dir', out,
        '--data-root', toy_root]

    # The benchmark is killed during the first training.
    killed = subprocess.Popen(
        command_of('benchmark.py', arguments), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {'OMP_NUM_THREADS': '1'})
    last = out / 'fold0/training/last_checkpoint'
    while not (last.is_file() and last.read_text()):
        assert killed.poll() is None
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (out / 'fold0/training/iter_60.pth').exists()

    # The second call resumes from there.
    printed = tool('benchmark.py', *arguments).stdout
    assert '[1/6] training of fold 0 \n' in printed
    assert '[6/6] test of fold 1, 2 shots, trained \n' in printed
    first, second = (
        printed.split('training of fold')[i + 1] for i in range(2))
    assert 'resumed epoch: 0, iter: ' in first
    assert 'resumed epoch' not in second
    made = times(out)
    assert {name for name in made if name.endswith('json')} == {
        f'fold{fold}/{shots}shots-trained/result.json'
        for fold in (0, 1) for shots in (1, 2)}

    # The table has the scores of the results.
    results = [
        json.loads((out / f'fold{fold}/{shots}shots-trained/result.json')
                   .read_text()) for shots in (1, 2) for fold in (0, 1)]
    assert [(r['num_shots'], r['fold']) for r in results] == [
        (1, 0), (1, 1), (2, 0), (2, 1)]
    rows = read_csv(out)
    assert [(row['shots'], row['fold']) for row in rows] == [
        ('1', '0'), ('1', '1'), ('1', 'mean'),
        ('2', '0'), ('2', '1'), ('2', 'mean')]
    for i in (0, 1):
        pair = results[2 * i:2 * i + 2]
        for row, result in zip(rows[3 * i:], pair, strict=False):
            for key in ('mIoU', 'std', 'FB-IoU'):
                assert float(row[key]) == result[key]
            assert row['checkpoint_sha256'] == result['checkpoint_sha256']
        for key in ('mIoU', 'FB-IoU'):
            assert float(rows[3 * i + 2][key]) == pytest.approx(
                (pair[0][key] + pair[1][key]) / 2)
    markdown = (out / 'benchmark.md').read_text()
    for result in results:
        assert result['checkpoint_sha256'] in markdown
        assert result['manifest_sha256'] in markdown
        low, high = result['interval']
        assert f'[{low:.1f}, {high:.1f}]' in markdown
    assert '| trained | 2 | ' in markdown

    # The third call has no job left, the fourth only the missing one.
    same = make_benchmark(
        str(arguments[0]), [0, 1], [1, 2], out,
        flags=['--data-root', str(toy_root)])
    same.run()
    assert times(out) == made
    missing = 'fold1/1shots-trained/result.json'
    (out / missing).unlink()
    same.run()
    again = times(out)
    assert again.pop(missing) > made.pop(missing)
    assert again == made


# `python -m mmseg_panet` runs this in a folder that has such a package.
MAIN = """
import runpy
import sys
sys.argv.pop(0)
runpy.run_path(sys.argv[0] + '.py', run_name='__main__')
"""
TRAIN = """
import sys
from pathlib import Path
arguments = sys.argv[1:]
folder = Path(arguments[arguments.index('--work-dir') + 1])
with open('calls', 'a') as file:
    print('train.py', *arguments[1:], file=file)
(folder / 'iter_60.pth').write_text('weights of fold ' + arguments[2])
(folder / 'last_checkpoint').write_text(str(folder / 'iter_60.pth'))
"""
TEST = """
import json
import sys
from hashlib import sha256
from pathlib import Path
arguments = sys.argv[1:]
value = dict(zip(arguments[2::2], arguments[3::2]))
with open('calls', 'a') as file:
    print('test.py', *arguments[1:], file=file)
fold, shots = int(value['--fold']), int(value['--shots'])
out = Path(value['--out'])
out.parent.mkdir(parents=True, exist_ok=True)
result = {
    'mIoU': 40.0 + 10 * fold + shots, 'std': 0.5, 'FB-IoU': 60.0 + fold,
    'runs': [1.0] * 5, 'num_episodes': 1000,
    'num_ways': int(value.get('--ways', 1)), 'protocol': 'modern',
    'support_annotation': 'mask', 'interval': [39.0, 42.0],
    'manifest_sha256': f'{shots}' * 64,
    'checkpoint_sha256': arguments[1] != 'none' and sha256(
        Path(arguments[1]).read_bytes()).hexdigest()}
if shots == 5:
    del result['interval']
out.write_text(json.dumps(result))
"""


@pytest.fixture
def run_fake(tmp_path, monkeypatch):
    """Return a function that runs a benchmark and lists its calls.

    The subcommands are fake: they record their calls and write results.
    """
    monkeypatch.chdir(tmp_path)
    Path('mmseg_panet').mkdir()
    Path('mmseg_panet/__init__.py').touch()
    Path('mmseg_panet/__main__.py').write_text(MAIN)
    Path('train.py').write_text(TRAIN)
    Path('test.py').write_text(TEST)
    small(tmp_path)

    def run(folds=(0, 1), shots=(1,), **settings):
        Path('calls').write_text('')
        make_benchmark(
            'small.py', folds, shots, Path('out'), **settings).run()
        return Path('calls').read_text().splitlines()
    return run


def test_the_subcommands_get_the_given_flags_and_no_others(run_fake):
    assert run_fake(
        [3], [1, 5], untrained=True, flags=['--data-root', 'toy'],
        test_flags=['--ways', '2'], cfg_options=['a=1', 'b=2']) == [
        'train.py --fold 3 --work-dir out/fold3/training --data-root toy '
        '--cfg-options a=1 b=2', *(
            f'test.py {checkpoint} --fold 3 --shots {shots} --work-dir '
            f'out/fold3/{shots}shots-{model} --out '
            f'out/fold3/{shots}shots-{model}/result.json --data-root toy '
            '--ways 2 --cfg-options a=1 b=2'
            for model, checkpoint in (
                ('untrained', 'none'),
                ('trained', 'out/fold3/training/iter_60.pth'))
            for shots in (1, 5))]


def test_the_data_of_another_config_are_for_the_tests_only(run_fake):
    other = Path('other.py')
    other.write_text(Path('small.py').read_text())
    flags = ['--test-config', 'other.py', '--test-fold', '2',
             '--test-data-root', 'pets', '--test-split', 'unseen']
    tool('benchmark.py', 'small.py', '--folds', 0, '--shots', 1, *flags)
    train, test = Path('calls').read_text().splitlines()
    assert '--test' not in train
    assert ' '.join(flags) in test
    # A test is repeated after a change of that config, a training is not.
    assert run_fake(test_flags=flags, folds=[0]) != []
    assert run_fake(test_flags=flags, folds=[0]) == []
    other.write_text(f'{other.read_text()}\nnum_shots = 3\n')
    call, = run_fake(test_flags=flags, folds=[0])
    assert call.startswith('test.py')


def test_a_classifier_applies_to_the_tests_only(run_fake):
    tool('benchmark.py', 'small.py', '--folds', 0, '--shots', 1,
         '--classifier', 'auto')
    train, test = Path('calls').read_text().splitlines()
    assert '--classifier' not in train
    assert test.endswith(' --classifier auto')


def test_the_markdown_has_the_scores_and_their_origins(run_fake):
    run_fake(shots=[1, 5])
    zero, one = (
        json.loads(Path(f'out/fold{i}/1shots-trained/result.json')
                   .read_text())['checkpoint_sha256'] for i in range(2))
    assert Path('out/benchmark.md').read_text() == f"""\
# Benchmark of small

mIoU over the novel classes in percent, mean ± standard deviation of the runs,
and its 95% bootstrap interval over the episodes.

| model | shots | fold 0 | fold 1 | mean mIoU | mean FB-IoU |
|---|---|---|---|---|---|
| trained | 1 | 41.0 ± 0.5 [39.0, 42.0] | 51.0 ± 0.5 [39.0, 42.0] | 46.0 | \
60.5 |
| trained | 5 | 45.0 ± 0.5 | 55.0 ± 0.5 | 50.0 | 60.5 |

Measured on and with (SHA-256):

| fold | shots | model | protocol | episodes | supports | manifest | \
checkpoint |
|---|---|---|---|---|---|---|---|
| 0 | 1 | trained | modern | 5 x 1000, 1-way | mask | {'1' * 64} | {zero} |
| 1 | 1 | trained | modern | 5 x 1000, 1-way | mask | {'1' * 64} | {one} |
| 0 | 5 | trained | modern | 5 x 1000, 1-way | mask | {'5' * 64} | {zero} |
| 1 | 5 | trained | modern | 5 x 1000, 1-way | mask | {'5' * 64} | {one} |
"""


def test_finished_results_are_in_the_table_if_a_subcommand_fails(run_fake):
    Path('test.py').write_text(TEST + '\nsys.exit(7 if fold == 1 else 0)\n')
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_fake()
    assert caught.value.returncode == 7
    row, = read_csv(Path('out'))  # There is no mean of one fold of two.
    assert (row['fold'], row['mIoU']) == ('0', '41.0')
    assert '| trained | 1 | 41.0 ± 0.5 [39.0, 42.0] | - | - | - |' in (
        Path('out/benchmark.md').read_text())
    Path('test.py').write_text(TEST)
    call, = run_fake()
    assert '--fold 1' in call


def test_a_failed_subcommand_gives_one_line_and_its_exit_code(run_fake):
    Path('train.py').write_text('import sys\nsys.exit(3)\n')
    done = tool_process(
        'benchmark.py', 'small.py', '--folds', 0, '--shots', 1, code=3)
    assert done.stderr.splitlines()[-1].startswith(
        'error: mmseg-panet train failed with exit code 3; run the same '
        'command again to continue; finished jobs are kept')
    assert 'Traceback' not in done.stderr
    assert Path('work_dirs/small/benchmark/benchmark.md').is_file()


def test_ctrl_c_in_a_subcommand_gives_one_line_of_the_benchmark(run_fake):
    Path('train.py').write_text(
        'import os, signal, time\n'
        'os.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)\n')
    done = tool(
        'benchmark.py', 'small.py', '--folds', 0, '--shots', 1, code=130)
    assert done.stderr.splitlines()[-1] == (
        'stopped; run the same command again to continue; finished jobs are '
        'kept')
    assert 'Traceback' not in done.stderr


def test_tests_run_again_with_a_changed_flag(run_fake):
    run_fake()
    assert run_fake() == []
    calls = run_fake(test_flags=['--ways', '2'])
    assert [call.split()[0] for call in calls] == ['test.py'] * 2
    assert '2-way' in Path('out/benchmark.md').read_text()
    # They run again with the old flags, too.
    assert len(run_fake()) == 2


def test_an_interrupted_test_does_not_count_as_finished(run_fake):
    run_fake()
    Path('test.py').write_text(TEST + '\nsys.exit(7)\n')
    with pytest.raises(subprocess.CalledProcessError):
        run_fake(test_flags=['--ways', '2'])
    Path('test.py').write_text(TEST)
    call, = run_fake()  # The test of the second fold was not started.
    assert '--fold 0' in call
    assert '2-way' not in Path('out/benchmark.md').read_text()


def test_a_new_checkpoint_is_tested_again(run_fake):
    run_fake()
    folder = Path('out/fold1/training')
    Path('train.py').write_text(
        TRAIN.replace('weights of', 'other weights of'))
    # A checkpoint that mmengine has not recorded may be incomplete.
    (folder / 'last_checkpoint').unlink()
    calls = run_fake()
    assert [call.split()[:3] for call in calls] == [
        ['train.py', '--fold', '1'],
        ['test.py', str(folder / 'iter_60.pth'), '--fold']]


def test_an_interrupted_training_is_resumed_with_its_options(run_fake):
    folder = Path('out/fold0/training')
    folder.mkdir(parents=True)
    (folder / 'last_checkpoint').write_text('elsewhere/iter_3.pth')
    train, _ = run_fake([0], cfg_options=['a=1'])
    assert train.endswith('--resume --cfg-options a=1 load_from=None')


@pytest.mark.parametrize('change', ['options', 'config'])
def test_a_training_of_other_settings_is_refused(run_fake, change):
    run_fake()
    if change == 'config':
        with open('small.py', 'a') as file:
            file.write('randomness = dict(seed=1)\n')
    options = ['randomness.seed=1'] if change == 'options' else []
    with pytest.raises(
            InputError, match='^out/fold0/training was trained with no '):
        run_fake(cfg_options=options)
    # The message says to delete the record of the settings.
    for fold in range(2):
        Path(f'out/fold{fold}/training/settings.json').unlink()
    calls = run_fake(cfg_options=options)
    assert [call.split()[0] for call in calls] == ['test.py'] * 2


def test_a_work_dir_of_another_model_is_refused_for_new_folds_too(run_fake):
    run_fake([0, 1])
    with open('small.py', 'a') as file:
        file.write('randomness = dict(seed=1)\n')
    with pytest.raises(
            InputError, match='^out/fold0/training was trained with no '):
        run_fake([2])
    assert not Path('out/fold2').exists()


@pytest.mark.parametrize(('name', 'given'), [
    ('folds', [0, 0, 1]), ('shots', [1, 5, 1])])
def test_repeated_values_are_refused_before_anything_runs(
        run_fake, name, given):
    got = ' '.join(map(str, given))
    with pytest.raises(
            InputError, match=f'^expected each of --{name} once, got {got};'):
        run_fake(**{name: given})
    assert not Path('out').exists()


def test_a_fold_that_does_not_exist_is_refused_before_anything_runs(
        run_fake):
    # The toy data have 12 classes, 3 in each fold.
    with pytest.raises(InputError, match=r'^fold 9 .*: expected 0\.\.3$'):
        run_fake([0, 9])
    assert not Path('out').exists()


def test_without_folds_there_is_fold_0_only(run_fake):
    options = ['test_dataloader.dataset.folds=None']
    with pytest.raises(InputError, match=r'small\.py have no folds; give'):
        run_fake([0, 1], cfg_options=options)
    assert not Path('out').exists()
    assert len(run_fake([0], cfg_options=options)) == 2


def test_a_config_without_max_iters_is_refused_in_one_sentence(run_fake):
    config = Path('small.py')
    config.write_text(config.read_text().replace(
        'train_cfg = dict(max_iters=',
        'train_cfg = dict(_delete_=True, max_epochs='))
    with pytest.raises(InputError, match=r'expected train_cfg.max_iters in'):
        run_fake()
