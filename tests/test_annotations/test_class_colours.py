import itertools

import numpy as np
import pytest

from mmseg_panet.annotations.class_colours import (
    DISTINCT,
    UNDECIDED_COLOUR,
    VIVID,
    check_colours,
    class_colours,
    class_palette,
    coloured_class_list,
)
from mmseg_panet.annotations.class_list import (
    read_class_list,
    write_class_list,
)
from mmseg_panet.errors import InputError

NAMES = ['cat', 'dog', 'Köter', 'трава', 'a b', 'x' * 200]
# Simulations of Machado et al. (2009), severity 1, on linear RGB.
VISION = {
    'normal': np.eye(3),
    'protanopia': [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998]],
    'deuteranopia': [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881]],
    'tritanopia': [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900]]}


def oklab(colours, vision):
    """Coordinates of colours as they are seen, in Ottosson's OKLab."""
    rgb = np.array(colours) / 255
    linear = np.where(
        rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.transpose(VISION[vision]), 0, 1)
    cones = np.cbrt(linear @ np.array([
        [0.4122214708, 0.2119034982, 0.0883024619],
        [0.5363325363, 0.6806995451, 0.2817188376],
        [0.0514459929, 0.1073969566, 0.6299787005]]))
    return cones @ np.array([
        [0.2104542553, 1.9779984951, 0.0259040371],
        [0.7936177850, -2.4285922050, 0.7827717662],
        [-0.0040720468, 0.4505937099, -0.8086757660]])


@pytest.mark.parametrize(('vision', 'least'), [
    ('normal', 0.10), ('protanopia', 0.065), ('deuteranopia', 0.065),
    ('tritanopia', 0.06)])
def test_the_colours_are_distinct_however_they_are_seen(vision, least):
    """A distance of 0.02 in OKLab is just noticed."""
    seen = oklab([*DISTINCT, (0, 0, 0), UNDECIDED_COLOUR], vision)
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert distances[~np.eye(len(seen), dtype=bool)].min() > least


@pytest.mark.parametrize('vision', VISION)
def test_the_first_colours_are_bright_and_further_apart(vision):
    seen = oklab([*VIVID, (0, 0, 0), UNDECIDED_COLOUR], vision)
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert distances[~np.eye(len(seen), dtype=bool)].min() > 0.085
    lightness, *opponents = oklab(VIVID, 'normal').T
    assert lightness.min() > 0.58  # black has 0, white has 1
    assert np.hypot(*opponents).min() > 0.12  # grey has 0
    assert DISTINCT[:len(VIVID)] == VIVID
    names = [f'class {i}' for i in range(12)]
    assert set(class_colours(names).values()) == set(VIVID)


def test_a_colour_belongs_to_a_name_whatever_the_order():
    expected = class_colours(NAMES)
    for names in itertools.permutations(NAMES):
        assert class_colours(names) == expected
    palette = class_palette(NAMES[::-1])
    assert palette[1:7].tolist() == [
        list(expected[name]) for name in NAMES[::-1]]
    assert palette[[0, 7, 254]].tolist() == [[0, 0, 0]] * 3
    assert palette[255].tolist() == [128, 128, 128]


def test_colours_of_today_are_those_of_every_other_run():
    """They are in files that were written before."""
    assert class_colours(['cat', 'dog', 'car']) == {
        name: class_colours([name])[name] for name in ('cat', 'dog', 'car')}
    assert class_colours(['cat'])['cat'] == (180, 150, 255)


@pytest.mark.parametrize('number', [1, 24, 25, 100, 254, 255, 1203])
def test_no_two_classes_share_a_colour(number):
    names = [f'class {i}' for i in range(number)]
    colours = class_colours(names)
    assert list(colours) == names
    assert len({*colours.values(), (0, 0, 0), (128, 128, 128)}) == 2 + number


