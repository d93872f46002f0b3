"""The pages of README and docs/: links, names, photographs, words."""
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from markdown_pages import (
    DOCS,
    OTHERS,
    PAGES,
    PHOTOS,
    README,
    REPO,
    anchors,
    blocks,
    inline_code,
    links,
    measured,
)
from mmengine.registry import FUNCTIONS
from mmengine.runner.checkpoint import get_torchvision_models
from mmseg import registry
from PIL import Image
from snippet_runs import (
    CVAT,
    assert_makes,
    assert_pip_installs,
    parser_of,
)

from mmseg_panet.annotations.class_list import read_class_list
from mmseg_panet.annotations.formats.class_folders import list_pairs
from mmseg_panet.cli.main import SUBCOMMANDS
from mmseg_panet.config.bundled_configs import find_config
from mmseg_panet.inference.advice.report import (
    SupportAdvice,
    SupportRow,
    format_advice,
)

OLD_NAMES = {'deprecations'}
"""Pages that also have the old names of configs."""


def name_of(page):
    return str(page.relative_to(REPO))


def flags_of(name):
    """All flags of a subcommand and of what it has below it."""
    flags, parsers = set(), [parser_of(name)]
    while parsers:
        for action in parsers.pop()._actions:
            flags |= set(action.option_strings)
            if isinstance(action.choices, dict):
                parsers += action.choices.values()
    return flags


@pytest.mark.parametrize('page', [*PAGES, *OTHERS], ids=name_of)
def test_relative_links_lead_to_files_and_headings(page):
    for link in links(page):
        if re.match('https?://', link):
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize('page', [
    page for page in [*PAGES, *OTHERS] if page.name != 'CHANGELOG.md'],
    ids=name_of)
def test_flags_and_subcommands_in_the_text_exist(page):
    known = CVAT.union(*map(flags_of, SUBCOMMANDS))
    for code in inline_code(page):
        words = code.split()
        if words[:2] == ['pip', 'install']:
            assert_pip_installs(shlex.split(code)[1:])
        elif words[0] == 'make':
            assert_makes(shlex.split(code)[1:])
        elif words[0] == 'mmseg-panet' and len(words) > 1:
            if words[1].startswith('-'):
                assert words[1] in (
                    '--help', '--version', '--list-configs')
                continue
            # Given in part, the arguments cannot be parsed.
            assert words[1] in SUBCOMMANDS, code
            assert {word for word in words[2:] if word.startswith('--')
                    } <= flags_of(words[1]), code
        elif code.startswith('--'):
            assert {word for word in words if word.startswith('--')
                    } <= known, code


def test_every_config_and_file_in_the_text_exists():
    for page in PAGES:
        text = page.read_text()
        for name in re.findall(
                r'\b(?:panet|discriminant)_(?:r\d+|vgg16)-d8[\w-]*', text):
            # Checkpoints and work dirs have the same names.
            assert find_config(name).stem == name or page.stem in OLD_NAMES
        for path in re.findall(r'`((?:tools|examples|configs)/[\w/.-]+)`',
                               text):
            assert (REPO / path).exists(), path


def test_every_component_of_the_table_is_registered():
    table = (REPO / 'docs/components.md').read_text().split('\n\n')[1]
    rows = re.findall(r'^\| (`.*?) \| `(\w+)` \|', table, re.M)
    assert len(rows) == 28
    for names, name in rows:
        where = FUNCTIONS if name == 'FUNCTIONS' else getattr(registry, name)
        for component in re.findall(r'`(\w+)`', names):
            assert where.get(component) is not None, component


def test_the_readme_stands_alone_in_its_first_sixty_lines():
    lines = README.read_text().splitlines()
    assert len(lines) <= 150
    start = '\n'.join(lines[:60])
    for part in ('docs/photos.jpg', 'git clone', 'pip install', '```python',
                 'mmseg-panet segment', 'white where', '\nmake demo ',
                 '\nmake test ', 'docs/README.md', 'docs/words.md'):
        assert part in start, part
    snippet = re.search(r'```python\n(.*?)```', start, re.S)[1]
    assert len(snippet.splitlines()) == 5


@pytest.mark.parametrize('word', [
    'episode', 'support set', 'query', 'prototype', 'fold', 'mIoU', 'shot',
    'way', 'backbone', 'checkpoint', 'logits', 'calibrated', 'gated',
    'registered', 'Runner', 'stack', 'extra'])
def test_the_first_sixty_lines_have_no_word_that_they_do_not_explain(word):
    start = '\n'.join(README.read_text().splitlines()[:60])
    # A reader who knows the field is addressed in one paragraph.
    prose = re.sub(r'If you know the field.*?\n\n', '\n\n', start, flags=re.S)
    prose = re.sub(r'^```.*?^```$|few-shot', '', prose, flags=re.M | re.S)
    assert re.search(rf'\b{word}s?\b', prose, re.I) is None


def test_the_figures_of_the_networks_are_those_that_were_measured():
    text = (REPO / 'docs/segment.md').read_text().split('## Which')[1]
    rows = {name: values for name, *values in re.findall(
        r'^\| (.+?) \| (.+?) \| (.+?) \|$', text, re.M)}
    for column, depth in enumerate((18, 50)):
        found = measured(f'ResNet-{depth}, stages 2 and 3')
        for data, name in (('MSRC', 'MSRC'), (
                'VOC animals', "PASCAL VOC's animals")):
            one = [found[data, f'1-way {n}-shot'] for n in (1, 5)]
            assert rows[f'{name}, one class, 1 / 5 examples'][column] == (
                '{:.1f} / {:.1f}'.format(*one))
            assert rows[f'{name}, two classes, 5 examples'][column] == (
                f"{found[data, '2-way 5-shot']:.1f}")


