"""The mIoU of base classes, of novel classes, and their harmonic mean."""
import numpy as np
import pytest

from mmseg_panet.evaluation import EpisodeCounts, GeneralizedIoUMetric
from mmseg_panet.evaluation.generalized_iou_metric import harmonic_mean


def metric_of(counts):
    """A metric of the classes 1 and 2, which are base, and 3, novel."""
    metric = GeneralizedIoUMetric()
    metric.dataset_meta = dict(
        classes=('background', 'cat', 'dog', 'fox'),
        class_names=['cat', 'dog', 'fox'], base_names=['cat', 'dog'])
    return metric.compute_metrics([
        EpisodeCounts(run, image, (1, 2, 3), *(
            np.array([*one, 0, 0]) for one in (over, under)))
        for run, image, over, under in counts])


def test_pixels_are_summed_over_images_and_scores_averaged_over_runs():
    scores = metric_of([
        # cat 30/50, dog 10/50, fox 5/20: base 40, novel 25.
        (0, 0, [10, 10, 0], [20, 50, 10]),
        (0, 1, [20, 0, 5], [30, 0, 10]),
        # cat 40/50, dog 20/50, fox 0/20: base 60, novel 0.
        (1, 0, [20, 20, 0], [20, 50, 10]),
        (1, 1, [20, 0, 0], [30, 0, 10]),
    ])
    assert scores['base_mIoU_runs'] == pytest.approx([40, 60])
    assert scores['novel_mIoU_runs'] == pytest.approx([25, 0])
    # 2 * 40 * 25 / 65, and 0 as no novel class is found.
    assert scores['harmonic_mean_runs'] == pytest.approx([2000 / 65, 0])
    assert scores['base_mIoU'] == pytest.approx(50)
    assert scores['novel_mIoU'] == pytest.approx(12.5)
    assert scores['harmonic_mean'] == pytest.approx(1000 / 65)
    assert scores['base_mIoU_std'] == pytest.approx(20 / 2**0.5)
    # All classes count equally in the mIoU of all.
    assert scores['mIoU'] == pytest.approx((2 * 50 + 12.5) / 3)
    low, high = scores['novel_mIoU_interval']
    assert low <= 12.5 <= high


def test_the_interval_is_that_of_the_classes_alone():
    # Every resample has the same counts, so it has no width.
    scores = metric_of([(0, image, [4, 2, 1], [8, 8, 8])
                        for image in range(5)])
    assert scores['base_mIoU_interval'] == pytest.approx([37.5, 37.5])
    assert scores['novel_mIoU_interval'] == pytest.approx([12.5, 12.5])
    assert scores['harmonic_mean_std'] == 0


def test_more_runs_of_the_same_images_do_not_narrow_the_interval():
    images = [[4, 0, 1], [8, 2, 0], [1, 7, 3], [5, 5, 6]]
    one, three = (
        metric_of([(run, image, over, [10, 10, 10]) for run in range(runs)
                   for image, over in enumerate(images)])
        for runs in (1, 3))
    for key in ('base_mIoU_interval', 'novel_mIoU_interval', 'interval'):
        assert three[key] == one[key]
        assert one[key][1] - one[key][0] > 5


def test_the_harmonic_mean_of_nothing_is_zero():
    assert harmonic_mean(0, 0) == 0
    assert harmonic_mean(80, 20) == 32
