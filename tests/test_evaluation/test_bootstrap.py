from itertools import product

import numpy as np
import pytest
from scipy import stats

from mmseg_panet.errors import InputError
from mmseg_panet.evaluation import EpisodeCounts
from mmseg_panet.evaluation.bootstrap import (
    bootstrap_interval,
    paired_interval,
    permutation_p,
)
from mmseg_panet.evaluation.episode_table import EpisodeTable
from mmseg_panet.evaluation.scores import table_scores


def one_way(run, episode, class_id, way, background=(60, 100)):
    """Make an episode whose foreground is its way."""
    pairs = np.array([way, way, background])
    return EpisodeCounts(
        run, episode, (class_id,), pairs[:, 0], pairs[:, 1])


def random_counts(seed, class_ids, episodes_of_runs, num_ways):
    rng = np.random.default_rng(seed)
    # The classes do not depend on the seed, so the tables can be paired.
    class_rng = np.random.default_rng(0)
    counts = []
    for run, num_episodes in enumerate(episodes_of_runs):
        for episode in range(num_episodes):
            ways = class_rng.choice(class_ids, num_ways, replace=False)
            union = rng.integers(1, 1000, num_ways + 2)
            counts.append(EpisodeCounts(
                run, episode, tuple(ways.tolist()),
                rng.integers(0, union + 1), union))
    return counts


def mean(values):
    known = [value for value in values if not np.isnan(value)]
    return sum(known) / len(known) if known else np.nan


def plain_scores(counts, class_ids):
    """Compute mIoU, FB-IoU and classes, class by class and run by run."""
    ious = []  # Each run has those of the classes, foreground and background.
    for run in sorted({episode.run for episode in counts}):
        of_run = [
            dict(zip([*episode.class_ids, 'fore', 'back'], zip(
                episode.intersection, episode.union, strict=True),
                strict=True))
            for episode in counts if episode.run == run]
        pairs = [
            np.sum([e[key] for e in of_run if key in e] or [(0, 0)], axis=0)
            for key in [*class_ids, 'fore', 'back']]
        ious.append([100 * i / u if u else np.nan for i, u in pairs])
    return np.array([
        mean([mean(iou[:-2]) for iou in ious]),
        mean([mean(iou[-2:]) for iou in ious]),
        *(mean(of_class) for of_class in list(zip(*ious, strict=True))[:-2])])


def resamples(counts):
    """List all resamples of one run, which are equally likely."""
    return map(list, product(counts, repeat=len(counts)))


def exact_percentiles(values):
    """Return the smallest values that 2.5% and 97.5% do not exceed, (2,)."""
    values = np.sort(values)
    index = np.ceil(np.array([0.025, 0.975]) * len(values)).astype(int) - 1
    return values[index]


def test_the_scores_are_those_of_the_metric():
    counts = random_counts(0, [3, 5, 8], (6, 4), num_ways=2)
    np.testing.assert_allclose(
        table_scores(EpisodeTable.from_counts(counts), [8, 3, 5]),
        plain_scores(counts, [8, 3, 5]))


def test_the_interval_of_two_episodes_is_from_one_to_the_other():
    counts = [one_way(0, 0, 7, (10, 20), (60, 100)),
              one_way(0, 1, 7, (30, 40), (90, 100))]
    low, high = bootstrap_interval(EpisodeTable.from_counts(counts), [7])
    # The samples are 0 0 (a quarter), 0 1 (a half: 40 / 60) and 1 1 (a
    # quarter), which is more than 2.5% at both ends.
    assert low.tolist() == [50.0, (50 + 60) / 2, 50.0]
    assert high.tolist() == [75.0, (75 + 90) / 2, 75.0]


def test_the_interval_is_that_of_all_resamples():
    counts = [one_way(0, 0, 7, (10, 20)), one_way(0, 1, 7, (20, 100)),
              one_way(0, 2, 7, (75, 80)), one_way(0, 3, 9, (30, 90))]
    interval = bootstrap_interval(
        EpisodeTable.from_counts(counts), [7, 9], num_resamples=20000)
    # Of 256 resamples 81 lack class 9 and one lacks class 7.
    exact = np.array([plain_scores(r, [7, 9]) for r in resamples(counts)])
    assert np.isnan(exact).sum(0).tolist() == [0, 0, 1, 81]
    for i in range(4):
        known = exact[~np.isnan(exact[:, i]), i]
        np.testing.assert_allclose(
            interval[:, i], exact_percentiles(known), err_msg=str(i))


@pytest.mark.parametrize('num_ways', [1, 2])
def test_resampling_is_that_of_a_plain_loop(num_ways):
    class_ids = [2, 4, 9]
    counts = random_counts(1, class_ids, (5, 8), num_ways)
    interval = bootstrap_interval(
        EpisodeTable.from_counts(counts), class_ids, num_resamples=60,
        seed=3)
    rng = np.random.default_rng(3)
    runs = [counts[:5], counts[5:]]
    samples = [rng.integers(len(run), size=(60, len(run))) for run in runs]
    scores = [
        plain_scores(
            [run[i] for run, sample in zip(runs, samples, strict=True)
             for i in sample[resample]], class_ids)
        for resample in range(60)]
    np.testing.assert_allclose(
        interval, np.nanpercentile(scores, [2.5, 97.5], axis=0))


