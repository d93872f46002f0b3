from mmseg_panet.table import format_table


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
