"""docs/results.md repeats the figures of other pages, and invents none."""
import re

import pytest
from markdown_pages import REPO, measured

PAGE = (REPO / 'docs/results.md').read_text(encoding='utf-8')
ROWS = re.findall(r'^\| (?!what|network|---)(.+) \|$', PAGE, re.M)
FAILED = PAGE.split('## What failed\n')[1].split('\n\n[')[0]
EPISODES = ('1-way 1-shot', '1-way 5-shot', '2-way 5-shot')
LINK = r'\[.+?\]\((\w+\.md)#([\w-]+)\)'


def section(page, anchor):
    """The lines of a section, joined where a paragraph goes on."""
    text = (REPO / 'docs' / page).read_text(encoding='utf-8')
    for part in re.split('^#+ ', text, flags=re.M)[1:]:
        title, _, rest = part.partition('\n')
        if re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-') == anchor:
            return [
                line for block in rest.split('\n\n') for line in (
                    block.split('\n') if block.startswith('|')
                    else [block.replace('\n', ' ')])]
    raise AssertionError(f'{page} has no heading #{anchor}')


def numbers(text):
    """The numbers with a decimal point, a sign or a unit behind them."""
    return re.findall(r'\d+\.\d+|\d+(?=x|%| kB| MB)', text)


def test_the_page_has_as_many_figures_as_it_should():
    assert len(ROWS) == 31
    assert FAILED.count('\n- ') == 9


@pytest.mark.parametrize('row', [
    row for row in ROWS if row.startswith('ResNet')])
def test_scores_without_training_are_those_of_the_tables(row):
    network, data, *found = row.split(' | ')[:-1]
    assert found == [
        ' / '.join(f'{measured(network, method)[data, of]:.1f}'
                   for of in EPISODES)
        for method in ('prototypes', 'auto')]


@pytest.mark.parametrize('row', [
    row for row in ROWS if not row.startswith('ResNet')])
def test_figures_of_a_row_are_on_one_line_of_its_source(row):
    _, figures, link = row.split(' | ')
    found = numbers(figures)
    assert found
    assert any(
        set(found) <= set(numbers(line))
        for line in section(*re.fullmatch(LINK, link).groups()))


@pytest.mark.parametrize('item', FAILED.split('\n- ')[1:])
def test_figures_of_a_failure_are_in_its_source(item):
    page, anchor = re.search(LINK, item).groups()
    # What follows the link is a requirement, which RESULTS.md has.
    found = numbers(item.split('](')[0])
    assert found or 'times as' in item
    assert set(found) <= set(numbers(' '.join(section(page, anchor))))
