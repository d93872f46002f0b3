import json

import numpy as np
import pytest

from mmseg_panet.datasets import draw_episode
from mmseg_panet.errors import InputError

IMAGES_OF = {
    2: np.arange(0, 12), 3: np.arange(6, 20), 5: np.arange(15, 40)}


def draw(index, seed=0, **numbers):
    return draw_episode(IMAGES_OF, seed, index, **numbers)


def test_an_episode_depends_on_its_seed_and_index_alone():
    assert draw(7, num_ways=2) == draw(7, num_ways=2)
    assert len({draw(i) for i in range(50)}) > 40
    assert draw(7, seed=1) != draw(7, seed=0)


def test_no_image_is_met_twice_and_each_shows_its_way():
    for index in range(300):
        episode = draw(index, num_ways=3, num_shots=3, num_queries=2)
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


def test_classes_are_drawn_alike_often():
    drawn = [draw(i).class_ids[0] for i in range(3000)]
    # 1000 +- 5 standard deviations of a binomial (26)
    for class_id in IMAGES_OF:
        assert abs(drawn.count(class_id) - 1000) < 130


def test_classes_that_share_too_few_images_are_named():
    with pytest.raises(InputError, match=r'classes \[\d, \d\] share too few'):
        draw_episode(
            {0: np.arange(3), 1: np.arange(3)}, 0, 0, num_ways=2, num_shots=2)


def test_a_line_of_json_names_classes_and_images():
    episode = draw(0, num_shots=2)
    line = json.loads(episode.to_json(
        [f'class {i}' for i in range(6)], [f'{i}.jpg' for i in range(40)]))
    assert line['class_names'] == [f'class {episode.class_ids[0]}']
    assert line['supports'] == [[f'{i}.jpg' for i in episode.supports[0]]]
    assert line['queries'] == [f'{episode.queries[0]}.jpg']
    assert (line['seed'], line['index']) == (0, 0)
