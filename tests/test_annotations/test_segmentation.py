import json
import math

import pytest

from mmseg_panet.annotations.segmentation import read_segmentation

TRIANGLE = [0, 0, 4, 0, 4, 4]
POINTS = [[0, 0], [4, 0], [4, 4]]
RUNS = dict(size=[2, 2], counts=[0, 4])


@pytest.mark.parametrize(('given', 'regions'), [
    ([TRIANGLE], [TRIANGLE]),
    ([TRIANGLE, TRIANGLE], [TRIANGLE, TRIANGLE]),
    (TRIANGLE, [TRIANGLE]),
    (POINTS, [TRIANGLE]),
    ([POINTS], [TRIANGLE]),
    ([POINTS, POINTS], [TRIANGLE, TRIANGLE]),
    ([[TRIANGLE]], [TRIANGLE]),
    ([[TRIANGLE, TRIANGLE], TRIANGLE], [TRIANGLE] * 3),
    ([[], TRIANGLE, None], [TRIANGLE]),
    (RUNS, RUNS),
    ([RUNS], RUNS),
    # Unknown forms are refused later, when they are rasterized.
    ('polygon', 'polygon'), (5, 5), ([[*'abcdef']], [[*'abcdef']]),
    ([[10 ** 400] * 6], [[10 ** 400] * 6]), ([[[[1]]]], [[[[1]]]]),
])
def test_every_form_of_a_segmentation_is_brought_into_that_of_coco(
        given, regions):
    before = json.dumps(given)
    found = read_segmentation(given)
    assert found == (regions, [])
    assert json.dumps(given) == before


@pytest.mark.parametrize('nothing', [None, [], {}, [[]], [[], []], 0, ''])
def test_nothing_is_written_in_several_forms(nothing):
    regions, malformed = read_segmentation(nothing)
    assert not regions and not malformed


@pytest.mark.parametrize('part', [
    [1, 1, 9, 9], [1, 1, 9, 9, 5, 9, 3], [1], [1, 1],
    [1, 1, 9, math.nan, 5, 9], [1, 1, 9, math.inf, 5, 9]])
def test_malformed_polygons_are_set_apart_from_the_others(part):
    regions, malformed = read_segmentation([part, TRIANGLE])
    assert regions == [TRIANGLE]
    assert malformed == [part]
    assert read_segmentation([part]) == ([], [part])
