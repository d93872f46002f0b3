import csv

import numpy as np
import pytest

from mmseg_panet.annotations.class_list import read_class_list
from mmseg_panet.errors import InputError
from mmseg_panet.evaluation.iou import EpisodeCounts
from mmseg_panet.evaluation.prediction_lists import (
    check_prediction_folder,
    clear_predictions,
    prediction_name,
    write_prediction_lists,
)


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


def test_a_class_list_of_other_masks_is_not_replaced(tmp_path):
    check_prediction_folder(tmp_path / 'new')
    (tmp_path / 'classes.txt').write_text('0 background\n1 cat\n')
    with pytest.raises(InputError, match='whose classes.txt would be '):
        check_prediction_folder(tmp_path)
    (tmp_path / 'ways.csv').touch()
    check_prediction_folder(tmp_path)


def test_only_predictions_of_an_earlier_test_are_removed(tmp_path):
    others = [
        'photo.png', '0-1-0.png', '0-00001-0.jpg', 'a0-00001-0.png',
        '0-00001-0.png.bak', '0-00001.png', '0-00001-0-1.png']
    predictions = [prediction_name(0, 1, 0), prediction_name(12, 123456, 3)]
    assert predictions == ['0-00001-0.png', '12-123456-3.png']
    for name in [*others, *predictions]:
        (tmp_path / name).touch()
    clear_predictions(tmp_path)  # There is no ways.csv: nothing is removed.
    files = {*others, *predictions, 'ways.csv'}
    assert {path.name for path in tmp_path.iterdir()} == files
    # Now there is one, as after a test that was interrupted.
    assert (tmp_path / 'ways.csv').read_text() == 'run,episode,way,class\n'
    clear_predictions(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*others, 'ways.csv'}