def test_the_figures_of_the_readme_are_those_that_were_measured():
    found = measured('ResNet-18, stage 3')
    one, five = (found['MSRC', f'1-way {n}-shot'] for n in (1, 5))
    text = README.read_text()
    assert f'1 / 5 examples | {one:.1f} / {five:.1f} |' in text
    one, five = (found['VOC animals', f'1-way {n}-shot'] for n in (1, 5))
    assert f'1 / 5 / 20 examples | {one:.1f} / {five:.1f} / ' in text
    # The sentence below the picture has them without decimals.
    assert '54, 65 and 72% with 1, 5 and 20 examples' in text
    assert (round(one), round(five)) == (54, 65)


def test_words_are_explained_once_each():
    rows = re.findall(
        r'^\| ([^|]+) \| [^|]+ \|$', (REPO / 'docs/words.md').read_text(),
        re.M)
    words = [word.strip(' `') for row in rows if row != 'word' != row
             for word in row.split(',')]
    words = [word for word in words if set(word) - {'-'}]
    repeated = {word for word in words if words.count(word) > 1}
    assert repeated <= {'part', 'word'}
    assert {'way', 'shot', 'support', 'query', 'episode', 'fold', 'protocol',
            'prototype', 'mIoU', 'FB-IoU', 'config', 'backbone'} <= {*words}


def test_every_part_of_the_name_of_a_config_is_explained():
    names = (REPO / 'docs/words.md').read_text().split(
        '## Names of configs')[1]
    explained = set(re.findall('`([^`]+)`', names))
    numbers = {re.sub(r'\d+', '#', part) for part in explained}
    configs = list((REPO / 'configs').glob('[!_]*/*.py'))
    assert len(configs) > 10
    for path in configs:
        for part in re.split('_|-(?!align)', path.stem):
            # The number of iterations may be another one.
            assert part in explained or (
                re.search('xb|iters|^\\d+(k|x\\d+)$', part)
                and re.sub(r'\d+', '#', part) in numbers), (path.stem, part)


def test_the_advice_is_explained_in_a_table():
    text = (REPO / 'docs/segment.md').read_text().split('## Advice')[1]
    explained = {
        word for row in re.findall(r'^\| (`[^|]+) \|', text, re.M)
        for word in re.findall('`(.+?)`', row)}
    head = format_advice(SupportAdvice([], [], [])).splitlines()[0].split()
    assert len(head) == 9
    marks = re.findall(r"'(\w+)'", SupportRow.__doc__.split('marks (')[1])
    assert len(marks) >= 5
    assert {'example' if one == 'shot' else one
            for one in (*head, *marks)} <= explained


def test_the_downloads_are_those_of_the_configs():
    text = (REPO / 'docs/install.md').read_text()
    known = get_torchvision_models()
    for name in ('resnet18', 'resnet50'):
        assert f'<{known[name]}>' in text
    assert f' {Path(known["resnet50"]).name} ' in text


def test_the_class_list_of_coloured_masks_is_read(tmp_path):
    block, = (block for block in blocks('text')
              if block.page == 'docs/own_data.md' and '255' not in block.text)
    file = tmp_path / 'names.txt'
    file.write_text(block.text)
    classes = read_class_list(file)
    assert classes.names == ['background', 'cat', 'dog']
    assert classes.colours == {0: (0, 0, 0), 1: (220, 20, 60), 2: (0, 0, 142)}


def test_the_index_names_every_page_once():
    index = links(REPO / 'docs/README.md')
    for page in DOCS:
        if page.name != 'README.md':
            assert index.count(page.name) == 1, page.name


def test_words_that_the_project_does_not_use_are_absent():
    pattern = (r'\b(mend|anew|host|taught|teach|whole|told apart|do as well|'
               r"one's own|TODO)\b|@@")
    for page in PAGES:
        found = re.search(pattern, page.read_text(), re.I)
        assert found is None, f'{page.name}: {found[0]}'


def test_photographs_are_small_free_and_have_an_author():
    tracked = subprocess.run(
        ['git', 'ls-files', '-z', '.'], cwd=PHOTOS, capture_output=True)
    if tracked.returncode:
        pytest.skip('not a clone of the repository')
    text = (PHOTOS / 'README.md').read_text()
    rows = re.findall(
        r'^\| `(\S.*\.jpg)` \| (\S.*?) \| (.*?) \| \[.+?\]\(https://', text,
        re.M)
    photos = sorted(PHOTOS.rglob('*.jpg'))
    assert sorted(name for name, *_ in rows) == sorted(
        str(path.relative_to(PHOTOS)) for path in photos)
    assert {licence for *_, licence in rows} == {'public domain', 'CC0 1.0'}
    assert sum(path.stat().st_size for path in photos) < 600_000
    for path in photos:
        assert max(Image.open(path).size) <= 640
    pairs = list_pairs(PHOTOS / 'support')
    assert [len(pair) for pair in pairs.values()] == [2, 2, 2]
    for image, mask in sum(pairs.values(), []):
        mask = Image.open(mask)
        assert mask.size == Image.open(image).size
        assert np.unique(mask).tolist() == [0, 255]
