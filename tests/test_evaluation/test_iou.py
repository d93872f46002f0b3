import numpy as np
import pytest
import torch

from mmseg_panet.errors import InputError
from mmseg_panet.evaluation import count_pixels
from mmseg_panet.evaluation.iou import (
    episode_confusion,
    intersection_and_union,
    label_confusion,
)

LABELS = torch.tensor([
    [1, 1, 0, 0],
    [1, 1, 0, 255],
])


def test_pixels_of_one_way_are_counted_by_hand():
    prediction = torch.tensor([
        [1, 0, 0, 1],
        [1, 1, 1, 1],
    ])
    # way: 3 hits, 1 missed, 2 false (the ignored one does not count)
    # background: 1 hit, 2 missed (as way 1), 1 false
    intersection, union = count_pixels(prediction, LABELS, num_ways=1)
    assert intersection.tolist() == [3, 3, 1]
    assert union.tolist() == [6, 6, 4]


def test_a_confusion_of_two_ways_is_a_correct_foreground():
    labels = torch.tensor([[1, 1, 2, 0]])
    prediction = torch.tensor([[2, 1, 2, 0]])
    intersection, union = count_pixels(prediction, labels, num_ways=2)
    #                              way 1, way 2, foreground, background
    assert intersection.tolist() == [1, 1, 3, 1]
    assert union.tolist() == [2, 2, 3, 1]


def test_a_false_positive_counts_for_a_way_that_the_ground_truth_lacks():
    labels = torch.zeros(1, 4, dtype=torch.long)
    prediction = torch.tensor([[2, 2, 0, 0]])
    intersection, union = count_pixels(prediction, labels, num_ways=2)
    assert intersection.tolist() == [0, 0, 0, 2]
    assert union.tolist() == [0, 2, 2, 4]


def test_unions_of_what_the_ground_truth_lacks_can_be_left_out():
    prediction = torch.tensor([[1, 0, 2]])
    # Nothing is background, so its false positive is left out.
    _, union = count_pixels(
        prediction, torch.tensor([[1, 1, 1]]), 2, count_absent=False)
    assert union.tolist() == [3, 0, 3, 0]
    # No way is shown.
    _, union = count_pixels(
        prediction, torch.tensor([[0, 0, 0]]), 2, count_absent=False)
    assert union.tolist() == [0, 0, 0, 3]


def test_counts_equal_sets_of_pixels():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (30, 40), generator=generator)
    labels[torch.rand(30, 40, generator=generator) < 0.1] = 255
    prediction = torch.randint(0, 4, (30, 40), generator=generator)
    intersection, union = count_pixels(prediction, labels, num_ways=3)
    valid = labels != 255
    for way in (1, 2, 3):
        shown, said = (labels == way) & valid, (prediction == way) & valid
        assert intersection[way - 1] == (shown & said).sum()
        assert union[way - 1] == (shown | said).sum()
    for i, (shown, said) in enumerate([
            (labels > 0, prediction > 0), (labels == 0, prediction == 0)]):
        assert intersection[3 + i] == (shown & said & valid).sum()
        assert union[3 + i] == ((shown | said) & valid).sum()


@pytest.mark.parametrize('count_absent', [True, False])
def test_many_predictions_are_counted_as_each_alone(count_absent):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (9, 11), generator=generator)
    labels[labels == 3] = 255
    labels[labels == 1] = 0  # absent
    predictions = torch.randint(
        0, 3, (5, 9, 11), generator=generator, dtype=torch.uint8)
    confusion = label_confusion(predictions, labels, 2, 3)
    together = intersection_and_union(confusion.numpy(), count_absent)
    alone = [count_pixels(one, labels, 2, count_absent=count_absent)
             for one in predictions]
    assert (np.stack(together, 1) == np.array(alone)).all()


@pytest.mark.parametrize('ways', [[9], [9, 4], [4, 7], [7, 9, 4]])
def test_the_counts_of_an_episode_are_those_of_its_own_labels(ways):
    generator = torch.Generator().manual_seed(0)
    class_ids = [4, 9]  # The image does not show class 7.
    labels = torch.randint(0, 3, (9, 11), generator=generator)
    labels[0, :5] = 255
    prediction = torch.randint(
        0, 1 + len(ways), (1, 9, 11), generator=generator,
        dtype=torch.uint8)
    confusion = label_confusion(prediction, labels, len(ways), 3)[0].numpy()
    own = torch.where(labels == 255, 255, 0)
    for label, class_id in enumerate(class_ids, start=1):
        if class_id in ways:
            own[labels == label] = 1 + ways.index(class_id)
    found = intersection_and_union(
        episode_confusion(confusion, class_ids, ways))
    np.testing.assert_array_equal(
        found, count_pixels(prediction[0], own, len(ways)))


def test_a_prediction_of_another_size_is_named():
    with pytest.raises(InputError, match=r'ground truth, \(2, 4\), got \(2'):
        count_pixels(torch.zeros(2, 3), LABELS, num_ways=1)


def test_more_pixels_than_float32_counts_are_exact():
    """Not every integer above 2^24 is a float32."""
    labels = torch.zeros(1, 2**24 + 2, dtype=torch.uint8)
    prediction = torch.ones_like(labels)
    prediction[0, -1] = 0
    confusion = label_confusion(prediction[None], labels, 1, 1)
    assert confusion.tolist() == [[[1, 2**24 + 1]]]