def test_more_than_254_colours_are_bright_and_of_16_bits():
    names = [f'class {i}' for i in range(300)]
    palette = class_palette(names)
    assert palette.shape == (65536, 3)
    assert palette[1:301].max(1).min() >= 85
    assert palette[255].any()  # that of a class
    assert palette[65535].tolist() == [128, 128, 128]
    assert not palette[[0, *range(301, 65535)]].any()
    # Whatever the order of the names.
    assert class_colours(names[::-1]) == class_colours(names)


def test_a_name_gives_way_to_a_higher_hash_alone():
    """Of two that want one colour the same one keeps it, in every set."""
    names = [f'class {i}' for i in range(60)]
    alone = {name: class_colours([name])[name] for name in names}
    one, other = next(
        pair for pair in itertools.combinations(names, 2)
        if alone[pair[0]] == alone[pair[1]])
    both = class_colours([one, other])
    assert both == class_colours([other, one])
    kept = [name for name in (one, other) if both[name] == alone[name]]
    assert len(kept) == 1 and both[one] != both[other]
    third = next(name for name in names if alone[name] not in both.values())
    assert class_colours([third, other, one])[kept[0]] == alone[kept[0]]


def test_a_given_colour_is_kept_and_no_other_comes_near():
    taken = class_colours(['cat'])['cat']
    colours = class_colours(
        ['cat', 'dog'], {'dog': (taken[0], taken[1] - 5, taken[2]),
                         'absent': (0, 0, 0)})
    assert colours['dog'] == (taken[0], taken[1] - 5, taken[2])
    assert np.linalg.norm(np.subtract(colours['cat'], colours['dog'])) > 39


@pytest.mark.parametrize(('number', 'undecided'), [(6, 255), (300, 65535)])
def test_the_class_list_of_a_palette_reads_back(tmp_path, number, undecided):
    names = [*NAMES, *(f'class {i}' for i in range(6, number))]
    palette = class_palette(names)
    write_class_list(tmp_path, coloured_class_list(names, palette))
    found = read_class_list(tmp_path / 'classes.txt')
    assert found.names == ['background', *names]
    *_, last = (tmp_path / 'classes.txt').read_text().splitlines()
    assert last == f'{undecided} undecided 128,128,128'
    assert (found.palette()[[*range(7), 255]]
            == palette[[*range(7), 255]]).all()


def test_a_colour_that_a_user_gives_twice_is_listed_once(tmp_path):
    palette = class_palette(
        ['a', 'b', 'c'],
        {'a': (1, 2, 3), 'b': (1, 2, 3), 'c': (128, 128, 128)})
    write_class_list(tmp_path, coloured_class_list(['a', 'b', 'c'], palette))
    assert (tmp_path / 'classes.txt').read_text().splitlines() == [
        '0 background', '1 a 1,2,3', '2 b', '3 c 128,128,128']


@pytest.mark.parametrize('colours', [
    'red', {'a': (1, 2)}, {'a': 'abc'}, {'a': (0, 0, 256)},
    {'a': (1, 2, 'x')}, {'a': 5}, {'a': None}, {'a': (True, 0, 0)},
    {'a': (1, [2], 3)}, {'a': {1, 2, 3}}, {'a': (0., 0., 255.)},
    {'a': np.array(5)}, {'a': np.zeros((3, 1), np.uint8)}])
def test_what_is_not_a_colour_is_refused(colours):
    with pytest.raises(InputError, match='expected'):
        check_colours(colours)


@pytest.mark.parametrize('colour', [
    (.9, .1, .1), [1., 0., 0.], (.9, .1, .1, 1), np.array([.9, .1, .1])])
def test_a_colour_of_matplotlib_is_refused_with_its_remedy(colour):
    with pytest.raises(InputError, match=r"of 'red' .*; multiply by 255"):
        check_colours({'red': colour})


@pytest.mark.parametrize('colour', [
    (0, 0, 255), [1, 2, 3], np.array([1, 2, 3]), np.zeros(3, np.uint8)])
def test_three_integers_are_a_colour(colour):
    check_colours({'red': colour})
