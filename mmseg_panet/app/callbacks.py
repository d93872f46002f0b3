"""What happens when a person clicks: functions of a :class:`Work`.

They return the values of components by their names in the layout. A bad
input is an InputError, which the page shows as a sentence.
"""
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from ..annotations.label_type import IGNORED
from ..errors import InputError, raise_first
from ..wording import counted
from .free_memory import return_free_memory
from .marker import picture_url, read_marks, shown_marks
from .view import View, advice, caption, guide, legend, thumbnail
from .work import Work, discard

Values = dict[str, Any]
Progress = Callable[..., Any]
"""gr.Progress, a function of (number done, number in total)."""
_PART = 8
"""Number of images that are segmented before the gallery is updated."""


def upload(work: Work, view: View, files: Sequence[tuple[str, str]],
           progress: Progress) -> Iterator[Values]:
    """Add images, and select the first of them if none is selected."""
    added, problems = [], []
    for i, (path, name) in enumerate(files):
        progress((i, len(files)), desc='Reading images')
        try:
            added.append(work.session.add_image(path, name))
        except InputError as error:
            problems.append(str(error))
        finally:
            discard(path)
    if added and work.selected is None:
        work.selected = added[0]
        yield dict(marker=_canvas(work), **result(work, view))
    else:
        yield dict(guide=guide(work.session))
    raise_first(problems)


def select(work: Work, view: View, sent: Values) -> Values:
    """Select an image of the gallery."""
    index = sent['index']
    if 0 <= index < len(work.session.images):
        work.selected = work.session.images[index].id
    return dict(marker=_canvas(work), **result(work, view))


def remove_image(work: Work, view: View) -> Values:
    """Remove the selected image, with its marks."""
    ids = [one.id for one in work.session.images]
    position = ids.index(work.image)
    work.session.remove_image(work.image)
    work.drafts.pop(work.image, None)
    del ids[position]
    work.selected = ids[min(position, len(ids) - 1)] if ids else None
    return dict(marker=_canvas(work), **result(work, view))


def stroke(work: Work, view: View, sent: Values) -> Values:
    """Make what was marked an example, and show what it finds."""
    session, image = work.session, sent.get('image')
    if (image not in [one.id for one in session.images]
            or sent['stroke'] <= work.last_stroke):
        return {}
    work.last_stroke = sent['stroke']
    if tuple(sent['classes']) != session.classes[:len(sent['classes'])]:
        # The labels have the numbers of classes before a removal.
        return dict(marker=marks(work)) if image == work.selected else {}
    labels = read_marks(
        sent['labels'], sent['partial'], session.image(image).bgr.shape[:2])
    if image in work.drafts:
        work.drafts[image] = labels
    else:
        session.annotate(image, labels, exact=not sent['coarse'])
    if sent['partial'] and 0 not in labels and not work.told_of_background:
        work.told_of_background = True
        gr.Info('Choose Background, and click on what is not the object.')
    return result(work, view) if image == work.selected else {}


def nameless(work: Work, view: View) -> Values:
    """Say that a class is missing."""
    raise InputError(
        'expected a class that is marked, got none; name the object, and '
        'choose Add class')


def correct(work: Work, view: View) -> Values:
    """Put what was found on the canvas, where it can be corrected."""
    labels = work.session.class_map(work.image, view.threshold)
    work.drafts[work.image] = np.where(labels == IGNORED, 0, labels)
    return dict(marker=marks(work), **result(work, view))


def accept(work: Work, view: View) -> Values:
    """Make what is shown of the selected image an example."""
    session, image = work.session, work.image
    draft = work.drafts.pop(image, None)
    if draft is None:
        session.accept(image, view.threshold)
    elif np.isin(draft, (0, IGNORED)).all():
        session.set_negative(image)
    else:
        session.annotate(image, draft)
    return dict(marker=marks(work), **result(work, view))


