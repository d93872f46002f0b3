import numpy as np
import pytest
from mmseg.utils import voc_palette

from mmseg_panet.annotations.class_list import (
    ClassList,
    class_lines,
    number_classes,
    read_class_list,
)
from mmseg_panet.errors import InputError


def read(folder, *lines):
    path = folder / 'classes.txt'
    path.write_text('\n'.join(lines), 'utf-8')
    return read_class_list(path)


@pytest.mark.parametrize('lines', [
    ['0 background', '1 cat', '2 potted plant'],
    ['2 potted plant', '', '1  cat', '# 3 dog'],  # in any order
    ['1 cat', '2 potted plant', '255 void'],
    ['background', 'cat', 'potted plant'],
    ['_background_', 'cat', 'potted plant', ''],
    ['Background', 'cat', 'potted plant'],
    ['0 _background_', '1 cat', '2 potted plant'],
    ['0 Background', '1 cat', '2 potted plant'],
    ['\ufeff0 background', '1 cat', '2 potted plant'],  # with a BOM
])
def test_ids_and_names_are_read_in_either_form(tmp_path, lines):
    classes = read(tmp_path, *lines)
    assert classes.names == ['background', 'cat', 'potted plant']
    assert classes.colours == {}


def test_id_0_may_be_a_class(tmp_path):
    assert read(tmp_path, '0 road', '1 sky').names == ['road', 'sky']


def test_colours_are_read_and_written(tmp_path):
    classes = read(
        tmp_path, '1 cat 255, 0,9', '2 potted plant', '255 void 1,2,3')
    assert classes.names == ['background', 'cat', 'potted plant']
    assert classes.colours == {1: (255, 0, 9), 255: (1, 2, 3)}
    assert read(tmp_path, *class_lines(classes)) == classes


def test_the_palette_is_vocs_except_for_listed_colours():
    palette = ClassList(['background', 'cat'], {1: (9, 8, 7)}).palette()
    expected = np.array(voc_palette())
    expected[1] = 9, 8, 7
    assert (palette[:21] == expected).all()
    assert palette[255].tolist() == [224, 224, 192]


@pytest.mark.parametrize(('lines', 'sentence'), [
    (['cat', 'dog'], r"line 1: expected `id name`, or 'background'"),
    (['1 cat', 'dog'], r"line 2: expected `id name` .* got 'dog'"),
    (['1 cat', '', '70000 dog'],
     'line 3: expected an id of 0..65535, .* got 70000'),
    (['1 cat', '256 dog'], r'no line for the ids \[2, 3, .*of 0..256'),
    (['1 cat 300,0,0'], 'line 1: .* with numbers of 0..255'),
    (['1 cat', '1 dog'], "line 2: the id 1 is 'cat' already"),
    (['1 cat', '2 cat'], "has 'cat' more than once"),
    (['background', 'cat', 'cat'], "has 'cat' more than once"),
    (['1 cat 1,2,3', '2 dog 1,2,3'], r'has \(1, 2, 3\) more than once'),
    (['1 cat', '4 dog'], r'no line for the ids \[2, 3\]'),
    (['# nothing'], 'is empty'),
    (['background', *(f'class {i}' for i in range(1, 65536))],
     'has 65536 names; expected at most 65535'),
    (['background', 'cat 1,2,3'], "without a colour .* got 'cat 1,2,3'"),
])
def test_a_malformed_list_raises_an_input_error(tmp_path, lines, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read(tmp_path, *lines)
    assert str(tmp_path / 'classes.txt') in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('num_classes', 'void'), [(254, 255), (255, 65535)])
def test_more_than_254_classes_have_16_bits(tmp_path, num_classes, void):
    names = ['background', *(f'class {i}' for i in range(1, 1 + num_classes))]
    classes = read(tmp_path, *names)
    assert classes.names == names
    assert (classes.void, classes.dtype) == (
        void, np.uint8 if void == 255 else np.uint16)
    assert classes.palette().shape == (1 + void, 3)
    # Also with ids, where 255 is a class in the second list only.
    assert read(tmp_path, *class_lines(classes)) == classes
    numbered, ids = number_classes(
        ['__ignore__', *names[1:]], None, tmp_path)
    assert numbered == names
    assert ids['__ignore__'] == void


def test_the_colours_of_16_bits_are_different():
    names = ['background', *(f'class {i}' for i in range(1, 301))]
    palette = ClassList(names, {255: (9, 8, 7)}).palette()
    assert palette[255].tolist() == [9, 8, 7]
    assert len(np.unique(palette[:301], axis=0)) == 301


@pytest.mark.parametrize('name', [
    'cat\ndog', 'cat\u2028dog', 'cat\n', 'cat ', '\tcat', 'cat 1,2,3',
    'cat 1 , 2, 3', '', ' ', None, 7, ['cat']])
@pytest.mark.parametrize('chosen', [None, ['dog']])
def test_a_name_that_a_line_cannot_store_raises_an_input_error(
        tmp_path, name, chosen):
    with pytest.raises(InputError, match='expected the name') as caught:
        number_classes(['dog', name], chosen, tmp_path / 'a.json')
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: ")
    assert repr(name) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_names_with_digits_and_commas_are_read_as_written(tmp_path):
    given = ['cat 1', '2,3', 'cat 1,2', '# dog', "chat d'été", '猫 1.2.3']
    names, _ = number_classes(given, None, tmp_path)
    assert read(tmp_path, *class_lines(ClassList(names, {}))).names == names


def test_a_missing_list_and_invalid_utf8_raise_an_input_error(tmp_path):
    with pytest.raises(InputError, match='cannot be read'):
        read_class_list(tmp_path / 'absent.txt')
    (tmp_path / 'bytes.txt').write_bytes(b'1 \xff')
    with pytest.raises(InputError, match='cannot be read'):
        read_class_list(tmp_path / 'bytes.txt')


@pytest.mark.parametrize('lines', [
    ['1 none'], ['0 none', '1 cat'], ['0 cat', '1 background'],
    ['1 cat', '2 Undecided'], ['background', 'cat', '__ignore__'],
    ['0 cat', '1 BACKGROUND']])
def test_a_list_does_not_give_a_reserved_name_to_a_class(tmp_path, lines):
    with pytest.raises(InputError, match=(
            r'classes\.txt: expected names of classes, got .*, which stands '
            'for pixels of no class; leave it out, or choose another name')):
        read(tmp_path, *lines)


@pytest.mark.parametrize('name', ['none', 'None', 'undecided'])
def test_a_reserved_name_is_refused_if_its_class_is_selected(name):
    with pytest.raises(InputError, match='source: expected names of classes'):
        number_classes(['cat', name], None, 'source')
    names, _ = number_classes(['cat', name], ['cat'], 'source')
    assert names == ['background', 'cat']


def test_the_background_is_id_0_in_any_case_wherever_it_is_listed():
    names, ids = number_classes(
        ['cat', 'Background', 'dog', '__Ignore__'], None, 'source')
    assert names == ['background', 'cat', 'dog']
    assert ids['Background'] == ids['background'] == 0
    assert ids['__Ignore__'] == 255
    assert number_classes(['cat'], ['Background', 'cat'], 'source')[0] == [
        'background', 'cat']


def test_a_list_of_another_encoding_raises_an_input_error(tmp_path):
    (tmp_path / 'classes.txt').write_bytes('1 na\xefve'.encode('cp1252'))
    with pytest.raises(InputError, match=r'cannot be read: .*; save it as UT'):
        read_class_list(tmp_path / 'classes.txt')