def test_an_interval_repeats_and_another_seed_gives_another():
    table = EpisodeTable.from_counts(
        random_counts(2, [1, 2], (30, 30), num_ways=1))
    interval = bootstrap_interval(table, [1, 2])
    assert np.array_equal(interval, bootstrap_interval(table, [1, 2]))
    assert not np.array_equal(
        interval, bootstrap_interval(table, [1, 2], seed=1))


def test_more_episodes_of_a_kind_narrow_the_interval_by_their_root():
    few = [one_way(0, i, 7, (20 + 60 * (i % 2), 100)) for i in range(100)]
    many = [one_way(0, i, 7, (20 + 60 * (i % 2), 100)) for i in range(1600)]
    widths = []
    for counts in (few, many):
        low, high = bootstrap_interval(EpisodeTable.from_counts(counts), [7])
        widths.append(high[0] - low[0])
    # The mean of 20 and 80 has the standard error 30 / sqrt(100) = 3.
    assert widths[0] == pytest.approx(2 * 1.96 * 3, rel=0.1)
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.1)


def test_a_class_never_sampled_has_no_interval_and_no_p():
    a = EpisodeTable.from_counts(
        random_counts(3, [1, 2], (5, 5), num_ways=1))
    b = EpisodeTable.from_counts(
        random_counts(4, [1, 2], (5, 5), num_ways=1))
    for values in (table_scores(a, [1, 2, 3]),
                   *bootstrap_interval(a, [1, 2, 3]),
                   *paired_interval(a, b, [1, 2, 3]),
                   permutation_p(a, b, [1, 2, 3])):
        assert np.isnan(values).tolist() == [False] * 4 + [True]


def test_pairing_cancels_what_makes_an_episode_hard():
    hits = [0, 10, 45, 80, 90]
    a = EpisodeTable.from_counts([
        one_way(0, i, 7, (hit, 100)) for i, hit in enumerate(hits)])
    b = EpisodeTable.from_counts([
        one_way(0, i, 7, (hit + 10, 100)) for i, hit in enumerate(hits)])
    low, high = bootstrap_interval(a, [7])
    assert high[0] - low[0] > 40
    # All unions are 100: B - A is 10 whichever episodes are sampled, and the
    # background is the same.
    for side in paired_interval(a, b, [7]):
        np.testing.assert_allclose(side, [10, 5, 10])


def test_the_paired_interval_is_that_of_all_joint_resamples():
    a = random_counts(8, [1, 2], (4,), num_ways=1)
    b = random_counts(11, [1, 2], (4,), num_ways=1)
    interval = paired_interval(
        EpisodeTable.from_counts(a), EpisodeTable.from_counts(b), [1, 2],
        num_resamples=20000)
    exact = np.array([
        plain_scores([b[i] for i in sample], [1, 2])
        - plain_scores([a[i] for i in sample], [1, 2])
        for sample in product(range(4), repeat=4)])
    for i in range(2):
        np.testing.assert_allclose(
            interval[:, i], exact_percentiles(exact[:, i]))


def test_equal_results_differ_by_nothing():
    table = EpisodeTable.from_counts(
        random_counts(5, [1, 2], (9, 9), num_ways=2))
    assert not paired_interval(table, table, [1, 2]).any()
    assert permutation_p(table, table, [1, 2]).tolist() == [1, 1, 1, 1]


def test_p_of_four_gains_is_an_eighth():
    a = EpisodeTable.from_counts([
        one_way(0, i, 7, (20 + i, 100)) for i in range(4)])
    b = EpisodeTable.from_counts([
        one_way(0, i, 7, (30 + 2 * i, 100)) for i in range(4)])
    # Of 16 ways to swap, none and all of the episodes give a difference as
    # large: 2 / 16. The background does not differ.
    p = permutation_p(a, b, [7], num_permutations=20000)
    assert p == pytest.approx([0.125] * 3, abs=0.01)


def test_p_is_the_share_of_all_swaps():
    a = random_counts(11, [1, 2], (3, 2), num_ways=1)
    b = random_counts(12, [1, 2], (3, 2), num_ways=1)
    found = plain_scores(b, [1, 2]) - plain_scores(a, [1, 2])
    extreme = []
    for swaps in product([False, True], repeat=5):
        pairs = [(y, x) if swap else (x, y)
                 for x, y, swap in zip(a, b, swaps, strict=True)]
        first, second = (
            plain_scores(list(side), [1, 2])
            for side in zip(*pairs, strict=True))
        extreme.append(np.abs(second - first) >= np.abs(found) - 1e-9)
    p = permutation_p(
        EpisodeTable.from_counts(a), EpisodeTable.from_counts(b), [1, 2],
        num_permutations=20000)
    assert p == pytest.approx(np.mean(extreme, axis=0), abs=0.015)


