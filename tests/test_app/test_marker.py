"""What the canvas of the page sends, and what it is sent."""
import base64
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_panet.app.marker import picture_url, read_marks, shown_marks
from mmseg_panet.errors import InputError


def png_of_canvas(labels):
    """The labels in the red channel, as marker.js encodes them."""
    pixels = np.zeros((*labels.shape, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = labels, 255
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, 'PNG')
    return 'data:image/png;base64,' + base64.b64encode(
        data.getvalue()).decode()


DRAWN = np.array([[0, 1, 2], [254, 0, 1]], np.uint8)


@pytest.mark.parametrize(('partial', 'expected'), [
    (False, [[0, 1, 2], [0, 0, 1]]), (True, [[255, 1, 2], [0, 255, 1]])])
def test_unmarked_pixels_are_unknown_if_an_object_is_marked_in_part(
        partial, expected):
    labels = read_marks(png_of_canvas(DRAWN), partial, (2, 3))
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize('labels', [
    [[0, 1, 2], [0, 0, 1]], [[255, 1, 2], [0, 255, 1]]])
def test_marks_come_back_from_the_canvas_as_they_were(labels):
    labels = np.array(labels, np.uint8)
    sent = shown_marks(labels)
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(
        sent['labels'].partition(',')[2]))).convert('RGB'))[..., 0]
    again = read_marks(png_of_canvas(shown), sent['partial'], (2, 3))
    np.testing.assert_array_equal(again, labels)


@pytest.mark.parametrize('sent', [
    None, 7, '', 'data:image/png;base64,', 'data:image/png;base64,%%%',
    'data:image/jpeg;base64,' + png_of_canvas(DRAWN).partition(',')[2],
    png_of_canvas(DRAWN)[:-40], png_of_canvas(DRAWN.T),
    'data:image/png;base64,' + base64.b64encode(
        cv2.imencode('.jpg', DRAWN)[1].tobytes()).decode()])
def test_anything_else_that_a_browser_can_send_is_refused(sent):
    with pytest.raises(InputError, match='expected marks that this page sent'):
        read_marks(sent, False, (2, 3))


def test_a_picture_is_sent_with_its_colours():
    red = np.full((8, 8, 3), (250, 10, 10), np.uint8)
    data = base64.b64decode(picture_url(red).partition('jpeg;base64,')[2])
    shown = np.asarray(Image.open(io.BytesIO(data)).convert('RGB'))
    assert np.abs(shown.astype(int) - red).max() < 8
