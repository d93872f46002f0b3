"""Training, resuming and testing on the toy data, and bad input."""
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import mmseg
import pytest
import safetensors.torch
import torch
from filelock import FileLock
from mmengine.config import Config
from PIL import Image
from tool_runs import TWO_PROCESSES, small_config, tool, tool_process

from mmseg_panet.datasets import TOY_CLASSES
from mmseg_panet.locks import LOCK, folder_lock
from mmseg_panet.runs.testing import format_scores


@pytest.fixture(scope='module')
def small(tmp_path_factory, toy_root):
    """Write a config of a tiny network, and train it once."""
    folder = tmp_path_factory.mktemp('small')
    config = small_config(folder)
    tool('train.py', config, '--work-dir', folder / 'run', '--data-root',
         toy_root)
    return config, folder / 'run', toy_root


def weights_and_optimizer(path):
    checkpoint = torch.load(path, map_location='cpu', weights_only=False)
    state = checkpoint['optimizer']['state']
    return checkpoint['state_dict'], {
        f'{i}.{key}': value for i, entry in state.items()
        for key, value in entry.items()}


def assert_bitwise_equal(one, other):
    for mine, theirs in zip(
            weights_and_optimizer(one), weights_and_optimizer(other),
            strict=True):
        assert mine.keys() == theirs.keys()
        for key, value in mine.items():
            assert torch.equal(
                torch.as_tensor(value), torch.as_tensor(theirs[key])), key


def test_two_trainings_are_bitwise_equal_with_0_and_with_2_workers(
        small, tmp_path):
    config, run, data = small
    done = tool_process(
        'train.py', config, '--work-dir', tmp_path, '--data-root', data,
        '--cfg-options', 'train_dataloader.num_workers=2',
        'default_hooks.logger.interval=2')
    assert_bitwise_equal(run / 'iter_6.pth', tmp_path / 'iter_6.pth')
    waited = re.findall(r'data_wait: ([\d.]+)', done.stdout)
    assert len(waited) == 3
    assert all(0 < float(share) < 100 for share in waited)
    assert 'pin_memory' not in done.stderr  # a warning of torch
    # These are notices of mmseg and mmcv when they are imported.
    assert 'OneDL' not in done.stdout
    assert 'MultiScaleDeformableAttention' not in done.stderr
    assert 'The prefix is not set' not in done.stdout


def test_one_class_alone_is_trained_on_and_tested(small, tmp_path):
    cfg, data = Config.fromfile(small[0]), small[2]
    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        loader.dataset.update(folds=[[TOY_CLASSES[0]]])
    cfg.train_cfg.max_iters = 1
    cfg.default_hooks.checkpoint.interval = 1
    config = tmp_path / 'one.py'
    cfg.dump(config)
    tool('train.py', config, '--work-dir', tmp_path, '--data-root', data)
    done = tool('test.py', config, tmp_path / 'iter_1.pth', '--work-dir',
                tmp_path, '--data-root', data)
    assert TOY_CLASSES[0] in done.stdout
    assert TOY_CLASSES[1] not in done.stdout


def test_a_repeated_data_set_of_episodes_gives_the_same_training(
        small, tmp_path):
    """Also with a joined one in the validation, and in check-data."""
    config, run, data = small
    cfg = Config.fromfile(config)
    train, val = cfg.train_dataloader, cfg.val_dataloader
    train.dataset = dict(
        type='RepeatDataset', times=2,
        dataset=dict(train.dataset, num_episodes=12))
    val.dataset = dict(
        type='ConcatDataset', datasets=[val.dataset, val.dataset])
    val.batch_size, cfg.train_cfg.val_interval = 2, 6
    wrapped = tmp_path / 'wrapped.py'
    cfg.dump(wrapped)
    done = tool('train.py', wrapped, '--work-dir', tmp_path,
                '--data-root', data)
    assert_bitwise_equal(run / 'iter_6.pth', tmp_path / 'iter_6.pth')
    assert re.search(r'Iter\(val\) \[2/2\] +mIoU', done.stdout), done.stdout
    tool('test.py', wrapped, tmp_path / 'iter_6.pth', '--data-root', data,
         '--work-dir', tmp_path / 'test')
    printed = tool(
        'check_data.py', wrapped, '--data-root', data, '--accept', 'leak',
        'few').stdout
    assert 'validation 2 >= ' in printed


