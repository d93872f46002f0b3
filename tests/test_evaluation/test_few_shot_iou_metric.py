import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample
from PIL import Image
from scipy.spatial.distance import jaccard

from mmseg_panet.evaluation import EpisodeTable, FewShotIoUMetric
from mmseg_panet.evaluation.few_shot_iou_metric import complete_result

META = dict(
    classes=['background', 'cat', 'dog', 'car'],
    class_names=['cat', 'car'], num_runs=2)


def query(run, episode, class_id, ground_truth, prediction):
    return SegDataSample(
        metainfo=dict(run=run, episode=episode, class_ids=[class_id]),
        gt_sem_seg=PixelData(data=torch.tensor([[ground_truth]])),
        pred_sem_seg=PixelData(data=torch.tensor([[prediction]])))


def test_queries_of_an_episode_are_one_result_and_runs_are_separate():
    evaluator = Evaluator(dict(type='FewShotIoUMetric'))
    evaluator.dataset_meta = META
    evaluator.process([
        query(0, 0, 1, [1, 1, 0, 0], [1, 0, 0, 0]),  # cat 1 / 2
        query(0, 0, 1, [1, 1, 0, 0], [1, 1, 1, 1]),  # cat 2 / 4
        query(0, 1, 3, [1, 0, 0, 255], [1, 0, 0, 1]),  # car 1 / 1
    ])
    evaluator.process([
        query(1, 0, 1, [1, 1, 1, 1], [1, 1, 1, 1]),  # cat 4 / 4
        query(1, 1, 3, [1, 1, 1, 1], [0, 0, 1, 1]),  # car 2 / 4
    ])
    assert len(evaluator.metrics[0].results) == 4
    logged = evaluator.evaluate(size=4)
    metrics = evaluator.metrics[0].result
    # run 0: cat 3 / 6, car 1 / 1; run 1: cat 4 / 4, car 2 / 4
    assert metrics['runs'] == [75.0, 75.0]
    assert metrics['per_class'] == {'cat': 75.0, 'car': 75.0}
    assert metrics['mIoU'] == 75.0
    assert metrics['std'] == 0.0
    assert complete_result(logged, evaluator) == metrics


def test_only_the_means_are_logged_in_a_line_and_the_classes_as_a_table(
        caplog):
    evaluator = Evaluator(dict(type='FewShotIoUMetric'))
    assert not caplog.records  # mmengine warns of a metric without prefix
    evaluator.dataset_meta = META | dict(class_names=['cat', 'dog', 'car'])
    evaluator.process([
        query(0, 0, 1, [1, 1, 0, 0], [1, 0, 0, 0]),  # cat 1 / 2
        query(0, 1, 3, [1, 1, 1, 1], [1, 1, 1, 1]),  # car 4 / 4
    ])
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        logged = evaluator.evaluate(size=2)
    finally:
        logger.removeHandler(caplog.handler)
    # foreground (1 + 4) / (2 + 4), background 2 / 3
    both = (500 / 6 + 200 / 3) / 2
    assert logged == pytest.approx({'mIoU': 75, 'FB-IoU': both, 'std': 0})
    head, *rows = caplog.messages[-1].splitlines()[1:]
    assert head.split() == ['IoU', '95%', 'interval']
    assert [row.split()[:2] for row in rows] == [
        ['mIoU', '75.00'], ['FB-IoU', '75.00'], ['cat', '50.00'],
        ['dog', '-'], ['car', '100.00']]
    # Each class has one episode: its score is the same in every resample.
    assert rows[2].endswith('[50.00, 50.00]') and rows[3].endswith(' -')


def test_the_metric_is_registered_with_mmseg():
    assert METRICS.get('FewShotIoUMetric') is FewShotIoUMetric


