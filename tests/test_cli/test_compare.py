"""The command on results that are written by hand."""
import json
import re

import numpy as np
import pytest
from tool_runs import tool, tool_process

from mmseg_panet.errors import InputError
from mmseg_panet.evaluation import EpisodeCounts
from mmseg_panet.evaluation.bootstrap import paired_interval, permutation_p
from mmseg_panet.evaluation.comparison import compare as differences
from mmseg_panet.evaluation.comparison import format_comparison, read_pair
from mmseg_panet.evaluation.episode_table import EpisodeTable
from mmseg_panet.evaluation.scores import table_scores


def write_result(folder, hits, union=100, **changes):
    """Write a result of two runs with three episodes of a cat or a dog.

    The classes alternate. The intersection of every background is 90.
    """
    table = EpisodeTable.from_counts([
        EpisodeCounts(i // 3, i % 3, (8 + 4 * (i % 2),),
                      np.array([hit, hit, min(90, union)]), np.full(3, union))
        for i, hit in enumerate(hits)])
    folder.mkdir()
    table.write(folder / 'result.npz')
    path = folder / 'result.json'
    path.write_text(json.dumps({
        'mIoU': table_scores(table, [8, 12, 15])[0],
        'manifest_sha256': 'f00d' * 16,
        'checkpoint_sha256': folder.name * 64,
        'classes': ['cat', 'dog', 'person'],
        'class_ids': [8, 12, 15],
        'protocol': 'modern',
        'support_annotation': 'mask',
    } | changes))
    return path, table


def compare(*paths, code=0, run=tool):
    done = run('compare.py', *paths, code=code)
    assert 'Traceback' not in done.stderr
    return done.stdout if code == 0 else done.stderr.splitlines()[-1]


def test_the_table_shows_both_the_difference_its_interval_and_p(tmp_path):
    a, table_a = write_result(
        tmp_path / 'a', [20, 50, 40, 60, 10, 30], checkpoint_sha256=None)
    b, table_b = write_result(tmp_path / 'b', [30, 55, 60, 61, 40, 32])
    printed = compare(a, b)
    # The first lines are printed by mmengine when it is imported.
    lines = printed[printed.index('A  '):].splitlines()
    rest = 'protocol modern, supports from mask'
    assert lines[0] == f'A  {a}, untrained, {rest}'
    assert lines[1] == f'B  {b}, checkpoint bbbbbbbbbbbb, {rest}'
    assert lines[2] == f"6 episodes in 2 runs, manifest {'f00d' * 16}"
    rows = {line.split('  ')[0]: line.split() for line in lines[5:]}
    assert list(rows) == ['mIoU', 'FB-IoU', 'cat', 'dog', 'person']
    # cat: episodes 0, 2 of the first run and 1 of the second: A 30 and 10,
    # B 45 and 40. dog: 1 of the first, 0 and 2 of the second: A 50 and 45,
    # B 55 and 46.5.
    assert rows['cat'][1:4] == ['20.00', '42.50', '+22.50']
    assert rows['dog'][1:4] == ['47.50', '50.75', '+3.25']
    # mIoU: A (30 + 50) / 2 and (10 + 45) / 2, B 50 and (40 + 46.5) / 2.
    assert rows['mIoU'][1:4] == ['33.75', '46.62', '+12.88']
    # Foreground: A 110 / 300 and 100 / 300, B 145 and 133; background 90.
    assert rows['FB-IoU'][1:4] == ['62.50', '68.17', '+5.67']
    assert rows['person'][1:] == ['-'] * 5
    low, high = paired_interval(table_a, table_b, [8, 12])
    p = permutation_p(table_a, table_b, [8, 12])
    for i, name in enumerate(['mIoU', 'FB-IoU', 'cat', 'dog']):
        assert rows[name][4:] == [
            f'[{low[i]:+.2f},', f'{high[i]:+.2f}]', f'{p[i]:.4f}']


