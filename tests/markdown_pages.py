"""The Markdown pages of the repository: their blocks, commands and links."""
import re
import shlex
import textwrap
from collections import Counter
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).parents[1]
README = REPO / 'projects_readme.md'
DOCS = sorted((REPO / 'docs').glob('*.md'))
PHOTOS = REPO / 'examples/photos'
PAGES = [README, *DOCS, *sorted(REPO.glob('examples/**/README.md')),
         *sorted((REPO / 'configs').glob('*/README.md'))]
OTHERS = sorted({
    *REPO.glob('*.md'), *REPO.glob('.github/**/*.md'),
    *REPO.glob('benchmarks/*.md')} - {README, REPO / 'README.md'})
"""Pages of which only the links are checked."""


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str  # its path from the root of the repository
    number: int  # among the blocks of its language on the page
    language: str
    text: str

    def __str__(self):
        return f'{self.page}-{self.language}-{self.number}'


SHELL = {'bash', 'console'}
DATA = {'text', 'json', 'yaml', 'bibtex', 'mermaid', 'ini', 'html', 'xml',
        'dockerfile', 'nginx', 'toml', 'css', 'math'}
"""Languages of blocks that a reader does not run."""


def all_blocks(page):
    """All blocks of a page, in their order."""
    found, numbers = [], Counter()
    for indent, language, text in re.findall(
            r'^( *)```([^\n`]*)\n(.*?)^ *```$', page.read_text(),
            re.M | re.S):
        language = language.split(' ')[0].strip('{}')
        found.append(Block(
            str(page.relative_to(REPO)), numbers[language], language,
            textwrap.dedent(text) if indent else text))
        numbers[language] += 1
    return found


def blocks(language, pages=PAGES):
    """All blocks of a language on some pages."""
    return [block for page in pages for block in all_blocks(page)
            if block.language == language]


def commands_of(block):
    """The commands of a block of bash, or after the prompts of a console."""
    if block.language == 'bash':
        return commands(block.text)
    text = block.text.replace('\\\n', ' ')
    return commands('\n'.join(re.findall(r'^\$ (.*)$', text, re.M)))


def commands(text):
    """The commands of a block of bash, as lists of words."""
    lines = re.split('\n| && ', text.replace('\\\n', ' '))
    return list(filter(None, (
        shlex.split(line, comments=True) for line in lines)))


def inline_code(page):
    """What a page has between backticks, outside of its blocks."""
    prose = re.sub(r'^```.*?^```$', '', page.read_text(), flags=re.M | re.S)
    return [' '.join(code.split()) for code in re.findall(
        r'`([^`]+)`', prose)]


def links(page):
    """Targets of the links and pictures of a page."""
    prose = re.sub(r'^```.*?^```$', '', page.read_text(), flags=re.M | re.S)
    return re.findall(r'\]\(((?:[^()\s]|\([^()]*\))+)\)', prose)


def anchors(page):
    """Anchors that GitHub makes of the headings of a page."""
    text = re.sub(r'^```.*?^```$', '', page.read_text(), flags=re.M | re.S)
    titles = re.findall(r'^#+ (.+)$', text, re.M)
    # A paragraph that starts in bold is no heading, and has no anchor.
    return [re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')
            for title in titles]


def measured(network, method='auto'):
    """The mIoU of a classifier, by data and episodes, in classifiers.md."""
    text = (REPO / 'docs/classifiers.md').read_text()
    table = re.search(rf'^{network}\b.*?\n\n(\|.*?)\n\n', text, re.M | re.S)
    head, _, *rows = [line.strip('| ').split(' | ')
                      for line in table[1].splitlines()]
    column = next(i for i, name in enumerate(head) if method in name)
    found = {(data, episodes): float(row[column - 2])
             for data, episodes, *row in rows if row[column - 2] != '-'}
    for episodes in {episodes for _, episodes in found}:
        folds = [value for (data, of), value in found.items()
                 if of == episodes and data.startswith('MSRC')]
        if len(folds) == 3:
            found['MSRC', episodes] = sum(folds) / 3
    return found
