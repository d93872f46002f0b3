import annotation_files as files
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.annotations.formats.labelme_shapes import (
    draw_shape,
    is_degenerate,
)

SIZE = (40, 56)
Y, X = np.mgrid[:SIZE[0], :SIZE[1]]
MASK = np.random.default_rng(0).random((7, 9)) < 0.5
MASK[[0, -1]] = MASK[:, [0, -1]] = True


def pixels(kind, points, mode='L', label=1, **more):
    canvas = Image.new(mode, SIZE[::-1])
    draw_shape(canvas, files.shape('cat', kind, points, **more), label)
    return np.asarray(canvas)


@pytest.mark.parametrize(('kind', 'points', 'inside'), [
    # X-AnyLabeling writes all four corners since 2.2.
    ('rectangle', [[3, 5], [20, 5], [20, 9], [3, 9]],
     (X >= 3) & (X <= 20) & (Y >= 5) & (Y <= 9)),
    ('rectangle', [[20, 9], [3, 9], [3, 5], [20, 5]],
     (X >= 3) & (X <= 20) & (Y >= 5) & (Y <= 9)),
    ('rotation', [[20, 5], [30, 15], [20, 25], [10, 15]],
     abs(X - 20) + abs(Y - 15) <= 10),
    ('oriented_rectangle', [[20, 5], [30, 15], [20, 25], [10, 15]],
     abs(X - 20) + abs(Y - 15) <= 10),
    ('quadrilateral', [[5, 5], [15, 5], [35, 25], [5, 25]],
     (X >= 5) & (Y >= 5) & (Y <= 25) & (X <= Y + 10)),
    # The front of the box, and its back, which is moved by (6, -6).
    ('cuboid', [[5, 10], [20, 10], [20, 30], [5, 30],
                [11, 4], [26, 4], [26, 24], [11, 24]],
     (X >= 5) & (X <= 26) & (Y >= 4) & (Y <= 30) & (X + Y >= 15)
     & (X + Y <= 50)),
    ('points', [[20, 15], [40, 30]],
     ((X - 20) ** 2 + (Y - 15) ** 2 <= 5.5 ** 2)
     | ((X - 40) ** 2 + (Y - 30) ** 2 <= 5.5 ** 2)),
])
def test_shapes_cover_what_their_tools_display(kind, points, inside):
    assert (pixels(kind, points, direction=0.5) == inside).all()


def between(found, radius, inner, outer):
    """All pixels nearer than one radius are in it, and none beyond another."""
    return found[radius <= inner].all() and not found[radius > outer].any()


@pytest.mark.parametrize('points', [
    [[10, 10], [30, 20]], [[30, 20], [10, 10]],
    [[10, 10], [30, 10], [30, 20], [10, 20]]])
def test_an_ellipse_fills_its_rectangle(points):
    found = pixels('ellipse', points) == 1
    rows, columns = found.nonzero()
    assert (rows.min(), rows.max()) == (10, 20)
    assert (columns.min(), columns.max()) == (10, 30)
    # The circle of radius 5 around (20, 15), stretched to twice its width.
    assert between(found, np.hypot((X - 20) / 2, Y - 15), 5, 6)


def test_the_rectangle_of_an_ellipse_may_be_rotated():
    found = pixels('ellipse', [[20, 5], [30, 15], [20, 25], [10, 15]]) == 1
    radius = 10 / 2 ** 0.5  # half a side of the square
    assert between(found, np.hypot(X - 20, Y - 15), radius, radius + 1)


@pytest.mark.parametrize(('left', 'top'), [
    (10, 20), (-4, 20), (50, 20), (10, -3), (10, 36), (-4, -3), (-9, 0),
    (56, 40)])
@pytest.mark.parametrize('mode', ['L', 'I'])
def test_a_mask_is_cut_off_at_the_border(left, top, mode):
    wide = np.zeros((SIZE[0] + 40, SIZE[1] + 40), int)
    wide[20 + top:27 + top, 20 + left:29 + left] = 7 * MASK
    found = pixels(
        'mask', [[left, top], [left + 8, top + 6]], mode, 7,
        mask=files.base64_png(MASK))
    assert (found == wide[20:-20, 20:-20]).all()


@pytest.mark.parametrize('points', [
    [[10, 20], [18, 26]],
    [[10.0, 20.0], [18.4, 26.9]],  # moved by hand
    [[10.7, 20.2], [18.7, 26.2]],
    [[10, 20], [19, 27]],  # labelme 5.3 at the border
    [[18, 26], [10, 20]]])
def test_the_box_of_a_mask_may_be_a_pixel_larger(points):
    expected = np.zeros(SIZE, int)
    expected[20:27, 10:19] = MASK
    assert (pixels('mask', points, mask=files.base64_png(MASK))
            == expected).all()


def test_a_mask_of_one_pixel_is_an_object():
    shape = files.shape('cat', 'mask', [[3, 4], [3, 4]],
                        mask=files.base64_png(np.ones((1, 1))))
    assert not is_degenerate(shape)
    found = pixels('mask', [[3, 4], [3, 4]], mask=shape['mask'])
    assert found[4, 3] == found.sum() == 1


@pytest.mark.parametrize(('kind', 'points', 'is_so'), [
    ('polygon', [[1, 1], [5, 1]], True),
    ('polygon', [[1, 1]], True),
    ('polygon', [], True),
    (None, [[1, 1], [5, 1]], True),
    ('polygon', [[1, 1], [1, 1], [1, 1]], True),
    ('polygon', [[1, 1], [5, 1], [5, 5]], False),
    ('polygon', [[1, 1], [5, 1], [1, 1]], False),
    ('rectangle', [[1, 1]], True),
    ('rectangle', [[1, 1], [1, 1]], True),
    ('rectangle', [[1, 1], [9, 1]], False),
    ('circle', [[1, 1], [1, 1]], True),
    ('circle', [[1, 1]], True),
    ('line', [[1, 1]], True),
    ('linestrip', [[1, 1], [1, 1]], True),
    ('rotation', [[1, 1], [5, 1]], True),
    ('point', [[1, 1]], False),
    ('points', [[1, 1], [1, 1]], False),
    # They are malformed.
    ('polygon', [[1], [5, 1]], False),
    ('polygon', 'abc', False),
    ('polygon', [[1, 'x']], False),
    ('spiral', [], False),
    ([1], [], False),
])
def test_a_shape_without_an_extent_is_recognised(kind, points, is_so):
    assert is_degenerate(dict(shape_type=kind, points=points)) == is_so
