from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from mmseg_panet.datasets import ClassIndex, sample_episode
from mmseg_panet.datasets.episode_rules import EpisodeRules
from mmseg_panet.datasets.sampling import SampledEpisodes, _sample_distinct
from mmseg_panet.errors import InputError

IMAGES_OF = {
    2: np.arange(0, 12), 3: np.arange(6, 20), 5: np.arange(15, 40)}


def sample(index, seed=0, **numbers):
    return sample_episode(IMAGES_OF, seed, index, **numbers)


def test_an_episode_depends_only_on_its_seed_and_index():
    assert sample(7, num_ways=2) == sample(7, num_ways=2)
    assert len({sample(i) for i in range(50)}) > 40
    assert sample(7, seed=1) != sample(7, seed=0)


def test_no_image_is_sampled_twice_and_each_shows_its_way():
    for index in range(300):
        episode = sample(index, num_ways=3, num_shots=3, num_queries=2)
        images = [i for shots in episode.supports for i in shots]
        images += episode.queries
        assert len(set(images)) == len(images) == 3 * 3 + 2
        assert len(set(episode.class_ids)) == 3
        for class_id, shots in zip(
                episode.class_ids, episode.supports, strict=True):
            assert set(shots) <= set(IMAGES_OF[class_id])
        for image, way in zip(
                episode.queries, episode.query_ways, strict=True):
            assert image in IMAGES_OF[episode.class_ids[way - 1]]


def test_classes_are_sampled_equally_often():
    sampled = [sample(i).class_ids[0] for i in range(3000)]
    # 1000 +- 5 standard deviations of a binomial (26)
    for class_id in IMAGES_OF:
        assert abs(sampled.count(class_id) - 1000) < 130


def test_classes_that_share_too_few_images_are_named():
    with pytest.raises(InputError, match=r'classes \[\d, \d\] share too few'):
        sample_episode(
            {0: np.arange(3), 1: np.arange(3)}, 0, 0, num_ways=2, num_shots=2)



SMALL = {2: np.arange(0, 4), 3: np.arange(4, 14)}


def frequencies(num=2000, **settings):
    """Count how often each class, and each (class, query), is sampled."""
    sampled = [sample_episode(SMALL, 0, i, **settings) for i in range(num)]
    return (
        Counter(e.class_ids[0] for e in sampled),
        Counter((e.class_ids[0], e.queries[0]) for e in sampled))


@pytest.mark.parametrize(('sampling', 'share'), [
    ('class_first', 1 / 2), ('pair_first', 4 / 14), ('image_first', 4 / 14)])
def test_the_order_of_sampling_decides_how_often_a_class_occurs(
        sampling, share):
    classes, pairs = frequencies(sampling=sampling)
    # Four standard deviations of a fraction of 2,000 episodes.
    assert abs(classes[2] / 2000 - share) < 4 * (share / 2000) ** 0.5
    assert len(pairs) == 14


def test_an_image_of_two_classes_is_more_frequent_with_pair_first():
    both = {2: np.arange(0, 5), 3: np.arange(4, 9)}  # image 4 shows both
    for sampling, share in (('image_first', 1 / 9), ('pair_first', 2 / 10)):
        queries = Counter(
            sample_episode(both, 0, i, sampling=sampling).queries[0]
            for i in range(3000))
        assert abs(queries[4] / 3000 - share) < 4 * (share / 3000) ** 0.5


def test_image_first_may_sample_a_class_that_is_small_in_its_query():
    """In image 0, class 3 is too small for a support."""
    large = {2: np.array([0, 1, 2]), 3: np.array([3, 4, 5])}
    shown = {2: np.array([0, 1, 2]), 3: np.array([0, 3, 4, 5])}
    sampled = {
        sampling: [
            sample_episode(large, 0, i, sampling=sampling, shown_in=shown)
            for i in range(300)]
        for sampling in ('class_first', 'image_first', 'pair_first')}
    for sampling, episodes in sampled.items():
        asked = {(e.class_ids[0], e.queries[0]) for e in episodes}
        assert ((3, 0) in asked) == (sampling == 'image_first')
        assert all(e.supports[0][0] in large[e.class_ids[0]]
                   for e in episodes)


@pytest.mark.parametrize(('ignored', 'remedy'), [
    (0, 'correct the ids of the masks, or leave out the class'),
    (7, 'ignored pixels, 255, occur in 6 of 6 masks: if they show the class, '
     'convert the masks by `mmseg-panet prepare-data masks` and a class list '
     'with `2 dog 255,255,255`')])
def test_a_class_that_no_mask_shows_is_named_and_255_too(ignored, remedy):
    """Nothing is gained by a lower min_area."""
    counts = np.tile([9, 9, 0], (6, 1))
    index = ClassIndex(counts, counts.sum(1) + ignored)
    assert index.absence_remedy(2, 'dog') == remedy
    assert index.absence_remedy(1, 'cat') == ''
    images = SimpleNamespace(classes=['background', 'cat', 'dog'], index=index)
    rules = SimpleNamespace(
        classes=['cat', 'dog'], class_ids=[1, 2], min_area=2048, fold=1,
        images_needed=2, needs='num_shots=1 and num_queries=1 need 2',
        images_of=lambda classes, index, area: {
            'cat': np.arange(6), 'dog': np.arange(0)})
    with pytest.raises(InputError) as caught:
        SampledEpisodes(images, rules)
    assert str(caught.value) == (
        "class 'dog' of fold 1 occurs in no mask, but num_shots=1 and "
        f'num_queries=1 need 2 images of it; {remedy}')


