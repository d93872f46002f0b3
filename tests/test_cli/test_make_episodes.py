"""Manifests are written, replayed and counted by hand."""
import hashlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tool_runs import (
    REPO,
    command_of,
    run_here,
    small_config,
    tool,
    tool_process,
)


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    return small_config(tmp_path_factory.mktemp('small'))


def run_test(config, data, folder, name, *arguments):
    """Return the bytes of a result and of its counts."""
    tool('test.py', config, 'none', '--data-root', data, '--work-dir',
         folder / 'run', '--out', folder / f'{name}.json', *arguments)
    return [
        (folder / f'{name}.{suffix}').read_bytes()
        for suffix in ('json', 'npz')]


def test_a_test_is_replayed_to_the_byte_from_the_manifest_alone(
        config, toy_root, tmp_path):
    episodes = (
        '--protocol', 'modern', '--fold', 2, '--ways', 2, '--shots', 3,
        '--queries', 2, '--runs', 2, '--episodes', 5)
    sampled = run_test(config, toy_root, tmp_path, 'sampled', *episodes)
    assert sampled == run_test(
        config, toy_root, tmp_path, 'workers', *episodes, '--cfg-options',
        'test_dataloader.num_workers=2')
    manifest = tmp_path / 'episodes/modern.jsonl'
    printed = tool_process('make_episodes.py', config, manifest,
                           '--data-root', toy_root, *episodes).stdout
    assert sampled == run_test(
        config, toy_root, tmp_path, 'replayed', '--manifest', manifest)
    result = json.loads(sampled[0])
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    assert result['manifest_sha256'] == digest
    assert digest in printed and '10 episodes' in printed
    assert result['protocol'] == 'modern'
    assert result['test_cfg']['shot_fusion'] == 'mean_prototypes'


def test_two_ways_counted_by_hand_from_saved_predictions(
        config, toy_root, tmp_path):
    manifest = tmp_path / 'episodes.jsonl'
    tool('make_episodes.py', config, manifest, '--data-root', toy_root,
         '--ways', 2, '--queries', 3, '--runs', 2, '--episodes', 5)
    run_test(config, toy_root, tmp_path, 'result', '--manifest', manifest,
             '--save-predictions', tmp_path / 'predictions')
    result = json.loads((tmp_path / 'result.json').read_text())
    _, *lines = map(json.loads, manifest.read_text().splitlines())
    run_scores, lacking = [], 0
    for run, seed in enumerate(result['seeds']):
        pixels = {}  # name to [intersection, union]
        for line in lines:
            if line['seed'] != seed:
                continue
            for number, image in enumerate(line['queries']):
                mask = np.array(Image.open(
                    toy_root / 'SegmentationClass' / image.replace(
                        '.jpg', '.png')))
                said = np.array(Image.open(
                    tmp_path / 'predictions'
                    / f"{run}-{line['index']:05d}-{number}.png"))
                valid = mask != 255
                first, second = line['class_ids']
                lacking += not {first, second} <= set(mask.ravel().tolist())
                named = zip(line['class_names'], [
                    (mask == first, said == 1), (mask == second, said == 2),
                ], strict=True)
                shown = (mask == first) | (mask == second)
                for name, (true, guess) in [
                        *named, ('foreground', (shown, said > 0)),
                        ('background', (~shown, said == 0))]:
                    entry = pixels.setdefault(name, [0, 0])
                    entry[0] += int((true & guess & valid).sum())
                    entry[1] += int(((true | guess) & valid).sum())
        iou = {name: 100 * i / u for name, (i, u) in pixels.items()}
        both = (iou.pop('foreground') + iou.pop('background')) / 2
        run_scores.append((sum(iou.values()) / len(iou), both))
    assert lacking > 5  # Some queries show only one way.
    scores = np.mean(run_scores, axis=0)
    assert result['mIoU'] == pytest.approx(scores[0], abs=1e-9)
    assert result['FB-IoU'] == pytest.approx(scores[1], abs=1e-9)
    assert result['runs'] == pytest.approx(
        [score for score, _ in run_scores], abs=1e-9)


