import pytest
import torch
from mmengine.config import ConfigDict

from mmseg_panet.errors import InputError
from mmseg_panet.models.small_components import (
    clear_small_components,
    min_area_of,
)

# The labels have 40 pixels. Class 1 has a component of 3 pixels at the left,
# of which the third touches the others at a corner, and one of 1 pixel at the
# right. Class 2 has one of 2 pixels that touches class 1, and one of 1 pixel.
LABELS = torch.tensor([
    [1, 1, 0, 0, 0, 0, 0, 1],
    [0, 0, 1, 2, 2, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [255, 0, 0, 0, 0, 0, 2, 0],
    [0, 0, 0, 0, 0, 0, 0, 255]], dtype=torch.uint8)


def cleared(*pixels):
    """Return the labels with 0 at pixels (row, column)."""
    labels = LABELS.clone()
    for pixel in pixels:
        labels[pixel] = 0
    return labels


@pytest.mark.parametrize(('min_area', 'expected'), [
    (0.0, LABELS),
    (1 / 40, LABELS),
    (1.5 / 40, cleared((0, 7), (3, 6))),
    (2 / 40, cleared((0, 7), (3, 6))),
    (3 / 40, cleared((0, 7), (3, 6), (1, 3), (1, 4))),
    (3.5 / 40, torch.where(LABELS == 255, LABELS, 0)),
])
def test_components_of_fewer_pixels_become_background(min_area, expected):
    labels = LABELS.clone()
    assert torch.equal(clear_small_components(labels, min_area), expected)
    assert torch.equal(labels, LABELS)


def test_each_map_is_cleared_by_itself():
    maps = torch.stack([LABELS, LABELS.flip(1), LABELS * 0])[:, None]
    found = clear_small_components(maps, 2 / 40)
    expected = cleared((0, 7), (3, 6))
    assert torch.equal(
        found, torch.stack([expected, expected.flip(1), LABELS * 0])[:, None])


def test_of_more_than_254_classes_65535_is_undecided_and_255_a_class():
    wide = torch.where(LABELS == 255, 65535, LABELS.int())
    wide[0, 0], wide[3, 6] = 255, 300
    found = clear_small_components(wide, 2 / 40)
    assert found.dtype == torch.int32
    assert found[0, 0] == found[3, 6] == 0
    assert ((found == 65535) == (LABELS == 255)).all()


@pytest.mark.parametrize('value', [-0.1, 1, 1.5, 'a', True, None])
def test_an_invalid_share_raises_an_input_error(value):
    class Model:
        test_cfg = ConfigDict(mode='whole', min_area=value)

    with pytest.raises(InputError, match=f'min_area .* got {value!r}'):
        min_area_of(Model)
    Model.test_cfg = None
    assert min_area_of(Model) == 0