def test_an_interrupted_and_resumed_training_is_bitwise_equal(
        small, tmp_path):
    config, run, data = small
    shutil.copy(run / 'iter_3.pth', tmp_path)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_3.pth'))
    # Workers prefetch batches.
    tool('train.py', config, '--work-dir', tmp_path, '--data-root', data,
         '--resume', '--cfg-options', 'train_dataloader.num_workers=2')
    assert_bitwise_equal(run / 'iter_6.pth', tmp_path / 'iter_6.pth')


def test_a_training_resumes_from_the_checkpoint_before_a_cut_one(
        small, tmp_path):
    config, run, data = small
    for name in ('iter_3.pth', 'iter_6.pth'):
        shutil.copy(run / name, tmp_path)
    cut = tmp_path / 'iter_6.pth'
    cut.write_bytes(cut.read_bytes()[:-100])
    (tmp_path / 'last_checkpoint').write_text(str(cut))
    done = tool('train.py', config, '--work-dir', tmp_path, '--data-root',
                data, '--resume')
    assert (f'the checkpoint {cut} is cut off, as its process was killed; the '
            f'training resumes from {tmp_path}/iter_3.pth') in done.stdout
    assert 'resumed epoch: 0, iter: 3' in done.stdout
    assert_bitwise_equal(run / 'iter_6.pth', cut)
    assert (tmp_path / 'last_checkpoint').read_text() == str(cut)
    assert not list(tmp_path.glob('.part*'))


@pytest.mark.parametrize('hook', [
    (), ['default_hooks.finite_loss.type=SyncBuffersHook']],
    ids=['ours', 'a config without'])
def test_a_training_that_diverges_stops_and_keeps_its_checkpoints(
        small, tmp_path, hook):
    config, _, data = small
    done = tool(
        'train', config, '--work-dir', tmp_path, '--data-root', data,
        '--cfg-options', 'optim_wrapper.optimizer.lr=1e14',
        'default_hooks.checkpoint.interval=1',
        'default_hooks.checkpoint.max_keep_ckpts=1', *hook, code=1)
    error, = [line for line in done.stderr.splitlines() if 'error:' in line]
    assert 'Traceback' not in done.stderr
    stop = re.match(
        r'error: expected finite numbers in iteration (\d), with a learning '
        r"rate of [\de.+]+ on episode \d \(classes '[\w ]+'; images "
        r"'\d+.jpg', '\d+.jpg'\), episode .*got .*; the last checkpoint is "
        r'(\S+): set load_from to it and lower', error)
    last = int(stop[1]) - 1
    assert stop[2] == f'{tmp_path}/iter_{last}.pth'
    assert [path.name for path in tmp_path.glob('*.pth')] == [
        f'iter_{last}.pth']
    state, _ = weights_and_optimizer(stop[2])
    assert all(torch.isfinite(one).all() for one in state.values())


def test_a_training_that_diverges_in_its_validation_is_no_bad_input(
        small, tmp_path):
    config, _, data = small
    done = tool(
        'train', config, '--work-dir', tmp_path, '--data-root', data,
        '--cfg-options', 'optim_wrapper.optimizer.lr=1e9',
        'train_cfg.val_interval=1', code=1)
    *_, error = done.stderr.strip().splitlines()
    assert re.match(
        'error: expected finite (features in the validation after|numbers '
        r'in) iteration \d', error)


def test_a_checkpoint_without_the_state_of_a_training_is_not_resumed(
        small, tmp_path):
    config, run, data = small
    weights = torch.load(run / 'iter_6.pth', weights_only=False)['state_dict']
    torch.save(weights, tmp_path / 'plain.pth')
    done = tool(
        'train', config, '--work-dir', tmp_path / 'run', '--data-root', data,
        '--resume', '--cfg-options', f"load_from={tmp_path / 'plain.pth'}",
        code=2)
    assert done.stderr.splitlines()[-1].startswith(
        f"error: the checkpoint {tmp_path / 'plain.pth'} lacks what a "
        "training resumes from: KeyError('meta'); give it as load_from")


@pytest.mark.parametrize('option', [
    'train_cfg=5', 'train_dataloader=abc', 'optim_wrapper=5',
    'optim_wrapper.optimizer.type=Foo', 'param_scheduler=5', 'env_cfg=5',
    'custom_hooks=5', 'log_level=FOO', 'visualizer=5', 'randomness.seed=abc',
    'model=5', 'default_scope=5'])
