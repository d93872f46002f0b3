import pytest

from mmseg_panet.wording import counted, is_unsafe, printable

UNSAFE = ['\0', '\t', '\n', '\r', '\x0b', '\x1b', '\x7f', '\x85', '\x9b',
          '\u061c', '\u200e', '\u202e', '\u2028', '\u2029', '\u2066',
          '\u2069', '\ud800', '\udcff']
NAMES = ['猫', 'قطة', 'कुत्ता', 'Zähne', 'e\u0301', '👩\u200d🚀', 'C++', 'a/b',
         '[red]', ':cat:', '=1+1', 'a\\b', '<b>', '\u200cمی', '🇨🇭', "d'été"]


@pytest.mark.parametrize('letter', UNSAFE)
def test_an_unsafe_letter_is_escaped_once(letter):
    shown = printable(f'a{letter}b')
    assert is_unsafe(letter) and not any(map(is_unsafe, shown))
    assert shown == printable(shown) == 'a' + repr(letter)[1:-1] + 'b'
    shown.encode()


@pytest.mark.parametrize('name', NAMES)
def test_names_of_all_languages_are_printed_as_they_are(name):
    assert printable(name) == name


def test_a_number_has_its_noun():
    assert counted(1, 'class', 'classes') == '1 class'
    assert counted(0, 'mask') == '0 masks'
