"""The layout of the page."""
from html import escape
from typing import Any

import gradio as gr

from ..images.suffixes import SUFFIXES
from .class_callbacks import next_colour
from .marker import make_marker

Parts = dict[str, Any]
UPLOADS = ('upload', 'load_bank')
"""Components of files, which are emptied when the files are read."""


def lay_out(model: str) -> Parts:
    """Make the components of the page, inside of a ``gr.Blocks``.

    Args:
        model (str): Name of the model, which the page shows.

    Returns:
        dict[str, Any]: The components by their names.
    """
    parts: Parts = {}
    with gr.Column(elem_id='page'):
        gr.HTML(
            '<h1>Few-shot segmentation</h1><p>Mark an object in one image, '
            f'find it in the others.</p><small>{escape(model)}</small>',
            elem_id='head')
        parts['guide'] = gr.HTML(elem_id='guide')
        with gr.Row(elem_id='body'):
            with gr.Column(scale=3, min_width=280, elem_id='side'):
                parts |= _side()
            with gr.Column(scale=9, min_width=300, elem_id='main'):
                parts |= _main()
    return parts


def _side() -> Parts:
    parts: Parts = {}
    parts['upload'] = gr.File(
        label='Images', file_count='multiple', file_types=list(SUFFIXES),
        height=96, elem_id='upload')
    with gr.Group(elem_id='new-class'):
        with gr.Row():
            parts['class_name'] = gr.Textbox(
                label='New class', placeholder='such as windmill',
                max_lines=1, max_length=100, scale=5, min_width=120,
                elem_id='class-name')
            parts['class_colour'] = gr.ColorPicker(
                next_colour(0), label='Colour', scale=2, min_width=70,
                elem_id='class-colour')
        parts['add_class'] = gr.Button(
            'Add class', variant='primary', elem_id='add-class')
    with gr.Accordion('Edit classes', open=False, elem_id='edit-classes'):
        parts['edited'] = gr.Dropdown(
            [], label='Class', elem_id='edited-class')
        with gr.Row():
            parts['new_name'] = gr.Textbox(
                label='Name', max_lines=1, max_length=100, scale=5,
                min_width=120, elem_id='new-name')
            parts['new_colour'] = gr.ColorPicker(
                label='Colour', scale=2, min_width=70, elem_id='new-colour')
        with gr.Row():
            parts['edit_class'] = gr.Button('Change', elem_id='edit-class')
            parts['remove_class'] = gr.Button(
                'Remove', variant='stop', elem_id='remove-class')
    with gr.Accordion('Download and load', open=True, elem_id='files'):
        with gr.Row():
            for kind, text in (('masks', 'Masks (.zip)'), ('coco', 'COCO'),
                               ('bank', 'Bank')):
                parts[f'save_{kind}'] = gr.Button(
                    text, size='sm', min_width=80, elem_id=f'save-{kind}')
        parts['load_bank'] = gr.UploadButton(
            'Load a bank', file_types=['.safetensors'], size='sm',
            elem_id='load-bank')
        parts['download'] = gr.DownloadButton(
            visible='hidden', elem_id='download')
    parts['advice'] = gr.HTML(elem_id='advice')
    # Gradio replaces many characters in the names of files. (A subclass would
    # write a file into this folder.)
    parts['upload'].preprocess = _paths_and_names
    parts['load_bank'].preprocess = lambda file: _paths_and_names(
        [file] if file else None)
    return parts


def _paths_and_names(files: Any) -> list[tuple[str, str]]:
    """Return the paths of uploads, and the names on the person's machine."""
    return [(one.path, one.orig_name or '') for one in files or ()]


def _main() -> Parts:
    parts: Parts = {}
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300):
            gr.HTML('<h2>Mark</h2>')
            parts['marker'] = make_marker(elem_id='marker')
            with gr.Row():
                parts['remove_image'] = gr.Button(
                    'Remove this image', size='sm', min_width=140,
                    elem_id='remove-image')
        with gr.Column(min_width=300):
            gr.HTML('<h2>Result</h2>')
            parts['legend'] = gr.HTML(elem_id='legend')
            parts['result'] = gr.ImageSlider(
                slider_position=20,
                show_label=False, interactive=False, max_height=380,
                container=False, buttons=['fullscreen'], elem_id='result')
            with gr.Row():
                parts['correct'] = gr.Button(
                    'Correct it', size='sm', min_width=100, elem_id='correct')
                parts['accept'] = gr.Button(
                    'Make it an example', size='sm', variant='primary',
                    min_width=140, elem_id='accept')
            with gr.Row(elem_id='view'):
                parts['show'] = gr.Dropdown(
                    [('All classes', '')], value='', label='Show',
                    filterable=False, min_width=120, elem_id='show')
                parts['threshold'] = gr.Slider(
                    0, 1, 0, step=0.01, label='Threshold', min_width=120,
                    buttons=[], elem_id='threshold')
                parts['opacity'] = gr.Slider(
                    0, 1, 0.5, step=0.01, label='Opacity', min_width=120,
                    buttons=[], elem_id='opacity')
    with gr.Row():
        gr.HTML('<h2>All images</h2>')
        parts['status'] = gr.HTML(elem_id='status')
    parts['gallery'] = gr.Gallery(
        show_label=False, columns=5, height='auto', allow_preview=False,
        object_fit='contain', buttons=[], elem_id='gallery')
    return parts