def test_a_setting_of_a_wrong_kind_is_one_sentence(small, tmp_path, option):
    config, _, data = small
    done = tool(
        'train', config, '--work-dir', tmp_path, '--data-root', data,
        '--cfg-options', option, code=2)
    assert 'Traceback' not in done.stderr


def test_hooks_that_are_none_are_removed(small, tmp_path):
    config, run, data = small
    removed = [f'default_hooks.{name}=None' for name in (
        'finite_loss', 'data_wait', 'visualization', 'timer')]
    unvalidated = [f'val_{name}=None' for name in (
        'cfg', 'dataloader', 'evaluator')]
    tool('train', config, '--work-dir', tmp_path, '--data-root', data,
         '--cfg-options', 'optim_wrapper.optimizer.lr=1e14', *removed,
         *unvalidated)
    state, _ = weights_and_optimizer(tmp_path / 'iter_6.pth')
    assert not all(torch.isfinite(one).all() for one in state.values())
    tool('test', config, run / 'iter_6.pth', '--work-dir', tmp_path / 'test',
         '--data-root', data, '--cfg-options', *removed)


def test_another_fold_trains_other_weights(small, tmp_path):
    config, run, data = small
    tool('train.py', config, '--work-dir', tmp_path, '--data-root', data,
         '--fold', 1)
    with pytest.raises(AssertionError):
        assert_bitwise_equal(run / 'iter_6.pth', tmp_path / 'iter_6.pth')


def test_a_result_records_its_settings_and_pictures_are_plotted(
        small, tmp_path):
    config, run, data = small
    arguments = (
        'test.py', config, run / 'iter_6.pth', '--data-root', data,
        '--work-dir', tmp_path, '--runs', 2, '--episodes', 3, '--fold', 2,
        '--show-dir', tmp_path / 'pictures')
    printed = tool(*arguments, '--shots', 2, '--out',
                   tmp_path / 'a/result.json').stdout
    result = json.loads((tmp_path / 'a/result.json').read_text())
    assert {
        'mIoU', 'FB-IoU', 'per_class', 'runs', 'std', 'num_ways',
        'num_shots', 'num_episodes', 'fold', 'classes', 'dataset', 'seeds',
        'checkpoint_sha256', 'manifest_sha256', 'versions'} <= set(result)
    assert (result['num_shots'], result['fold']) == (2, 2)
    assert result['seeds'] == [1234, 1235]
    assert list(result['per_class']) == result['classes']
    *_, logged, _, summary = printed.splitlines()
    low, high = result['interval']
    assert summary == (
        f"mIoU {result['mIoU']:.2f} +- {result['std']:.2f} over 2 runs, 95% "
        f"interval {low:.2f} to {high:.2f}; FB-IoU {result['FB-IoU']:.2f}")
    # The line of mmengine has only the means. The classes are in the table.
    assert re.search(
        r'] +mIoU: [\d.]+  FB-IoU: [\d.]+  std: [\d.]+(  time: [\d.]+)?$',
        logged)
    for name, score in result['per_class'].items():
        assert re.search(rf'^{name} +{score:.2f} +\[', printed, re.MULTILINE)
    pictures = list((tmp_path / 'pictures').glob('*.png'))
    assert len(pictures) == 6
    assert Image.open(pictures[0]).width > 200

    # The name of the variable has the same effect as the flag.
    tool(*arguments, '--out', tmp_path / 'b.json', '--cfg-options',
         'num_shots=2', 'test_dataloader.num_workers=2',
         'test_dataloader.batch_size=1')
    assert result == json.loads((tmp_path / 'b.json').read_text())


def test_the_untrained_model_is_scored_without_a_checkpoint(small, tmp_path):
    config, _, data = small
    for name in ('a', 'b'):
        tool('test.py', config, 'none', '--data-root', data, '--work-dir',
             tmp_path, '--out', tmp_path / f'{name}.json')
    result = json.loads((tmp_path / 'a.json').read_text())
    assert result['checkpoint_sha256'] is None
    assert result == json.loads((tmp_path / 'b.json').read_text())


