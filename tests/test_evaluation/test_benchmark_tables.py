from mmseg_panet.evaluation.benchmark_tables import (
    Cell,
    format_csv,
    format_markdown,
)


def test_a_null_score_is_a_dash_and_has_no_mean():
    row = [Cell(0, 1, True), Cell(1, 1, True)]
    result = {
        'mIoU': 40.0, 'std': None, 'FB-IoU': 60.0, 'runs': [40.0, None],
        'num_episodes': 2, 'num_ways': 1, 'protocol': None,
        'support_annotation': 'mask', 'manifest_sha256': 'f00d',
        'checkpoint_sha256': 'beef'}
    results = {row[0]: result, row[1]: result | {
        'mIoU': None, 'interval': [None, None]}}
    assert '| trained | 1 | 40.0 ± - | - | - | 60.0 |' in format_markdown(
        'small', results, [row])
    assert format_csv(results, [row]).splitlines()[1:] == [
        'trained,1,0,40.0,,60.0,,,f00d,beef',
        'trained,1,1,,,60.0,,,f00d,beef',
        'trained,1,mean,,,60.0,,,,']