@pytest.mark.parametrize('seed', range(3))
def test_scores_are_the_jaccard_indices_of_all_pixels_of_a_run(seed):
    rng = np.random.default_rng(seed)
    names = ['background', 'cat', 'dog', 'car']
    metric = FewShotIoUMetric()
    metric.dataset_meta = dict(
        classes=names, class_names=names[1:], num_runs=2)
    pixels = {run: [] for run in (0, 1)}  # class ids, truth and prediction
    for run, episode in np.ndindex(2, 6):
        class_ids = rng.choice([1, 2, 3], 2, replace=False).tolist()
        queries = []
        for _ in range(2):
            truth = rng.choice([0, 1, 2, 255], (7, 9))
            said = np.where(rng.random((7, 9)) < 0.6, truth % 255,
                            rng.integers(3, size=(7, 9)))
            queries.append(dict(
                run=run, episode=episode, class_ids=class_ids,
                gt_sem_seg=dict(data=torch.from_numpy(truth)[None]),
                pred_sem_seg=dict(data=torch.from_numpy(said)[None])))
            valid = truth != 255
            pixels[run].append((class_ids, truth[valid], said[valid]))
        metric.process({}, queries)
    found = metric.compute_metrics(metric.results)

    def index(run, masks_of):
        masks = [masks_of(*one) for one in pixels[run]]
        return 100 - 100 * jaccard(*map(np.concatenate, zip(
            *(one for one in masks if one), strict=True)))

    def of_class(class_id):
        def masks_of(class_ids, truth, said):
            if class_id not in class_ids:
                return None
            way = 1 + class_ids.index(class_id)
            return truth == way, said == way
        return masks_of

    per_class = np.array([
        [index(run, of_class(class_id)) for class_id in (1, 2, 3)]
        for run in (0, 1)])
    both = [[index(run, lambda _, truth, said: (truth > 0, said > 0)),
             index(run, lambda _, truth, said: (truth == 0, said == 0))]
            for run in (0, 1)]
    assert found['mIoU'] == pytest.approx(per_class.mean())
    assert found['runs'] == pytest.approx(per_class.mean(1).tolist())
    assert found['std'] == pytest.approx(
        abs(np.subtract(*per_class.mean(1))) / 2**0.5)
    assert list(found['per_class'].values()) == pytest.approx(
        per_class.mean(0).tolist())
    assert found['FB-IoU'] == pytest.approx(np.mean(both))


def test_void_queries_have_no_score_and_count_no_pixel():
    metric = FewShotIoUMetric()
    metric.dataset_meta = META
    metric.process({}, [query(0, 0, 1, [255, 255], [1, 0]).to_dict()])
    assert not np.any(metric.results[0].union)
    found = metric.compute_metrics(metric.results)
    assert np.isnan(found['mIoU']) and np.isnan(found['FB-IoU'])
    metric.process({}, [query(0, 1, 1, [1, 0], [0, 0]).to_dict()])
    found = metric.compute_metrics(metric.results)
    # All background: none of the way, and half of the background.
    assert found['mIoU'] == 0 and found['FB-IoU'] == 25


def test_predictions_and_counts_are_written(tmp_path):
    metric = FewShotIoUMetric(
        output_dir=str(tmp_path), counts_file=str(tmp_path / 'x.npz'))
    metric.dataset_meta = META
    # As mmseg predicts: int64.
    metric.process({}, [
        query(0, 2, 3, [1, 1, 0, 0], [1, 0, 0, 1]).to_dict(),
        query(0, 2, 3, [1, 0, 0, 0], [0, 1, 0, 0]).to_dict()])
    metric.compute_metrics(metric.results)
    for number, expected in enumerate([[1, 0, 0, 1], [0, 1, 0, 0]]):
        with Image.open(tmp_path / f'0-00002-{number}.png') as image:
            assert image.mode == 'L'
            assert np.array(image).tolist() == [expected]
    assert (tmp_path / 'ways.csv').read_text().splitlines()[1:] == [
        '0,2,1,car']
    table = EpisodeTable.read(tmp_path / 'x.npz')
    assert table.intersection.tolist() == [[1, 1, 3]]
    assert table.union.tolist() == [[5, 5, 7]]


@pytest.mark.parametrize(('count_absent', 'expected'), [
    (True, 1 / 3), (False, 1 / 2)])
def test_false_positives_of_an_absent_way_are_counted_if_asked(
        count_absent, expected):
    metric = FewShotIoUMetric(count_absent=count_absent)
    metric.dataset_meta = META
    metric.process({}, [query(0, 0, 1, [1, 1], [1, 0]).to_dict(),
                        query(0, 0, 1, [0, 0], [1, 0]).to_dict()])
    found = metric.compute_metrics(metric.results)
    assert found['per_class']['cat'] == pytest.approx(100 * expected)
