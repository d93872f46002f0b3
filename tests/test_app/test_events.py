"""How the page calls its callbacks, and shows what they raise."""

import pytest
from app_parts import HOSTILE, make_shared, make_work

from mmseg_panet.errors import NO_MEMORY, InputError

gr = pytest.importorskip('gradio', reason='the page is made with Gradio')

from mmseg_panet.app import callbacks, events  # noqa: E402


@pytest.fixture(scope='module')
def shared():
    return make_shared()


@pytest.fixture
def page(shared, monkeypatch):
    """A page, its person's work, and what it warned of."""
    work, _ = make_work(shared)
    told = []
    monkeypatch.setattr(events.gr, 'Warning', told.append)
    yield events.make_page(lambda: work, HOSTILE), work, told
    work.session.close()


def run(blocks, work, element, event, *values):
    """Call what an event of a component calls; give its outputs."""
    function, = [
        one for one in blocks.fns.values() if (next(
            (block._id for block in blocks.blocks.values()
             if block.elem_id == element), None), event) in one.targets]
    steps = function.fn(
        gr.EventData(None, None), gr.Progress(), work, '', 0.0, 0.5, *values)
    return {key.elem_id: value
            for step in steps for key, value in step.items()}


@pytest.mark.parametrize(('error', 'sentence'), [
    (InputError('expected <b>, got <i>; see & ask'),
     'expected &lt;b&gt;, got &lt;i&gt;; see &amp; ask'),
    (MemoryError(), NO_MEMORY),
    (KeyError('secret'), events._UNEXPECTED)])
def test_an_error_is_told_in_a_sentence_and_changes_nothing(
        page, monkeypatch, capsys, error, sentence):
    blocks, work, told = page

    def fail(*_):
        raise error

    monkeypatch.setattr(callbacks, 'raise_error', fail, raising=False)
    with blocks:
        made = events._Events(
            blocks.blocks[next(iter(
                key for key, one in blocks.blocks.items()
                if isinstance(one, gr.State)))],
            {one: gr.HTML() for one in (
                'show', 'threshold', 'opacity', 'status')})
        button = gr.Button(elem_id='failing')
        made.add(button.click, callbacks.raise_error)
    shown = run(blocks, work, 'failing', 'click')
    assert told == [sentence]
    assert list(shown.values()) == [gr.skip()]
    assert ('secret' in capsys.readouterr().err) == isinstance(
        error, KeyError)


def test_a_page_that_was_closed_for_long_says_so(page):
    blocks, _, told = page
    run(blocks, None, 'accept', 'click')
    assert told == [events._CLOSED]


def test_a_click_changes_the_work_and_what_is_shown(page):
    blocks, work, told = page
    shown = run(blocks, work, 'add-class', 'click', HOSTILE, '#00ff00')
    assert work.session.classes == (HOSTILE,)
    assert shown['marker']['classes'] == [dict(
        name=HOSTILE, colour=[0, 255, 0])]
    assert shown['class-name'] == ''
    assert told == []


def test_the_name_of_the_model_is_shown_as_text(page):
    blocks, *_ = page
    head, = [one for one in blocks.blocks.values() if one.elem_id == 'head']
    assert '<img' not in head.value
    assert '&lt;img' in head.value


def test_the_session_is_closed_with_the_state_of_the_browser(page):
    blocks, work, _ = page
    state, = [one for one in blocks.blocks.values()
              if isinstance(one, gr.State)]
    assert state.value is None
    state.delete_callback(None)
    state.delete_callback(work)
    with pytest.raises(InputError, match='session that is in use'):
        work.session.add_class('late')
    assert not work.session.folder.exists()


def test_uploads_keep_their_names(page):
    blocks, *_ = page
    upload, = [one for one in blocks.blocks.values()
               if one.elem_id == 'upload']
    payload = upload.data_model([dict(
        path='/cache/Katze 1.png', orig_name='Katze (1).png')])
    assert upload.preprocess(payload) == [
        ('/cache/Katze 1.png', 'Katze (1).png')]
    assert upload.preprocess(None) == []
    bank, = [one for one in blocks.blocks.values()
             if one.elem_id == 'load-bank']
    file = bank.data_model(path='/cache/a.safetensors', orig_name='ä.x')
    assert bank.preprocess(file) == [('/cache/a.safetensors', 'ä.x')]
    assert bank.preprocess(None) == []


def test_a_field_of_files_is_emptied_by_its_own_event_alone(page, tmp_path):
    """Gradio would make it again as the output of another event."""
    blocks, work, told = page
    for element in ('upload', 'load-bank'):
        field, = [key for key, one in blocks.blocks.items()
                  if one.elem_id == element]
        own = [one for one in blocks.fns.values()
               if field in [output._id for output in one.outputs]]
        assert [one.targets for one in own] == [[(field, 'upload')]]
        path = tmp_path / 'upload' / 'a.png'
        path.parent.mkdir()
        path.touch()
        shown = run(blocks, work, element, 'upload', [(str(path), 'a.png')])
        assert shown[element] is None
        assert told.pop().startswith('a.png')
