import pytest
import torch
from mmseg.structures import SegDataSample

from mmseg_panet.models.episode_layout import EpisodeLayout


def samples(episodes, ways, shots, queries):
    one = [dict(role='support', way=1 + w, class_ids=list(range(ways)))
           for w in range(ways) for _ in range(shots)]
    one += [dict(role='query', way=1, class_ids=list(range(ways)))] * queries
    return [SegDataSample(metainfo=dict(meta)) for meta in one * episodes]


@pytest.mark.parametrize(
    'numbers', [(1, 1, 1, 1), (3, 2, 5, 1), (2, 3, 1, 4), (1, 2, 2, 0)])
def test_the_layout_is_read_from_the_samples(numbers):
    assert EpisodeLayout.from_samples(samples(*numbers)) == numbers


def test_a_flat_batch_is_split_way_by_way():
    layout = EpisodeLayout(episodes=2, ways=2, shots=1, queries=1)
    supports, queries = layout.split(torch.arange(6))
    assert supports.tolist() == [[[0], [1]], [[3], [4]]]
    assert queries.tolist() == [[2], [5]]
    assert layout.supports_of('abcdef') == ['a', 'b', 'd', 'e']
    assert layout.queries_of('abcdef') == ['c', 'f']


@pytest.mark.parametrize('episodes', [1, 2])
def test_the_gradient_of_a_split_keeps_the_memory_format(episodes):
    layout = EpisodeLayout(episodes, ways=1, shots=2, queries=1)
    features = torch.randn(3 * episodes, 4, 3, 2).to(
        memory_format=torch.channels_last).requires_grad_()
    supports, queries = layout.split(features)
    (2 * supports.sum() + 3 * queries.sum()).backward()
    assert features.grad[:, 0, 0, 0].tolist() == [2, 2, 3] * episodes
    assert features.grad.is_contiguous(memory_format=torch.channels_last)
