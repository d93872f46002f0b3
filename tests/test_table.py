import csv
import re

import pytest

from mmseg_panet.table import csv_line, format_table


def test_columns_are_aligned_and_two_spaces_apart():
    assert format_table([
        ('class', 'IoU', 'marks'),
        ('cat', '7.5', ''),
        ('guinea pig', '100.0', 'tiny, only')], left=(0, 2)).split('\n') == [
        'class         IoU  marks',
        'cat           7.5',
        'guinea pig  100.0  tiny, only']


def test_a_table_without_rows_is_its_header():
    assert format_table([('a', 'b')]) == 'a  b'


def test_nothing_is_truncated_wrapped_coloured_or_parsed(monkeypatch):
    monkeypatch.setenv('COLUMNS', '20')
    monkeypatch.setenv('FORCE_COLOR', '1')
    cells = ['[bold]cat[/] ' * 100, ':cat:', '[+1.00, +2.00]']
    head, row = format_table([('', '95% [x]', 'B'), cells]).split('\n')
    assert row == '  '.join([cells[0], '  :cat:', cells[2]])
    assert head.split('  ')[-1].strip() == 'B'
    assert '95% [x]' in head


@pytest.mark.parametrize(('cell', 'written'), [
    ('=1+1', "'=1+1"), ('+a', "'+a"), ('-a', "'-a"), ('@a', "'@a"),
    ('\t=1', "'\\t=1"), ('\r=1', "'\\r=1"), ("'=1", "''=1"),
    ("'s", "'s"), ('a=1', 'a=1'), ('C++', 'C++'), ('-1.5', '-1.5'),
    ('+2', '+2'), ('-1e-05', '-1e-05'), ('-1-1', "'-1-1"), (-1.5, '-1.5'),
    (None, ''), ('猫', '猫'), ('a\nb', 'a\\nb'), ('\udcff', '\\udcff')])
def test_no_cell_of_a_csv_file_is_a_formula(cell, written):
    line = csv_line([7, cell, 'end'])
    assert next(csv.reader([line])) == ['7', written, 'end']
    assert len(line.splitlines()) == 1
    line.encode()


def test_a_reader_removes_one_apostrophe_before_a_formula():
    names = ['=1', "'=1", "''=1", '+a', "'", "'s", "''", 'a']
    cells = next(csv.reader([csv_line(names)]))
    assert [re.sub(r"^'('*[=+@-])", r'\1', cell) for cell in cells] == names


def test_cells_of_a_plain_table_are_printable():
    assert format_table([('a\x1b[2J',), ('b\n\udcff',)]) == (
        'a\\x1b[2J\nb\\n\\udcff')
