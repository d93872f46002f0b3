import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

from mmseg_panet.evaluation import FewShotIoUMetric
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