@pytest.fixture(scope='module')
def weights(small):
    """Save the trained weights to files of other kinds."""
    _, run, _ = small
    state, _ = weights_and_optimizer(run / 'iter_6.pth')
    backbone = {
        key.removeprefix('backbone.'): value.contiguous()
        for key, value in state.items()}
    # A file of torchvision has such a tensor, which the backbone lacks.
    backbone['fc.bias'] = torch.zeros(3)
    torch.save(backbone, run / 'backbone.pth')
    safetensors.torch.save_file(backbone, run / 'backbone.safetensors')
    safetensors.torch.save_file(
        {key: value.contiguous() for key, value in state.items()},
        run / 'complete.safetensors')
    return run


def test_a_backbone_alone_and_safetensors_score_as_the_checkpoint_does(
        small, weights, tmp_path):
    config, run, data = small
    common = ('--data-root', data, '--work-dir', tmp_path, '--out',
              tmp_path / 'result.json')
    results = []
    for name in ('iter_6.pth', 'backbone.pth', 'complete.safetensors'):
        tool('test.py', config, weights / name, *common)
        results.append(json.loads((tmp_path / 'result.json').read_text()))
        assert results[-1].pop('checkpoint_sha256') == hashlib.sha256(
            (weights / name).read_bytes()).hexdigest()
    tool('test.py', config, 'none', '--pretrained',
         weights / 'backbone.safetensors', *common)
    results.append(json.loads((tmp_path / 'result.json').read_text()))
    assert results[-1].pop('checkpoint_sha256') is None
    assert all(result == results[0] for result in results)


def test_a_training_starts_from_a_backbone_alone_and_says_what_to_run_next(
        small, weights, tmp_path):
    config, run, data = small
    start = weights / 'backbone.safetensors'
    for name, flags in (
            ('loaded', ('--cfg-options', f'load_from={start}')),
            ('pretrained', ('--pretrained', start))):
        done = tool('train.py', config, '--data-root', data, '--work-dir',
                    tmp_path / name, '--fold', 1, *flags)
    assert_bitwise_equal(*(
        tmp_path / name / 'iter_6.pth' for name in ('loaded', 'pretrained')))
    with pytest.raises(AssertionError):
        assert_bitwise_equal(
            run / 'iter_6.pth', tmp_path / 'loaded/iter_6.pth')

    checkpoint = tmp_path / 'pretrained/iter_6.pth'
    last = done.stdout.splitlines()[-1]
    assert f'The checkpoint is {checkpoint}; ' in last
    # The command needs no flag: the config of the work dir has them.
    name, *arguments = last.rpartition('mmseg-panet ')[2].split()
    tool(name, *arguments, '--out', tmp_path / 'result.json')
    result = json.loads((tmp_path / 'result.json').read_text())
    assert result['fold'] == 1


def test_the_head_of_another_project_has_no_classifier_to_name():
    result = {'mIoU': 50., 'FB-IoU': 60., 'std': 0., 'runs': [50.],
              'interval': [40., 55.], 'method': None}
    assert format_scores(result) == (
        'mIoU 50.00, 95% interval 40.00 to 55.00; FB-IoU 60.00')


def test_the_classifier_of_a_test_is_chosen_and_kept(small, tmp_path):
    config, _, data = small
    results = {}
    for name, flags in (
            ('usual', ()), ('config', ('--classifier', 'config')),
            ('auto', ('--classifier', 'auto')),
            ('settings', ('--cfg-options',
                          'model.decode_head.classifier=auto',
                          'model.decode_head.scale=None'))):
        run = tool('test.py', config, 'none', '--data-root', data, '--shots',
                   2, '--work-dir', tmp_path, '--out',
                   tmp_path / f'{name}.json', *flags)
        result = json.loads((tmp_path / f'{name}.json').read_text())
        assert f"\nclassified by {result['method']}\n" in run.stdout
        results[name] = result
    assert results['usual'] == results['config']
    assert results['auto'] == results['settings']
    assert results['usual']['classifier'] == dict(
        type='PrototypeClassifier', distance='cosine', scale=20.0)
    assert results['auto']['classifier']['type'] == 'AutoClassifier'
    assert results['auto']['method'] == (
        'auto: refinement from the discriminant for 1 way, 2 shots')
    assert results['auto']['mIoU'] != results['usual']['mIoU']
    done = tool('test.py', config, 'none', '--data-root', data,
                '--classifier', 'Guess', code=2)
    assert done.stderr.splitlines()[-1].startswith(
        'error: expected a registered subclass of Classifier')


