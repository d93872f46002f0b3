import numpy as np

from mmseg_panet.evaluation import EpisodeCounts, EpisodeTable, summarise


def counts(run, class_id, way, foreground, background, episode=0):
    pairs = np.array([way, foreground, background])
    return EpisodeCounts(
        run, episode, (class_id,), pairs[:, 0], pairs[:, 1])


def summary(episodes, class_ids):
    return summarise(EpisodeTable.from_counts(episodes), class_ids)


def test_a_run_sums_pixels_before_it_divides():
    run = summary([
        counts(0, 7, (10, 20), (10, 20), (60, 100)),
        counts(0, 7, (0, 20), (0, 20), (40, 100)),
        counts(0, 9, (30, 60), (30, 60), (100, 200)),
    ], class_ids=[7, 9])
    # class 7: 10 / 40, class 9: 30 / 60, not the mean of 0.5 and 0
    assert run['per_class'] == [25.0, 50.0]
    assert run['mIoU'] == 37.5
    # foreground 40 / 100, background 200 / 400
    assert run['FB-IoU'] == 45.0


def test_a_class_that_was_never_sampled_is_left_out_of_the_mean():
    run = summary(
        [counts(0, 7, (10, 40), (10, 40), (1, 2))], class_ids=[7, 9])
    assert run['mIoU'] == 25.0
    assert np.isnan(run['per_class'][1])


def test_runs_are_averaged_and_their_spread_is_reported():
    both = summary([
        # mIoU 40, FB-IoU 60
        counts(0, 7, (30, 100), (30, 50), (60, 100)),
        counts(0, 9, (50, 100), (30, 50), (60, 100)),
        # mIoU 44 without class 9, FB-IoU 62
        counts(1, 7, (44, 100), (64, 100), (60, 100)),
    ], class_ids=[7, 9])
    assert both['mIoU'] == 42.0
    assert both['FB-IoU'] == 61.0
    assert both['per_class'] == [37.0, 50.0]
    assert both['runs'] == [40.0, 44.0]
    # deviations of 2 on both sides: sqrt((4 + 4) / 1)
    assert both['std'] == np.sqrt(8)
