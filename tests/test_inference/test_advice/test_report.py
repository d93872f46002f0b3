import base64

import cv2
import numpy as np
import pytest

from mmseg_panet.errors import InputError
from mmseg_panet.inference.advice.report import (
    SupportAdvice,
    SupportRow,
    plot_advice,
    shortened,
    thumbnail,
)
from mmseg_panet.visualization.way_colours import way_colour

ROWS = [
    SupportRow('cat', 1, 'a.jpg', 5550, 8.14, 68.48, 35.54, 1.44, 0.7, 0.84,
               0.7),
    SupportRow('cat', 2, 'IMG_20240102_030405_0007.jpeg', 9, 0.1, 0.2, 7.1,
               -10.6, -1.6, 0.94, -1.1, ('suspect', 'hurts', 'tiny')),
    SupportRow('guinea pig', 1, 'b.png', 10, 0.1, 3, 90, None, 1.0, 1.0,
               1.0, ('only',))]
RED = (200, 0, 0)


def advice(rows=ROWS, notes=('do this; that',)):
    pictures = [np.full((96, 192, 3), 50, np.uint8) for _ in rows]
    return SupportAdvice(list(rows), list(notes), pictures)


def test_the_table_is_aligned_and_the_notes_are_below():
    assert str(advice()).splitlines() == [
        'class       example  image                     pixels  share  cells '
        '  IoU  effect  trust',
        'cat               1  a.jpg                       5550   8.1%   68.5 '
        ' 35.5    +1.4   0.70',
        'cat               2  IMG_2024...405_0007.jpeg       9   0.1%    0.2 '
        '  7.1   -10.6  -1.10  suspect, hurts, tiny',
        'guinea pig        1  b.png                         10   0.1%    3.0 '
        ' 90.0           1.00  only',
        '',
        'do this; that']


def test_good_supports_are_called_good():
    assert str(advice(ROWS[:1], [])).endswith('\n\nnothing to correct')


def test_suspects_are_the_rows_with_that_mark():
    assert advice().suspects == [ROWS[1]]


@pytest.mark.parametrize(('name', 'short'), [
    ('a.jpg', 'a.jpg'),
    ('exactly_24_letters_.jpeg', 'exactly_24_letters_.jpeg'),
    ('IMG_20240102_030405_0007.jpeg', 'IMG_2024...405_0007.jpeg'),
])
def test_a_long_name_keeps_its_start_and_its_end(name, short):
    assert shortened(name) == short


def test_the_picture_has_a_row_a_class_and_frames_the_suspects():
    """Two columns; a name is 24 letters at most and fits its tile."""
    picture = plot_advice(advice([
        *ROWS[:2], ROWS[2]._replace(marks=('tiny',))]))
    height, width = picture.shape[0] // 2, picture.shape[1] // 2

    def reds(row, column):
        tile = picture[row * height:(row + 1) * height,
                       column * width:(column + 1) * width]
        return (tile == RED).all(2).sum()

    frame = 2 * (96 + 192)
    assert reds(0, 1) > frame
    assert reds(0, 0) == 0
    assert 0 < reds(1, 0) < frame
    assert reds(1, 1) == 0
    assert (picture[height:, width:] == 255).all()


def test_the_only_example_of_a_class_is_no_fault():
    """Its mark is grey, and the effect that it cannot have is left out."""
    only, = [plot_advice(advice([ROWS[2]]))]
    assert not (only == RED).all(2).any()
    assert (only == (110, 110, 110)).all(2).any()
    with_effect = plot_advice(advice([ROWS[2]._replace(effect=1.4)]))
    line = slice(-44, -22)
    written = [(one[line] < 200).any(2).any(0).nonzero()[0].max()
               for one in (only, with_effect)]
    assert written[0] + 40 < written[1]
    tiny = plot_advice(advice([ROWS[2]._replace(marks=('tiny', 'only'))]))
    assert (tiny == RED).all(2).any()


def test_more_shots_than_fit_beside_each_other_go_below():
    rows = [ROWS[0]._replace(shot=1 + i) for i in range(8)]
    six = plot_advice(advice(rows[:6]))
    eight = plot_advice(advice(rows))
    assert six.shape[1] == eight.shape[1]
    assert eight.shape[0] > 1.5 * six.shape[0]


def test_the_thumbnail_keeps_the_proportions_and_the_smallest_mask():
    image = np.full((400, 800, 3), 100, np.uint8)
    labels = np.zeros((400, 800), np.uint8)
    labels[200, 400] = 1
    labels[:, :100] = 255
    picture = thumbnail(image, labels, 2)
    assert picture.shape == (96, 192, 3)
    changed = (picture != 100).any(2)
    assert changed[48, 96] and not changed[:40, 30:].any()
    colour = np.array(way_colour(2))
    distance = np.abs(picture[48, 96].astype(int) - colour).max()
    assert distance < 100
    assert (picture[:, :20] == picture[0, 0, 0]).all()


def test_the_picture_is_a_file(tmp_path):
    path = tmp_path / 'new/advice.png'
    advice().plot(path)
    np.testing.assert_array_equal(
        cv2.imread(str(path))[..., ::-1], plot_advice(advice()))
    advice().plot(tmp_path / 'advice.jpg')
    with pytest.raises(InputError, match=r'\.png or \.jpg, got'):
        advice().plot(tmp_path / 'advice.safetensors')


def test_the_table_is_shown_at_a_prompt_and_in_notebooks():
    of_two = advice(notes=('a < b',))
    assert repr(of_two) == str(of_two)
    html = of_two._repr_html_()
    table, picture = html.split('<img src="data:image/png;base64,')
    assert table == '<pre>' + str(of_two).replace('<', '&lt;') + '</pre>'
    encoded = np.frombuffer(
        base64.b64decode(picture.split('"')[0]), np.uint8)
    np.testing.assert_array_equal(
        cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1],
        plot_advice(of_two))
