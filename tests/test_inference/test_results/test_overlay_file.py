import numpy as np
from result_parts import CLASSES, PALETTE

from mmseg_panet.inference.results.overlay_file import (
    has_style,
    overlays_of_other_styles,
    write_overlay,
)
from mmseg_panet.visualization.overlay import OverlayStyle

STYLES = (OverlayStyle(), OverlayStyle(0.2), OverlayStyle(legend=False),
          OverlayStyle(names=True))
IMAGE = np.full((40, 60, 3), 100, np.uint8)


def write(path, style):
    write_overlay(path, IMAGE, np.ones((40, 60), np.uint8), CLASSES, PALETTE,
                  style)


def test_an_overlay_knows_its_style_and_no_other_one(tmp_path):
    for number, style in enumerate(STYLES):
        path = tmp_path / f'{number}.jpg'
        assert not has_style(path, style)
        write(path, style)
        assert [has_style(path, one) for one in STYLES] == [
            i == number for i in range(len(STYLES))]


def test_a_file_that_is_cut_or_no_picture_has_no_style(tmp_path):
    path = tmp_path / 'a.jpg'
    write(path, OverlayStyle())
    path.write_bytes(b'\xff')
    assert not has_style(path, OverlayStyle())
    path.write_text('text')
    assert not has_style(path, OverlayStyle())


def test_overlays_of_another_style_are_found(tmp_path):
    for name, style in (('a', OverlayStyle()), ('deep/b.c', STYLES[1])):
        write(tmp_path / f'overlays/{name}.jpg', style)
    masks = [tmp_path / f'masks/{name}.png' for name in ('a', 'deep/b.c', 'd')]
    assert overlays_of_other_styles(tmp_path, masks, OverlayStyle()) == [
        tmp_path / 'overlays/deep/b.c.jpg']
