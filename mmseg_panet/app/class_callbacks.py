"""What happens when a person changes the list of classes."""
import re
from collections.abc import Sequence
from itertools import cycle, islice

import gradio as gr

from ..annotations.class_colours import VIVID
from ..errors import InputError
from .callbacks import Values, marks, result
from .view import View
from .work import Work, discard


def start(work: Work, view: View) -> Values:
    """Show a new session, which has the classes of a bank or none."""
    return dict(**_classes(work, view.show), **result(work, view))


def add_class(work: Work, view: View, name: str, colour: str) -> Values:
    """Add a class, whose marks are then drawn."""
    work.session.add_class(name.strip(), read_colour(colour))
    number = len(work.session.classes)
    return dict(
        class_name='', class_colour=next_colour(number), **_classes(
            work, view.show, active=number - 1), **result(work, view))


def edit_class(work: Work, view: View, old: str | None, name: str,
               colour: str) -> Values:
    """Give a class another name and colour."""
    old = _chosen(work, old)
    name = name.strip() or old
    work.session.set_colour(
        old, read_colour(colour) or work.session.colour(old))
    if name != old:
        work.session.rename_class(old, name)
    if view.show == old:
        view = view._replace(show=name)
    return dict(
        **_classes(work, view.show, edited=name), **result(work, view))


def edited_class(work: Work, view: View, name: str | None) -> Values:
    """Show the name and the colour of a class that is edited."""
    if name not in work.session.classes:
        return dict(new_name='')
    return dict(new_name=name, new_colour=_hex(work.session.colour(name)))


def remove_class(work: Work, view: View, name: str | None) -> Values:
    """Remove a class, with its marks."""
    work.session.remove_class(_chosen(work, name))
    work.drafts.clear()  # their labels are those of other classes now
    values = _classes(work, view.show)
    values['marker'] |= marks(work)
    return dict(**values, **result(work, view))


def load_bank(work: Work, view: View, files: Sequence[tuple[str, str]]
              ) -> Values:
    """Add the classes of a bank."""
    for path, name in files:
        try:
            work.session.load_bank(path, name)
        finally:
            discard(path)
    return dict(**_classes(work, view.show), **result(work, view))


def read_colour(text: str | None) -> tuple[int, int, int] | None:
    """Read a colour of gr.ColorPicker: #rrggbb, or rgb(r, g, b).

    Raises:
        InputError: If it is neither.
    """
    if not text:
        return None
    number = r'(\d{1,3}(?:\.\d*)?)'
    if re.fullmatch('#[0-9a-fA-F]{6}', text.strip()):
        values = list(bytes.fromhex(text.strip()[1:]))
    else:
        parts = re.fullmatch(
            rf'rgba?\({number}, *{number}, *{number}(?:,[\d. ]+)?\)',
            text.strip())
        values = [round(float(one)) for one in parts.groups()
                  ] if parts else []
    if len(values) != 3 or max(values) > 255:
        raise InputError(
            f'expected a colour such as #ff7800, got {text}; choose one')
    return values[0], values[1], values[2]


def next_colour(number: int) -> str:
    """Return the colour that is suggested for the next class."""
    return _hex(next(islice(cycle(VIVID), number, None)))


def _hex(colour: Sequence[int]) -> str:
    return '#' + bytes(int(one) for one in colour).hex()


def _chosen(work: Work, name: str | None) -> str:
    if name not in work.session.classes:
        raise InputError('expected a class, got none; choose one of the list')
    return name


def _classes(work: Work, shown: str, active: int | None = None,
             edited: str | None = None) -> Values:
    """Show the classes wherever they are listed.

    Gradio refuses every event if the value of a list is not in it.
    """
    session = work.session
    names = list(session.classes)
    marker: Values = dict(classes=[
        dict(name=name, colour=[int(one) for one in session.colour(name)])
        for name in names])
    if active is not None:
        marker['active'] = active
    return dict(
        marker=marker, show=gr.update(
            value=shown if shown in names else '', choices=[
                ('All classes', ''),
                *((f'Probability of {name}', name) for name in names)]),
        edited=gr.update(choices=names, value=edited))