def test_several_levels_are_trained_and_tested(small, tmp_path):
    config, run, data = small
    levels = (
        '--data-root', data, '--work-dir', tmp_path, '--cfg-options',
        'model.backbone.out_indices=(0,2)',
        'model.decode_head.in_index=(0,1)',
        'model.decode_head.in_channels=(8,32)')
    tool('train.py', config, *levels)
    with pytest.raises(AssertionError):
        assert_bitwise_equal(run / 'iter_6.pth', tmp_path / 'iter_6.pth')
    tool('test.py', config, tmp_path / 'iter_6.pth', '--out',
         tmp_path / 'result.json', *levels)
    result = json.loads((tmp_path / 'result.json').read_text())
    assert 0 < result['mIoU'] < 100


def test_a_model_is_trained_through_the_classifier_and_tested(
        small, tmp_path):
    config, run, data = small
    tool('train.py', config, '--data-root', data, '--work-dir', tmp_path,
         '--shots', 2, '--cfg-options',
         'model.decode_head.classifier.type=DiscriminantClassifier',
         'model.decode_head.classifier.scale=0.3',
         'model.decode_head.loss_align.classifier.type=PrototypeClassifier')
    with pytest.raises(AssertionError):
        assert_bitwise_equal(run / 'iter_6.pth', tmp_path / 'iter_6.pth')
    state, _ = weights_and_optimizer(tmp_path / 'iter_6.pth')
    assert all(torch.isfinite(one).all() for one in state.values())
    tool('test.py', config, tmp_path / 'iter_6.pth', '--data-root', data,
         '--work-dir', tmp_path, '--out', tmp_path / 'result.json',
         '--cfg-options', 'model.decode_head.classifier=auto')
    result = json.loads((tmp_path / 'result.json').read_text())
    assert 0 < result['mIoU'] < 100


def test_two_processes_score_as_one_does(small, tmp_path):
    config, run, data = small
    common = (
        'test.py', config, run / 'iter_6.pth', '--data-root', data,
        '--work-dir', tmp_path, '--cfg-options',
        'test_dataloader.batch_size=1')
    tool(*common, '--out', tmp_path / 'one.json', '--save-predictions',
         tmp_path / 'one')
    shutil.copytree(tmp_path / 'one', tmp_path / 'two')
    (tmp_path / 'two/0-00000-9.png').touch()
    tool_process(
        *common, '--out', tmp_path / 'two.json', '--launcher', 'pytorch',
        '--save-predictions', tmp_path / 'two', launcher=TWO_PROCESSES)
    one, two = (
        json.loads((tmp_path / f'{name}.json').read_text())
        for name in ('one', 'two'))
    assert one == two
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ('one', 'two'))
    assert one == two


def test_the_custom_import_is_enough_from_another_folder(small, tmp_path):
    """The tool of mmseg runs the config, which imports this package."""
    config, _, data = small
    train = Path(mmseg.__file__).parent / '.mim/tools/train.py'
    tool_process(
        train, config, '--work-dir', 'here', '--cfg-options',
        'train_cfg.max_iters=1', 'train_dataloader.persistent_workers=False',
        'val_dataloader.persistent_workers=False',
        *(f'{loader}_dataloader.dataset.pools.{pool}.data_root={data}'
          for loader in ('train', 'val', 'test')
          for pool in ('train', 'val')), cwd=tmp_path)
    assert (tmp_path / 'here/iter_1.pth').is_file()


@pytest.mark.parametrize(('arguments', 'sentence'), [
    (['--fold', 4], 'fold 4 does not exist: expected 0..3'),
    (['--shots', 90], 'but num_shots=90 and num_queries=1 need 91'),
    (['--ways', 11], 'num_ways=11 needs as many classes'),
    (['--data-root', 'nowhere'], 'nowhere'),
])
def test_bad_settings_are_one_line_without_a_traceback(
        small, tmp_path, arguments, sentence):
    config, run, data = small
    done = tool(
        'test.py', config, run / 'iter_6.pth', '--work-dir', tmp_path,
        '--data-root', data, *arguments, code=2)
    error, = [line for line in done.stderr.splitlines() if 'error:' in line]
    assert sentence in error
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize('arguments', [
    ('--fold', 7), ('--data-root', 'nowhere')])
