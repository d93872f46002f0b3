import pytest
import torch

from mmseg_panet.models import repetition


@pytest.mark.parametrize('recording', [False, True])
def test_the_entries_of_an_episode_are_repeated_in_a_row(
        recording, monkeypatch):
    one, two = torch.tensor([[1, 2]]), torch.tensor([[1, 2], [3, 4]])
    monkeypatch.setattr(repetition, 'is_recording', lambda: recording)
    assert repetition.repeated(one, 3).tolist() == [[1, 2]] * 3
    assert repetition.repeated(two, 2).tolist() == [
        [1, 2], [1, 2], [3, 4], [3, 4]]
    assert repetition.repeated(two, 1) is two
