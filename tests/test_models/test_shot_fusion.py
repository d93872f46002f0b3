import torch

from mmseg_panet.models.shot_fusion import vote


def test_a_pixel_needs_half_of_the_most_votes():
    shots = torch.tensor([
        [[1, 1, 1, 0]], [[1, 1, 0, 0]], [[1, 0, 0, 0]], [[1, 0, 0, 0]]])
    # Votes 4, 2, 1, 0 of at most 4.
    assert vote(shots, 1).tolist() == [[1, 1, 0, 0]]
    assert vote(shots, 1, threshold=0.25).tolist() == [[1, 1, 1, 0]]
    assert vote(shots, 1, threshold=1.0).tolist() == [[1, 0, 0, 0]]


def test_the_threshold_is_relative_to_the_most_votes_of_the_image():
    # No pixel has more than one vote, so that one vote is enough.
    shots = torch.tensor([[[1, 0, 0]], [[0, 1, 0]], [[0, 0, 0]]])
    assert vote(shots, 1).tolist() == [[1, 1, 0]]


def test_ways_compete_for_a_pixel():
    shots = torch.tensor([[[1, 2, 2]], [[1, 2, 1]], [[2, 1, 2]]])
    assert vote(shots, 2).tolist() == [[1, 2, 2]]


def test_one_shot_is_decisive_and_no_vote_is_background():
    shot = torch.tensor([[[0, 2, 1, 0]]])
    assert vote(shot, 2).tolist() == [[0, 2, 1, 0]]
    assert vote(torch.zeros(3, 1, 2, dtype=torch.long), 1).sum() == 0