def save_masks(work: Work, view: View, progress: Progress) -> Values:
    """Write the masks of all images."""
    _tell_of_drafts(work)
    path = _new_file(work, 'masks.zip')
    work.session.write_masks(path, view.threshold, _advance(progress))
    return dict(download=str(path))


def save_coco(work: Work, view: View, progress: Progress) -> Values:
    """Write the objects of all images."""
    _tell_of_drafts(work)
    path = _new_file(work, 'coco.json')
    work.session.write_coco(path, view.threshold, _advance(progress))
    return dict(download=str(path))


def save_bank(work: Work, view: View, progress: Progress) -> Values:
    """Write the registered classes."""
    path = _new_file(work, 'bank.safetensors')
    work.session.write_bank(path)
    return dict(download=str(path))


def result(work: Work, view: View) -> Values:
    """Show what is found in the selected image."""
    session, image = work.session, work.selected
    found = gr.update(interactive=bool(session.ready and image))
    values = dict(guide=guide(session), correct=found, accept=found)
    if image is None:
        return dict(result=None, legend=legend(session, None), **values)
    labels = draft = work.drafts.get(image)
    if labels is None and session.ready:
        labels = session.class_map(image, view.threshold)
    return dict(
        result=(work.file_of(session.image(image).pixels),
                work.file_of(view.picture(session, image, draft))),
        legend=legend(session, labels), **values)


def refresh(work: Work, view: View) -> Iterator[Values]:
    """Segment all images, and show them as they come.

    It stops when it is called again, as results have then changed.
    """
    work.refreshed = this = object()
    session = work.session
    images = session.images
    pictures: list[tuple[str, str] | None] = [
        # The first ones are segmented before any is shown.
        None if i < _PART else (
            work.file_of(thumbnail(one.pixels)), caption(session, one.id))
        for i, one in enumerate(images)]
    for i, image in enumerate(images):
        picture = thumbnail(view.picture(session, image.id))
        if work.refreshed is not this:
            return
        pictures[i] = work.file_of(picture), caption(session, image.id)
        if i % _PART == _PART - 1:
            yield dict(
                gallery=list(pictures),
                status=f'{i + 1} of {len(images)} images are segmented')
    classes = counted(len(session.classes), 'class', 'classes')
    yield dict(
        gallery=pictures,
        status=f'{counted(len(images), "image")}, {classes}, '
               f'{counted(len(session.examples), "example")}')
    # It takes half as long as the results of 20 images.
    yield dict(advice=advice(session))
    return_free_memory()


def _canvas(work: Work) -> Values:
    """Show the selected image on the canvas, with its marks."""
    if work.selected is None:
        return dict(image=None, picture='', name='', width=1, height=1)
    image = work.session.image(work.selected)
    height, width = image.pixels.shape[:2]
    return dict(
        image=image.id, name=image.name, width=width, height=height,
        picture=picture_url(image.pixels), **marks(work))


def marks(work: Work) -> Values:
    """Show the marks of the selected image on the canvas."""
    if work.selected is None:
        return dict(labels='', partial=False)
    labels = work.drafts.get(work.selected)
    return shown_marks(
        work.session.labels(work.selected) if labels is None else labels)


def _tell_of_drafts(work: Work) -> None:
    """Say which corrections are not in a download."""
    names = [escape(work.session.image(one).name) for one in work.drafts]
    if names:
        gr.Info(
            f'The file has what was found in {", ".join(names)}, and not your '
            'correction: choose the image, then Make it an example, and '
            'download again.')


def _advance(progress: Progress) -> Callable[[int, int], object]:
    return lambda done, total: progress((done, total), desc='Writing')


def _new_file(work: Work, name: str) -> Path:
    """Return the path of a download, in place of an earlier one.

    No other person can guess the folder.
    """
    for old in work.session.folder.glob(f'download-*/{name}'):
        shutil.rmtree(old.parent)
    folder = work.session.folder / f'download-{secrets.token_urlsafe(16)}'
    folder.mkdir()
    return folder / name
