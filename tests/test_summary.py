from mmseg_panet.summary import (
    Summary,
    counted,
    listed,
    listed_examples,
    shortened,
)

SUMMARY = Summary(
    'Thing', [('name', '<b>&"'), ('longer', 'two\nlines')],
    [['image', 'x' * 100], ['<img>', '1%']], 'data:,"')


def test_the_text_aligns_facts_and_table():
    *facts, head, row = SUMMARY.text().splitlines()
    assert facts == ['Thing', '  name    <b>&"', '  longer  two lines']
    assert head == f"  image  {'x' * 31}\u2026"
    assert row.split() == ['<img>', '1%'] and len(row) == len(head)


def test_names_are_escaped_in_html():
    html = SUMMARY.html()
    assert '&lt;b&gt;&amp;&quot;' in html and '&lt;img&gt;' in html
    assert '<b>&"' not in html and 'data:,&quot;' in html
    assert Summary('Thing', []).html().count('<') == 6


def test_lists_say_how_much_is_left_out():
    assert listed('ab', 2) == 'a, b'
    assert listed((str(i) for i in range(100)), 100) == ', '.join(
        map(str, range(12))) + ' and 88 more'
    assert listed_examples({}) == 'none'
    assert listed_examples({'a': 1, 'b': 2}) == (
        '2: a (1 example), b (2 examples)')


def test_nothing_is_long():
    assert counted(1, 'class', 'classes') == '1 class'
    assert counted(0, 'class', 'classes') == '0 classes'
    assert shortened('a' * 33) == 'a' * 31 + '\u2026'
    many = {'n' * 1000 + str(i): i for i in range(300)}
    assert len(Summary('T', [('c', listed_examples(many))]).text()) < 600