@pytest.mark.parametrize('sampling', ['image_first', 'pair_first'])
def test_queries_sampled_first_show_their_ways_and_are_no_supports(sampling):
    ways = Counter()
    for index in range(300):
        episode = sample(
            index, num_ways=2, num_shots=3, num_queries=3, sampling=sampling)
        images = [i for shots in episode.supports for i in shots]
        images += episode.queries
        assert len(set(images)) == len(images) == 2 * 3 + 3
        for query, way in zip(
                episode.queries, episode.query_ways, strict=True):
            assert query in IMAGES_OF[episode.class_ids[way - 1]]
        ways[episode.query_ways[0]] += 1
    assert min(ways.values()) > 100  # the first query's way varies


def test_only_supports_of_the_same_way_are_repeated():
    repeated = 0
    for index in range(200):
        episode = sample(
            index, num_ways=2, num_shots=4, num_queries=2,
            repeat_supports=True)
        one, two = map(set, episode.supports)
        assert not one & two and not (one | two) & set(episode.queries)
        repeated += len(one) < 4
    assert repeated > 20
    # Two images suffice for a query and any number of repeated supports.
    pair = sample_episode(
        {2: np.array([0, 1])}, 0, 0, num_shots=5, repeat_supports=True)
    assert pair.supports[0] == (1 - pair.queries[0],) * 5


def sampled_episodes(**changes):
    """The episodes of six images; a cat has 1 or 9 pixels, a dog 9."""
    pixels = np.array([[0, 9, 0], [0, 9, 9], [0, 1, 9], [0, 1, 9], [0, 9, 9],
                       [0, 0, 9]])
    pool = SimpleNamespace(
        classes=('background', 'cat', 'dog'), dataset=pixels, sha256='f00d',
        image_ids=[*'abcdef'], index=ClassIndex(pixels, np.full(6, 99)),
        class_ids=lambda names: [1, 2])
    settings = dict(
        protocol='mine', pool='val', folds=None, fold=None, split=None,
        classes=['cat', 'dog'], num_ways=2, num_shots=1, num_queries=1,
        num_runs=2, num_episodes=40, episodes_seed=7, min_area=5,
        sampling='class_first', repeat_supports=False,
        novel_pixels='background')
    rules = EpisodeRules.from_settings(**settings | changes)
    return SampledEpisodes(pool, rules.for_images(pool))


CATS, DOGS = np.array([0, 1, 4]), np.array([1, 2, 3, 4, 5])
SHOWN = {1: np.arange(5), 2: DOGS}


@pytest.mark.parametrize('changes', [
    {}, dict(sampling='image_first'), dict(repeat_supports=True, num_shots=2),
    dict(sampling='pair_first')])
def test_the_episodes_of_all_runs_follow_all_rules(changes):
    episodes = sampled_episodes(**changes)
    rules = episodes.rules
    assert (rules.dataset, rules.num_images, rules.index_sha256) == (
        'ndarray', 6, 'f00d')
    settings = dict(num_ways=2, sampling='class_first') | changes
    assert len(episodes) == 80
    assert list(episodes) == [
        sample_episode({1: CATS, 2: DOGS}, seed, i, shown_in=SHOWN, **settings)
        for seed in rules.seeds for i in range(40)]
    with pytest.raises(IndexError):
        episodes[80]


def test_a_class_with_exactly_enough_images_is_sampled_and_one_less_is_not():
    assert len(sampled_episodes(num_ways=1, num_shots=2)) == 80
    with pytest.raises(InputError, match=(
            "^class 'cat' has 3 images with at least 5 pixels, but "
            'num_shots=3 and num_queries=1 need 4; lower')):
        sampled_episodes(num_ways=1, num_shots=3)


@pytest.mark.parametrize('sampling', ['image_first', 'pair_first'])
def test_queries_sampled_first_have_three_different_ways(sampling):
    found = [sample(i, num_ways=3, num_queries=2, sampling=sampling)
             for i in range(60)]
    assert {tuple(sorted(e.class_ids)) for e in found} == {(2, 3, 5)}
    # Each class is asked for, also the last one.
    assert {e.class_ids[way - 1] for e in found for way in e.query_ways} == {
        2, 3, 5}
    first = [sample(i, num_ways=3, sampling=sampling) for i in range(60)]
    assert {e.class_ids[e.query_ways[0] - 1] for e in first} == {2, 3, 5}


def test_a_rare_class_is_sampled_before_one_that_has_all_its_images():
    for seed in range(50):
        found = _sample_distinct(
            np.random.default_rng(seed), [np.arange(5), np.arange(2)], 2,
            [1, 0], [], repeat=False)
        assert sorted(found[1][0]) == [0, 1]
        assert sorted(found[0][0] + found[0][1]) == [2, 3, 4]
