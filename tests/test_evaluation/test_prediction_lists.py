import csv

import numpy as np

from mmseg_panet.annotations.class_list import read_class_list
from mmseg_panet.evaluation.iou import EpisodeCounts
from mmseg_panet.evaluation.prediction_lists import write_prediction_lists


def test_labels_are_ways_and_ways_are_classes(tmp_path):
    counts = np.zeros(4, np.int64)
    write_prediction_lists(tmp_path, [
        EpisodeCounts(1, 0, (3, 1), counts, counts),
        EpisodeCounts(0, 7, (2,), counts, counts)],
        ['background', 'cat', 'dog, small', 'cow'])
    assert read_class_list(tmp_path / 'classes.txt').names == [
        'background', 'way 1', 'way 2']
    with (tmp_path / 'ways.csv').open() as file:
        assert list(csv.reader(file)) == [
            ['run', 'episode', 'way', 'class'], ['0', '7', '1', 'dog, small'],
            ['1', '0', '1', 'cow'], ['1', '0', '2', 'cat']]