def test_training_takes_several_queries_and_ways(config, toy_root, tmp_path):
    tool('train.py', config, '--data-root', toy_root, '--work-dir', tmp_path,
         '--ways', 2, '--queries', 3, '--cfg-options',
         'train_cfg.max_iters=2')
    assert (tmp_path / 'iter_2.pth').is_file()


@pytest.mark.parametrize('kind', ['box', 'scribble', 'point'])
def test_supports_may_have_other_annotations_than_masks(
        config, toy_root, tmp_path, kind):
    scores = {}
    for annotation in ('mask', kind):
        run_test(config, toy_root, tmp_path, annotation,
                 '--support-annotation', annotation)
        result = json.loads((tmp_path / f'{annotation}.json').read_text())
        assert result['support_annotation'] == annotation
        scores[annotation] = result['mIoU'], result['manifest_sha256']
    assert scores['mask'][0] != scores[kind][0]
    assert scores['mask'][1] == scores[kind][1]  # The episodes are the same.


def test_flags_that_a_manifest_determines_are_refused(
        config, toy_root, tmp_path):
    manifest = tmp_path / 'episodes.jsonl'
    tool('make_episodes.py', config, manifest, '--data-root', toy_root)
    test = ('test.py', config, 'none', '--data-root', toy_root, '--work-dir',
            tmp_path, '--manifest', manifest)
    done = tool(*test, '--shots', 5, '--cfg-options', 'fold=1', code=2)
    assert done.stderr.splitlines()[-1] == (
        'error: the manifest determines the episodes: remove --shots fold, '
        'or remove --manifest to sample episodes')
    # The protocol in a manifest is a name, never a file to execute.
    header, *lines = manifest.read_text().splitlines()
    evil = tmp_path / 'evil.py'
    evil.write_text(f"open(r'{tmp_path}/ran', 'w')")
    header = json.dumps(json.loads(header) | dict(protocol=str(evil)))
    manifest.write_text('\n'.join([header, *lines]) + '\n')
    done = tool(*test, code=2)
    assert done.stderr.splitlines()[-1] == (
        f'error: expected protocol {str(evil)!r}, as in {manifest}, got None; '
        'give the protocol of the manifest with --protocol')
    assert not (tmp_path / 'ran').exists()


def test_options_override_the_protocol_of_a_manifest(
        config, toy_root, tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text(
        f"_base_ = '{REPO}/configs/_base_/protocols/modern.py'\n"
        "protocol = dict(test=dict(protocol='mine', num_runs=1, "
        "num_episodes=2))\n")
    manifest = tmp_path / 'episodes.jsonl'
    tool('make_episodes.py', config, manifest, '--data-root', toy_root,
         '--protocol', mine)
    run_test(config, toy_root, tmp_path, 'result', '--manifest', manifest,
             '--protocol', mine, '--cfg-options',
             'model.test_cfg.shot_fusion=vote',
             'test_evaluator.count_absent=False')
    result = json.loads((tmp_path / 'result.json').read_text())
    assert result['protocol'] == 'mine'
    assert result['test_cfg']['shot_fusion'] == 'vote'
    assert result['count_absent'] is False


NUMBERS = st.sampled_from([-1, 0, 1, 2, 3, 10 ** 6, 10 ** 30, '', 'x', 'nan'])


@settings(max_examples=15, deadline=None, derandomize=True, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flags=st.dictionaries(st.sampled_from(
    ['--fold', '--ways', '--shots', '--queries']), NUMBERS, min_size=1))
def test_a_random_command_line_works_or_ends_with_one_sentence(
        flags, config, toy_root, tmp_path):
    out = tmp_path / 'out.jsonl'
    out.unlink(missing_ok=True)
    command = command_of('make-episodes', [
        config, out, '--data-root', toy_root, '--episodes', 2,
        *(f'{name}={value}' for name, value in flags.items())])
    code = run_here(command)
    assert code == 0 if out.exists() else code == 2
