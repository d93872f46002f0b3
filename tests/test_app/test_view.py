"""What the page shows of a session."""
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from app_parts import HOSTILE, make_shared, make_work

from mmseg_panet.app.view import (
    View,
    advice,
    caption,
    guide,
    heat_map,
    legend,
    thumbnail,
)


@pytest.fixture(scope='module')
def shared():
    return make_shared()


@pytest.fixture
def person(shared):
    work, masks = make_work(shared)
    yield work.session, masks
    work.session.close()


def elements(html):
    """Return the names and the text of the elements, as a browser does."""
    names, text = [], []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: names.append(tag)
    parser.handle_data = text.append
    parser.feed(html)
    return Counter(names), ''.join(text)


def test_the_guide_emphasizes_the_next_step(person, shared):
    session, masks = person
    empty, _ = make_work(shared, number=0)

    def states(one):
        return [part.partition('"')[0] for part in guide(one).split(
            '<li class="')[1:]]

    assert states(empty.session) == ['now', '', '', '']
    assert states(session) == ['done', 'now', '', '']
    session.add_class('red')
    assert states(session) == ['done', 'done', 'now', '']
    first, *_ = masks
    session.mark(first, 'red', masks[first])
    assert states(session) == ['done', 'done', 'done', 'now']
    empty.session.close()


def test_the_legend_tells_shares_and_shows_names_as_text(person):
    session, _ = person
    session.add_class('red', (1, 2, 3))
    session.add_class(HOSTILE)
    labels = np.zeros((10, 100), np.uint8)
    labels[:5] = 1
    labels[9, :5] = 2
    labels[8] = 255
    html = legend(session, labels)
    assert 'rgb(1, 2, 3)' in html
    names, text = elements(html)
    assert names.keys() == {'span', 'i', 'small'}
    assert text == f'red50 %{HOSTILE}< 1 %undecided10 %'
    assert elements(legend(session, None))[1] == f'red0 %{HOSTILE}0 %'


def test_advice_shows_names_as_text(person):
    session, masks = person
    first, *_ = masks
    assert advice(session) == ''
    session.add_class(HOSTILE)
    session.mark(first, HOSTILE, masks[first])
    names, text = elements(advice(session))
    assert names.keys() == {'h4', 'ul', 'li'}
    assert HOSTILE in text


def test_captions_tell_what_an_image_is_used_for(person):
    session, masks = person
    first, second, third, _ = masks
    session.add_class('red')
    session.add_class('top')
    session.mark(first, 'red', masks[first])
    session.mark(first, 'top', ~masks[first])
    session.set_negative(second)
    assert [caption(session, one) for one in (first, second, third)] == [
        '0.png · example of red, top', '1.png · shows none', '2.png']


def test_a_picture_shows_the_image_the_classes_or_a_probability(person):
    session, masks = person
    first, _, third, _ = masks
    pixels = session.image(third).pixels
    np.testing.assert_array_equal(View().picture(session, third), pixels)
    session.add_class('red', (0, 255, 0))
    session.mark(first, 'red', masks[first])
    inside = masks[third] & (session.class_map(third) == 1)
    clear = View(opacity=1.0).picture(session, third)
    assert (clear[inside] == (0, 255, 0)).all(-1).mean() > 0.8
    none = View(threshold=1.0).picture(session, third)
    assert not (none == clear).all()
    heat = View('red', opacity=1.0).picture(session, third)
    np.testing.assert_array_equal(heat, heat_map(
        np.ascontiguousarray(pixels), session.probability(third, 'red'),
        0.0, 1.0))
    draft = np.full(pixels.shape[:2], 1, np.uint8)
    shown = View(opacity=1.0).picture(session, third, draft)
    assert (shown[4:-4, 4:-4] == (0, 255, 0)).all()


def test_a_heat_map_is_bright_where_the_class_is_likely_and_hidden_below():
    pixels = np.full((2, 3, 3), 100, np.uint8)
    probability = np.array([[0, 0.5, 1], [0.2, 0.7, 0.9]], np.float32)
    heat = heat_map(pixels, probability, 0.0, 1.0).astype(int).sum(-1)
    assert heat[0, 0] < heat[0, 1] < heat[0, 2]
    above = heat_map(pixels, probability, 0.7, 0.5)
    np.testing.assert_array_equal(
        (above != pixels).any(-1), probability >= np.float32(0.7))
    np.testing.assert_array_equal(heat_map(pixels, probability, 0, 0), pixels)


def test_a_thumbnail_keeps_the_shape_and_small_pictures():
    assert thumbnail(np.zeros((480, 960, 3), np.uint8)).shape == (120, 240, 3)
    assert thumbnail(np.zeros((9, 5000, 3), np.uint8)).shape == (1, 240, 3)
    small = np.zeros((100, 50, 3), np.uint8)
    assert thumbnail(small) is small


def test_the_probability_of_a_class_without_an_example_shows_nothing(person):
    session, masks = person
    first, second, *_ = masks
    session.add_class('red')
    session.add_class('later')
    session.mark(first, 'red', masks[first])
    np.testing.assert_array_equal(
        View('later').picture(session, second), session.image(second).pixels)