def test_a_place_that_does_not_exist_is_refused_before_all_else(
        small, tmp_path, arguments):
    config, run, data = small
    for command in (['train', config], ['test', config, run / 'iter_6.pth']):
        done = tool(*command, '--work-dir', tmp_path / 'new', '--data-root',
                    data, *arguments, code=2)
        assert 'mmengine' not in done.stdout
        assert 'does not exist' in done.stderr.splitlines()[-1]
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize(('option', 'sentence'), [
    ('model.decode_head.type=PANetHed', "the nearest name is 'PANetHead'"),
    ('val_evaluator.type=FewShotIoU', "name is 'FewShotIoUMetric'"),
    ('model.decode_head.num_classes=2',
     'expected arguments of PANetHead in model.decode_head of '),
    ('train_dataloader.wrong=2', 'expected arguments of DataLoader in '),
    ('model.data_preprocessor.size=None', 'either size or size_divisor in')])
def test_a_model_that_cannot_be_trained_is_one_line(
        small, tmp_path, option, sentence):
    config, run, data = small
    done = tool(
        'train', config, '--work-dir', tmp_path, '--data-root', data,
        '--cfg-options', option, code=2)
    line = done.stderr.splitlines()[-1]
    assert line.startswith('error: ') and sentence in line
    assert 'Traceback' not in done.stderr


def test_mmsegs_segmentor_is_refused_before_training_and_test(
        small, tmp_path):
    base, _, data = small
    config = tmp_path / 'config.py'
    text = (
        f'_base_ = {str(base)!r}\n'
        "model = dict(_delete_=True, type='EncoderDecoder', "
        "data_preprocessor=dict(type='SegDataPreProcessor', size=(64, 64)), "
        "backbone=dict(type='DilatedResNet', depth=18, base_channels=8, "
        "stem_channels=8), decode_head=dict(type='PANetHead', "
        'in_channels=32))\n')
    config.write_text(text)
    for command in (['train', config], ['test', config, 'none']):
        done = tool(*command, '--work-dir', tmp_path, '--data-root', data,
                    code=2)
        assert "set type='FewShotSegmentor' in model" in (
            done.stderr.splitlines()[-1])
    # It trains the head: only the validation needs episodes.
    config.write_text(text + (
        'val_cfg = val_dataloader = val_evaluator = None\n'
        'train_cfg = dict(max_iters=1)\n'))
    tool('train', config, '--work-dir', tmp_path / 'run', '--data-root', data)
    assert (tmp_path / 'run/iter_1.pth').is_file()


def test_a_checkpoint_of_another_model_is_one_line(small, tmp_path):
    config, run, data = small
    done = tool(
        'test.py', config, run / 'iter_6.pth', '--work-dir', tmp_path,
        '--data-root', data, '--cfg-options', 'model.backbone.depth=34',
        code=2)
    assert "iter_6.pth is not a checkpoint of the config's model" in (
        done.stderr)
    assert 'Traceback' not in done.stderr


def test_training_does_not_start_from_a_checkpoint_of_another_model(
        small, tmp_path):
    config, run, data = small
    done = tool(
        'train.py', config, '--work-dir', tmp_path, '--data-root', data,
        '--cfg-options', 'model.backbone.depth=34',
        f'load_from={run}/iter_6.pth', code=2)
    assert "iter_6.pth is not a checkpoint of the config's model" in (
        done.stderr)


def test_a_result_that_cannot_be_written_is_refused_before_the_test(
        small, tmp_path):
    config, run, data = small
    done = tool(
        'test.py', config, run / 'iter_6.pth', '--work-dir', tmp_path,
        '--data-root', data, '--out', tmp_path, code=2)
    assert f'error: {tmp_path} cannot be written' in done.stderr
    assert 'Iter(test)' not in done.stdout
    done = tool(
        'test.py', config, run / 'iter_6.pth', '--work-dir', tmp_path,
        '--data-root', data, '--out', tmp_path / 'lr.01', code=2)
    assert 'error: expected --out FILE.json, got' in done.stderr


