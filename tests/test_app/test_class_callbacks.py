"""Adding, changing and removing classes on the page."""
import shutil

import pytest
from app_parts import HOSTILE, make_shared, make_work, sent

from mmseg_panet.annotations.class_colours import VIVID
from mmseg_panet.app.view import View
from mmseg_panet.errors import InputError

pytest.importorskip('gradio', reason='the page is made with Gradio')

from mmseg_panet.app import callbacks, class_callbacks  # noqa: E402

VIEW = View()


@pytest.fixture(scope='module')
def shared():
    return make_shared()


@pytest.fixture
def person(shared):
    work, masks = make_work(shared, number=2)
    yield work, masks
    work.session.close()


def test_a_class_is_added_with_its_colour_and_is_the_one_that_is_marked(
        person):
    work, _ = person
    class_callbacks.add_class(work, VIEW, ' red ', '#0a0b0c')
    values = class_callbacks.add_class(work, VIEW, HOSTILE, 'rgba(1, 2, 3, 1)')
    assert values['marker'] == dict(active=1, classes=[
        dict(name='red', colour=[10, 11, 12]),
        dict(name=HOSTILE, colour=[1, 2, 3])])
    assert values['show']['choices'] == [
        ('All classes', ''), ('Probability of red', 'red'),
        (f'Probability of {HOSTILE}', HOSTILE)]
    assert values['class_colour'] == f'#{bytes(VIVID[2]).hex()}'
    assert values['class_name'] == ''
    with pytest.raises(InputError, match='there already'):
        class_callbacks.add_class(work, VIEW, 'red', '#000000')


def test_a_class_is_renamed_and_coloured_with_its_examples(person):
    work, masks = person
    first, _ = masks
    class_callbacks.add_class(work, VIEW, 'red', '#ff0000')
    callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    values = class_callbacks.edited_class(work, VIEW, 'red')
    assert values == dict(new_name='red', new_colour='#ff0000')
    values = class_callbacks.edit_class(work, VIEW, 'red', 'box', '#0000ff')
    assert values['edited']['value'] == 'box'
    assert work.session.examples == {first: ('box',)}
    assert tuple(work.session.colour('box')) == (0, 0, 255)
    class_callbacks.edit_class(work, VIEW, 'box', '', '')
    assert work.session.classes == ('box',)
    assert tuple(work.session.colour('box')) == (0, 0, 255)


def test_a_removed_class_leaves_the_marks_of_the_others(person):
    work, masks = person
    first, _ = masks
    for name in ('red', 'top'):
        class_callbacks.add_class(work, VIEW, name, '')
    labels = masks[first] * 1
    labels[:4] = 2
    callbacks.stroke(work, VIEW, sent(first, labels))
    class_callbacks.remove_class(work, VIEW, 'red')
    assert work.session.examples == {first: ('top',)}
    assert (work.session.labels(first)[:4] == 1).all()
    for function in (class_callbacks.remove_class, class_callbacks.edit_class):
        rest = ('', '') if function is class_callbacks.edit_class else ()
        with pytest.raises(InputError, match='choose one of the list'):
            function(work, VIEW, 'red', *rest)
    assert class_callbacks.edited_class(work, VIEW, None) == dict(new_name='')


def test_a_bank_that_was_saved_is_loaded_by_another_person(
        shared, person, tmp_path):
    work, masks = person
    first, second = masks
    class_callbacks.add_class(work, VIEW, 'red', '')
    callbacks.stroke(work, VIEW, sent(first, masks[first] * 1))
    bank = callbacks.save_bank(work, VIEW, print)['download']
    path = tmp_path / 'upload' / 'bank.safetensors'
    path.parent.mkdir()
    shutil.copy(bank, path)
    other, _ = make_work(shared, number=2)
    values = class_callbacks.load_bank(
        other, VIEW, [(str(path), 'mine.safetensors')])
    assert [one['name'] for one in values['marker']['classes']] == ['red']
    assert not path.parent.exists()
    images = [one.id for one in other.session.images]
    assert (other.session.class_map(images[1])
            == work.session.class_map(second)).all()
    path.parent.mkdir()
    path.write_bytes(b'no bank')
    with pytest.raises(InputError, match='^mine.safetensors is not a proto'):
        class_callbacks.load_bank(
            other, VIEW, [(str(path), 'mine.safetensors')])
    assert not path.exists()
    assert class_callbacks.start(other, VIEW)['marker']['classes']
    other.session.close()


def test_the_probability_that_is_shown_is_that_of_a_class_that_exists(person):
    """Gradio refuses every event if the value of a list is not in it."""
    work, _ = person
    for name in ('red', 'top'):
        class_callbacks.add_class(work, VIEW, name, '')
    view = View('red')
    values = class_callbacks.edit_class(work, view, 'top', 'roof', '')
    assert values['show']['value'] == 'red'
    values = class_callbacks.edit_class(work, view, 'red', 'blue', '')
    assert values['show']['value'] == 'blue'
    values = class_callbacks.add_class(work, View('blue'), 'more', '')
    assert values['show']['value'] == 'blue'
    values = class_callbacks.remove_class(work, View('blue'), 'blue')
    assert values['show']['value'] == ''
    assert values['edited']['value'] is None


@pytest.mark.parametrize(('text', 'colour'), [
    ('#ff7800', (255, 120, 0)), ('rgb(1,2,3)', (1, 2, 3)),
    ('rgba(254.6, 0.4, 3, 0.5)', (255, 0, 3)), ('', None), (None, None)])
def test_colours_of_the_picker_are_read(text, colour):
    assert class_callbacks.read_colour(text) == colour


@pytest.mark.parametrize('text', [
    '#ff780', 'red', 'rgb(1,2)', 'rgb(256,0,0)', 'rgb(1,.,2)', 'rgb(,,)'])
def test_other_colours_are_refused(text):
    with pytest.raises(InputError, match='expected a colour such as #ff7800'):
        class_callbacks.read_colour(text)
