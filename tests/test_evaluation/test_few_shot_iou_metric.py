import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData
from mmseg.registry import METRICS
from mmseg.structures import SegDataSample

from mmseg_panet.evaluation import FewShotIoUMetric

META = dict(
    classes=['background', 'cat', 'dog', 'car'],
    class_names=['cat', 'car'], num_runs=2)


def query(run, episode, class_id, ground_truth, prediction):
    return SegDataSample(
        metainfo=dict(run=run, episode=episode, class_ids=[class_id]),
        gt_sem_seg=PixelData(data=torch.tensor([[ground_truth]])),
        pred_sem_seg=PixelData(data=torch.tensor([[prediction]])))


def test_queries_of_an_episode_are_one_result_and_runs_stay_apart():
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
    metrics = evaluator.evaluate(size=4)
    # run 0: cat 3 / 6, car 1 / 1; run 1: cat 4 / 4, car 2 / 4
    assert metrics['runs'] == [75.0, 75.0]
    assert metrics['per_class'] == {'cat': 75.0, 'car': 75.0}
    assert metrics['mIoU'] == 75.0
    assert metrics['std'] == 0.0


def test_it_is_found_in_the_registry_of_mmseg():
    assert METRICS.get('FewShotIoUMetric') is FewShotIoUMetric
