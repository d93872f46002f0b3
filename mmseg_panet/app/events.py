"""Which callback belongs to which component of the page."""
import sys
import traceback
from collections.abc import Callable, Iterator
from html import escape
from inspect import isgenerator
from typing import Any

import gradio as gr

from ..errors import NO_MEMORY, InputError, WriteError, is_out_of_memory
from . import callbacks
from . import class_callbacks as classes
from .callbacks import Values
from .page import UPLOADS, Parts, lay_out
from .view import View
from .work import Work

_CLOSED = (
    'expected a page that is in use, got one that was closed for an hour, or '
    'opened before the program was started again; reload it')
_UNEXPECTED = (
    'expected this to work, got an error of the program, which its terminal '
    'shows; your images and examples are kept')
_DOWNLOAD = """(file) => {
    const link = document.createElement('a');
    link.href = file.url;
    link.download = file.orig_name || '';
    link.click();
}"""
_PRIVATE = dict(api_visibility='private', show_progress='hidden',
                concurrency_limit=None)


def make_page(make_work: Callable[[], Work], model: str) -> gr.Blocks:
    """Make the page, for any number of persons at once.

    Args:
        make_work (Callable): Function without arguments that makes the
            :class:`Work` of a person.
        model (str): Name of the model, which the page shows.
    """
    with gr.Blocks(
            title='Few-shot segmentation', analytics_enabled=False,
            delete_cache=(60, 600), fill_width=True) as page:
        work = gr.State(delete_callback=_close)
        events = _Events(work, lay_out(model))
        made = page.load(make_work, None, work, **_PRIVATE)
        events.connect(made)
    return page


def _close(work: Work | None) -> None:
    if work is not None:
        work.session.close()


class _Events:
    """Connects components with callbacks, by the names of the components."""

    def __init__(self, work: gr.State, parts: Parts) -> None:
        self.parts = parts
        self._inputs = [work, *(
            parts[name] for name in ('show', 'threshold', 'opacity'))]

    def connect(self, made: Any) -> None:
        """Connect all of them; ``made`` is the event of a new person."""
        parts, on, refresh = self.parts, self.add, self.add_and_refresh
        refresh(made.then, classes.start)
        refresh(parts['upload'].upload, callbacks.upload, 'upload',
                shows='upload')
        for event in (parts['class_name'].submit, parts['add_class'].click):
            on(event, classes.add_class, 'class_name', 'class_colour')
        on(parts['edited'].input, classes.edited_class, 'edited')
        refresh(parts['edit_class'].click, classes.edit_class, 'edited',
                'new_name', 'new_colour')
        refresh(parts['remove_class'].click, classes.remove_class, 'edited')
        refresh(parts['remove_image'].click, callbacks.remove_image)
        refresh(parts['marker'].stroke, callbacks.stroke, has_data=True)
        on(parts['marker'].nameless, callbacks.nameless)
        on(parts['gallery'].select, callbacks.select, has_data=True)
        on(parts['correct'].click, callbacks.correct)
        refresh(parts['accept'].click, callbacks.accept)
        refresh(parts['load_bank'].upload, classes.load_bank, 'load_bank')
        for kind, save in (('masks', callbacks.save_masks),
                           ('coco', callbacks.save_coco),
                           ('bank', callbacks.save_bank)):
            saved = on(parts[f'save_{kind}'].click, save, shows='gallery')
            saved.success(None, parts['download'], js=_DOWNLOAD)
        for name in ('show', 'threshold', 'opacity'):
            refresh(parts[name].change, callbacks.result,
                    trigger_mode='always_last')

    def add_and_refresh(self, *args: Any, **settings: Any) -> None:
        """Connect a callback that changes the results of all images."""
        self.add(self.add(*args, **settings).then, callbacks.refresh)

    def add(self, event: Callable[..., Any], callback: Callable[..., Any],
            *names: str, shows: str = '', has_data: bool = False,
            trigger_mode: str = 'multiple') -> Any:
        """Connect a callback.

        Args:
            event (Callable): Method of a component that adds a listener.
            callback (Callable): Function of the work, the view, the values
                of the named components, the data of the event and the
                progress, as far as they are wanted.
            *names (str): Names of components.
            shows (str): Name of the component that shows the progress, which
                the callback then gets. Defaults to none.
            has_data (bool): Whether the callback gets the data of the event.
                Defaults to False.
            trigger_mode (str): See Gradio. Defaults to 'multiple'.
        """
        emptied = dict.fromkeys(name for name in names if name in UPLOADS)
        # A component that is an output and not set is made again by Gradio,
        # without what lay_out() set.
        outputs = [part for name, part in self.parts.items()
                   if name not in UPLOADS or name in emptied]

        def run(event: gr.EventData, progress: Any = gr.Progress(),  # noqa
                *values: Any) -> Iterator[dict[Any, Any]]:
            work, show, threshold, opacity, *rest = values
            if has_data:
                rest.append(event._data)
            if shows:
                rest.append(progress)
            # Gradio sets all components to None if nothing is yielded.
            yield self._outputs(emptied)
            try:
                if work is None:
                    raise InputError(_CLOSED)
                found = callback(work, View(show, threshold, opacity), *rest)
                for one in found if isgenerator(found) else [found]:
                    yield self._outputs(one | emptied)
            except Exception as error:
                gr.Warning(escape(_sentence(error)))
                yield self._outputs(emptied)

        return event(
            run, [*self._inputs, *(self.parts[name] for name in names)],
            outputs, trigger_mode=trigger_mode, **(
                _PRIVATE if not shows else _PRIVATE | dict(
                    show_progress='full',
                    show_progress_on=self.parts[shows])))

    def _outputs(self, values: Values) -> dict[Any, Any]:
        return {self.parts[name]: value for name, value in values.items()} or {
            self.parts['status']: gr.skip()}


def _sentence(error: Exception) -> str:
    """Say what went wrong; details of a bug are for the terminal."""
    if isinstance(error, (InputError, WriteError)):
        return str(error)
    if is_out_of_memory(error):
        return NO_MEMORY
    traceback.print_exception(error, file=sys.stderr)
    return _UNEXPECTED