def test_the_found_difference_counts_as_a_permutation():
    a = EpisodeTable.from_counts([
        one_way(0, i, 7, (20, 100)) for i in range(40)])
    b = EpisodeTable.from_counts([
        one_way(0, i, 7, (60, 100)) for i in range(40)])
    # None of 999 random swaps of some of the 40 differs as much.
    assert permutation_p(a, b, [7], num_permutations=999)[0] == 1 / 1000


def test_results_of_other_episodes_cannot_be_paired():
    a = random_counts(0, [1, 2], (4,), num_ways=1)
    for other in (a[:3], random_counts(0, [1, 3], (4,), num_ways=1)):
        with pytest.raises(InputError, match='of the same episodes'):
            paired_interval(
                EpisodeTable.from_counts(a), EpisodeTable.from_counts(other),
                [1, 2, 3])


def scores_of_sums(sums, num_classes):
    """Compute mIoU, FB-IoU and classes of one run's sums (2, C + 2, ...)."""
    with np.errstate(invalid='ignore', divide='ignore'):
        iou = 100 * sums[0] / sums[1]
    return np.stack([
        np.nanmean(iou[:num_classes], axis=0), iou[num_classes:].mean(0),
        *iou[:num_classes]])


@pytest.mark.parametrize('seed', [20, 21])
def test_intervals_are_those_of_scipy(seed):
    class_ids = [2, 4, 9]
    # Two of three classes an episode: hardly a resample lacks one.
    counts = random_counts(seed, class_ids, (25,), num_ways=2)
    pixels = EpisodeTable.from_counts(counts).counts(class_ids)
    interval = bootstrap_interval(
        EpisodeTable.from_counts(counts), class_ids, num_resamples=9999)
    for i in range(5):
        def score(episodes, axis=-1, i=i):
            sums = pixels[episodes].sum(axis % episodes.ndim)
            return scores_of_sums(np.moveaxis(sums, (-2, -1), (0, 1)), 3)[i]

        found = stats.bootstrap(
            [np.arange(25)], score, method='percentile', vectorized=True,
            random_state=np.random.default_rng(seed))
        # Four standard errors of a 2.5% quantile of 9999 normal samples,
        # sqrt(0.025 * 0.975 / 9999) / 0.058, for the difference of two.
        tolerance = 4 * 2**0.5 * 0.027 * found.standard_error
        assert interval[:, i] == pytest.approx(
            list(found.confidence_interval), abs=tolerance)


@pytest.mark.parametrize('seed', [20, 21, 22])
def test_p_values_are_those_of_scipy(seed):
    class_ids, runs = [1, 2, 3], (5, 4)
    a, b = (random_counts(one, class_ids, runs, num_ways=2)
            for one in (seed, 100 + seed))
    tables = [EpisodeTable.from_counts(one) for one in (a, b)]
    p = permutation_p(*tables, class_ids, num_permutations=20000)
    pixels = np.concatenate([one.counts(class_ids) for one in tables])
    run_of = tables[0].runs

    def scores(episodes):
        return np.nanmean([scores_of_sums(np.moveaxis(
            pixels[episodes[..., run_of == run]].sum(-3), (-2, -1), (0, 1)),
            3) for run in (0, 1)], axis=0)

    for i in range(5):
        # All 2^9 swaps are enumerated.
        exact = stats.permutation_test(
            [np.arange(9), 9 + np.arange(9)],
            lambda x, y, axis, i=i: np.abs(scores(y)[i] - scores(x)[i]),
            permutation_type='samples', alternative='greater',
            vectorized=True)
        error = (exact.pvalue * (1 - exact.pvalue) / 20000)**0.5
        assert p[i] == pytest.approx(exact.pvalue, abs=4 * error + 1e-4)


def test_every_score_is_defined_for_episodes_without_a_pixel():
    void = [one_way(0, i, 7, (0, 0), (0, 0)) for i in range(3)]
    table = EpisodeTable.from_counts(void)
    assert np.isnan(table_scores(table, [7])).all()
    assert np.isnan(bootstrap_interval(table, [7])).all()
    assert np.isnan(paired_interval(table, table, [7])).all()
    assert np.isnan(permutation_p(table, table, [7])).all()
    # They do not affect other episodes.
    seen = [one_way(0, 3, 7, (1, 4), (5, 10))]
    table = EpisodeTable.from_counts(void + seen)
    assert table_scores(table, [7]).tolist() == [25.0, (25 + 50) / 2, 25.0]
    # Resamples of void episodes only are left out.
    assert bootstrap_interval(table, [7]).tolist() == [
        [25.0, 37.5, 25.0]] * 2


def test_predictions_of_background_only_are_zero_percent_of_each_class():
    missed = [one_way(0, i, 7, (0, 30), (70, 100)) for i in range(3)]
    table = EpisodeTable.from_counts(missed)
    assert bootstrap_interval(table, [7]).tolist() == [[0, 35, 0]] * 2
    assert permutation_p(table, table, [7]).tolist() == [1, 1, 1]