def test_predictions_of_an_earlier_test_are_replaced(small, tmp_path):
    config, run, data = small
    folder = tmp_path / 'predictions'
    arguments = (
        'test', config, run / 'iter_6.pth', '--work-dir', tmp_path / 'run',
        '--data-root', data, '--runs', 1, '--save-predictions', folder)
    tool(*arguments, '--episodes', 3)
    (folder / 'mine.png').touch()
    tool(*arguments, '--episodes', 2)
    assert {path.name for path in folder.iterdir()} == {
        '0-00000-0.png', '0-00001-0.png', 'mine.png', 'classes.txt',
        'ways.csv'}
    _, *ways = (folder / 'ways.csv').read_text().splitlines()
    assert [way.split(',')[:3] for way in ways] == [
        ['0', '0', '1'], ['0', '1', '1']]


def test_a_class_list_of_the_user_is_refused_before_the_test(small, tmp_path):
    config, run, data = small
    path = tmp_path / 'classes.txt'
    path.write_text('0 background\n1 cat\n')
    done = tool(
        'test', config, run / 'iter_6.pth', '--work-dir', tmp_path / 'run',
        '--data-root', data, '--save-predictions', tmp_path, code=2)
    assert f'got {tmp_path}, whose classes.txt would be' in done.stderr
    assert 'Iter(test)' not in done.stdout
    assert path.read_text() == '0 background\n1 cat\n'
    assert {one.name for one in tmp_path.iterdir()} <= {'classes.txt', 'run'}


def test_an_image_that_breaks_in_a_worker_is_one_line(small, tmp_path):
    config, run, data = small
    copy = tmp_path / 'data'
    shutil.copytree(data, copy)
    tool('test.py', config, run / 'iter_6.pth', '--work-dir', tmp_path,
         '--data-root', copy)
    for image in (copy / 'JPEGImages').iterdir():
        stat = image.stat()  # The class index keeps its counts.
        image.write_bytes(image.read_bytes()[:50].ljust(stat.st_size))
        os.utime(image, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    done = tool(
        'test.py', config, run / 'iter_6.pth', '--work-dir', tmp_path,
        '--data-root', copy, '--cfg-options',
        'test_dataloader.num_workers=2', code=2)
    assert 'Traceback' not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert 'JPEGImages' in last and 'is no complete image' in last


def test_a_second_training_in_a_work_dir_is_refused(small, tmp_path):
    config, _, data = small
    arguments = ['train.py', config, '--work-dir', tmp_path / 'run',
                 '--data-root', data]
    reading, writing = os.pipe()
    first = os.fork()
    if not first:
        with folder_lock(tmp_path / 'run'):
            os.write(writing, b'x')
            time.sleep(600)
    os.read(reading, 1)
    done = tool(*arguments, code=2)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    assert done.stderr.splitlines()[-1].startswith(
        f"error: expected one run at a time in {tmp_path / 'run'}, got a "
        f'second one: process {first} (')
    assert os.listdir(tmp_path / 'run') == [LOCK]
    tool(*arguments)
    assert not (tmp_path / 'run' / LOCK).exists()


@pytest.mark.parametrize('flag', ['--save-predictions', '--show-dir'])
def test_a_second_test_that_writes_to_a_folder_is_refused(
        small, tmp_path, flag):
    config, run, data = small
    (tmp_path / 'out').mkdir()
    with FileLock(tmp_path / 'out' / LOCK):
        done = tool('test.py', config, run / 'iter_6.pth', '--work-dir',
                    tmp_path, '--data-root', data, flag, tmp_path / 'out',
                    code=2)
    assert (f"expected one run at a time in {tmp_path / 'out'}, got"
            in done.stderr.splitlines()[-1])


def test_a_full_disk_ends_a_training_in_one_line(
        small, tmp_path, monkeypatch):
    config, _, data = small

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr('mmengine.runner.Runner.save_checkpoint', fail)
    done = tool('train.py', config, '--work-dir', tmp_path / 'run',
                '--data-root', data, code=1)
    assert done.stderr.splitlines()[-1] == (
        f"error: {tmp_path / 'run/iter_3.pth'} could not be written: the disk "
        'is full; free some space, then start again')


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_mixed_precision_without_a_gpu_is_one_line(small, tmp_path):
    config, _, data = small
    done = tool(
        'train.py', config, '--work-dir', tmp_path, '--data-root', data,
        '--amp', '--amp-dtype', 'bfloat16', code=2)
    assert '--amp needs a GPU' in done.stderr.splitlines()[-1]


def test_a_config_that_does_not_exist_is_one_line():
    done = tool('train.py', 'nothing.py', code=2)
    assert done.stderr.splitlines()[-1].startswith(
        'error: the config nothing.py does not exist')
