"""The appearance of the page, with no file of another server."""
from typing import Any

from .marker import asset


def appearance() -> dict[str, Any]:
    """Return settings of Gradio's ``launch``: theme, CSS and JavaScript."""
    import gradio as gr
    fonts = ['ui-sans-serif', 'system-ui', 'sans-serif']
    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.teal, neutral_hue=gr.themes.colors.slate,
        font=fonts, font_mono=['ui-monospace', 'monospace'],
        radius_size=gr.themes.sizes.radius_lg,
        spacing_size=gr.themes.sizes.spacing_sm)
    return dict(theme=theme, css=asset('page.css'), js=asset('page.js'))