def test_results_of_different_manifests_are_refused_in_one_line(tmp_path):
    a, _ = write_result(tmp_path / 'a', [20, 50])
    b, _ = write_result(
        tmp_path / 'b', [30, 55], manifest_sha256='beef' * 16)
    sentence = compare(a, b, code=2, run=tool_process)
    assert sentence.startswith('error: expected two results of one manifest')
    assert f"{'f00d' * 16} in {a}" in sentence
    assert f"{'beef' * 16} in {b}" in sentence


def assert_refused(a, b, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)) as caught:
        read_pair(a, b)
    assert '\n' not in str(caught.value)


def test_a_null_score_is_shown_as_a_dash(tmp_path):
    a, b = read_pair(*(
        write_result(tmp_path / name, [0, 0], union=0, mIoU=None)[0]
        for name in 'ab'))
    mean = format_comparison(a, b, differences(a, b)).splitlines()[5]
    assert mean.split() == ['mIoU', *'-----']


def test_a_null_score_does_not_match_a_table_with_pixels(tmp_path):
    a, _ = write_result(tmp_path / 'a', [20, 50])
    b, _ = write_result(tmp_path / 'b', [20, 50], mIoU=None)
    assert_refused(a, b, f"{tmp_path / 'b/result.npz'} does not belong to")


@pytest.mark.parametrize(('key', 'of_a', 'of_b'), [
    ('count_absent', True, False),
    ('query_pipeline', [{'type': 'LoadAnnotations'}], [{'type': 'Resize'}]),
])
def test_scores_by_different_rules_are_refused(tmp_path, key, of_a, of_b):
    a, _ = write_result(tmp_path / 'a', [20, 50], **{key: of_a})
    b, _ = write_result(tmp_path / 'b', [30, 55], **{key: of_b})
    assert_refused(
        a, b, f'expected two results of one {key}, got {json.dumps(of_a)} in '
        f'{a} and {json.dumps(of_b)} in {b}')


def test_settings_that_may_differ_are_printed(tmp_path):
    a, b = read_pair(
        write_result(tmp_path / 'a', [20, 50], support_annotation='box',
                     test_cfg={'mode': 'whole', 'shot_fusion': 'vote'})[0],
        write_result(tmp_path / 'b', [30, 55], test_cfg=None)[0])
    of_a, of_b = format_comparison(a, b, []).splitlines()[:2]
    assert of_a.endswith('supports from box, mode whole, shot_fusion vote')
    assert of_b.endswith('supports from mask')


def test_a_missing_or_damaged_table_is_refused_in_one_sentence(tmp_path):
    a, table = write_result(tmp_path / 'a', [20, 50])
    b, _ = write_result(tmp_path / 'b', [30, 55])
    side = tmp_path / 'b/result.npz'
    side.write_bytes(side.read_bytes()[:-40])
    assert_refused(a, b, f'{side} is not a complete episode table')
    side.unlink()
    assert_refused(a, b, f'{side} is not a complete episode table')
    table.write(side)
    assert_refused(a, b, f'{side} does not belong to {b}')


@pytest.mark.parametrize(('text', 'sentence'), [
    (None, 'could not be read as a result'),
    ('half {', 'could not be read as a result'),
    ('[1, 2]', 'is not a result'),
    ('{"loss": 1}', 'is not a result'),
    ('{"mIoU": 1}', 'has no manifest_sha256, as it was written by an older '
     'version; test again'),
], ids=['missing', 'half', 'list', 'other', 'older'])
def test_a_file_that_is_not_a_result_is_refused_in_one_sentence(
        tmp_path, text, sentence):
    a, _ = write_result(tmp_path / 'a', [20, 50])
    b = tmp_path / 'b.json'
    if text:
        b.write_text(text)
    assert_refused(a, b, f'{b} {sentence}')


def test_one_run_is_not_plural(tmp_path):
    a, _ = write_result(tmp_path / 'a', [20, 50])
    b, _ = write_result(tmp_path / 'b', [30, 55])
    pair = read_pair(a, b)
    lines = format_comparison(*pair, differences(*pair)).splitlines()
    assert lines[2].startswith('2 episodes in 1 run, manifest ')
