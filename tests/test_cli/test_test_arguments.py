"""Tests of a model on the data of another config, by flags."""
import json

import pytest
from tool_runs import small_config, tool

from mmseg_panet.datasets import FOLDS as BENCHMARKS
from mmseg_panet.datasets import TOY_CLASSES

FOLDS_OF_TOY = BENCHMARKS['toy-3i']
OTHER = """
_base_ = '{small}'
pets = dict(
    _delete_=True, type='FolderDataset', data_root='missing',
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
    metainfo=dict(classes={classes}))
size = dict(type='Resize', scale=(48, 48), keep_ratio=False)
load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'),
        dict(type='EpisodeLabels')]
test_dataloader = dict(dataset=dict(
    pools=dict(train=pets, val=pets), num_episodes=4, episodes_seed=7,
    folds={folds}, fold=0,
    support_pipeline=[*load, size, dict(type='PackEpisodeInputs')],
    query_pipeline=[load[0], size, *load[1:],
                    dict(type='PackEpisodeInputs')]))
test_evaluator = dict(count_absent=False)
{model}
"""
# The same images as the toy data, with other names but for one base class.
CLASSES = ['background', *(f'shape {i}' for i in range(1, 13))]
CLASSES[5] = TOY_CLASSES[4].upper()
FOLDS = [['shape 1', 'shape 2'], ['shape 3', CLASSES[5], 'shape 6']]
WIDE = """model = dict(
    backbone=dict(base_channels=16, stem_channels=16),
    decode_head=dict(in_channels=64))"""


@pytest.fixture(scope='module')
def configs(tmp_path_factory):
    """The config of a model, that of a test, and both in one."""
    folder = tmp_path_factory.mktemp('configs')
    model = small_config(folder)
    paths = [model]
    for name, wide in (('test', WIDE), ('both', '')):
        paths.append(folder / f'{name}.py')
        paths[-1].write_text(OTHER.format(
            small=model, classes=CLASSES, folds=FOLDS, model=wide))
    return paths


def result_of(folder, *arguments):
    done = tool('test', *arguments, '--work-dir', folder / 'run', '--out',
                folder / 'result.json')
    result = json.loads((folder / 'result.json').read_text())
    return result, done.stdout + done.stderr


def test_a_model_is_tested_on_the_episodes_of_another_config(
        configs, toy_root, tmp_path):
    model, test, both = configs
    found, text = result_of(
        tmp_path, model, 'none', '--test-config', test, '--data-root',
        tmp_path / 'missing', '--test-data-root', toy_root, '--shots', 2)
    assert 'that the training of' not in text  # no class is the same
    expected, _ = result_of(
        tmp_path, both, 'none', '--data-root', toy_root, '--shots', 2)
    assert found == expected
    assert found['dataset'] == 'FolderDataset'
    assert found['classes'] == ['shape 1', 'shape 2']
    assert (found['num_episodes'], found['seeds']) == (4, [7])
    assert found['num_shots'] == 2
    assert found['count_absent'] is False
    assert [48, 48] in [
        step.get('scale') for step in found['query_pipeline']]
    # The wider network of the config of the test would have other scores.
    other, _ = result_of(
        tmp_path, test, 'none', '--data-root', toy_root, '--shots', 2)
    assert other['manifest_sha256'] == found['manifest_sha256']
    assert other['mIoU'] != found['mIoU']


def test_classes_that_the_training_samples_are_named_and_left_out(
        configs, toy_root, tmp_path):
    model, test, _ = configs
    flags = ('--test-config', test, '--test-data-root', toy_root)
    result, text = result_of(
        tmp_path, model, 'none', *flags, '--test-fold', 1)
    assert result['classes'] == FOLDS[1]
    assert result['fold'] == 1
    sentence = ('the test has 1 class that the training of small samples: '
                f'{CLASSES[5]}; --test-split unseen leaves them out')
    assert sentence in ' '.join(text.split())
    # Where the class is novel, it was not trained on.
    fold = next(f for f, names in enumerate(FOLDS_OF_TOY)
                if CLASSES[5].lower() in names)
    _, text = result_of(tmp_path, model, 'none', *flags, '--test-fold', 1,
                        '--fold', fold)
    assert 'that the training of' not in text
    result, text = result_of(
        tmp_path, model, 'none', *flags, '--test-split', 'unseen')
    assert result['classes'] == [*FOLDS[0], 'shape 3', 'shape 6']
    assert 'that the training of' not in text
    result, _ = result_of(
        tmp_path, model, 'none', *flags, '--test-split', 'all')
    assert result['classes'] == [*FOLDS[0], *FOLDS[1]]
    assert (result['split'], result['fold']) == ('all', None)


def test_a_manifest_of_unseen_classes_is_replayed(
        configs, toy_root, tmp_path):
    model, test, _ = configs
    flags = ('--test-config', test, '--test-data-root', toy_root)
    manifest = tmp_path / 'unseen.jsonl'
    tool('make-episodes', model, manifest, *flags, '--test-split', 'unseen')
    found, _ = result_of(tmp_path, model, 'none', *flags, '--manifest',
                         manifest, '--fold', 0)
    expected, _ = result_of(
        tmp_path, model, 'none', *flags, '--test-split', 'unseen')
    assert found == expected
    done = tool('test', model, 'none', *flags, '--manifest', manifest,
                '--test-split', 'all', '--work-dir', tmp_path, code=2)
    assert 'remove --test-split, or remove --manifest' in done.stderr


def test_the_fold_of_the_test_may_differ_from_that_of_the_training(
        configs, toy_root, tmp_path):
    result, text = result_of(
        tmp_path, configs[0], 'none', '--data-root', toy_root, '--fold', 0,
        '--test-fold', 1)
    assert result['classes'] == list(FOLDS_OF_TOY[1])
    assert 'the test has 3 classes that the training of small' in ' '.join(
        text.split())


def test_a_config_without_episodes_is_refused(configs, tmp_path):
    done = tool('test', configs[0], 'none', '--test-config',
                'panet_r18-d8-s23_imagenet-473x473', '--work-dir', tmp_path,
                code=2)
    assert 'expected an EpisodicDataset in' in done.stderr
