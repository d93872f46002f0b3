"""Every command and every block of Python on the pages is run.

A test follows each page from its top to its end in a folder of its own, see
:mod:`snippet_runs`. What cannot run there has a row in ``NOT_RUN``, and what
is tested more closely has one in ``TESTED`` of test_readme.py. Both are
parsed, and a new block needs nothing if it runs as it is.
"""
import re
import shutil
import subprocess
from argparse import ArgumentError

import pytest
from markdown_pages import (
    DATA,
    OTHERS,
    PAGES,
    REPO,
    SHELL,
    Block,
    all_blocks,
    commands_of,
)
from snippet_runs import (
    PROGRAMS,
    Reader,
    assert_runs_a_script,
    without_settings,
)
from test_readme import TESTED

EVERY_PAGE = [*PAGES, *OTHERS]
NOT_RUN = {
    r'make \S': 'installs packages, or takes minutes to hours; the CI runs '
    'make lint and make test, test_cli/test_demo.py the demo',
    r'git clone <address of this repository> mmseg_panet$': 'a placeholder',
    r'cd mmseg_panet$': 'follows git clone',
    r'python -m venv \.venv$': 'the environment of these tests is one',
    r'source \.venv/bin/activate$': 'follows python -m venv',
    r'(\.venv/bin/)?pip install ': 'downloads packages; make wheel-check '
    'installs them',
    r'\.venv/bin/pre-commit install$': 'follows pip install pre-commit',
    r'\.venv/bin/python -m pytest ': 'would be these tests',
    r'torchrun ': 'starts processes; test_cli/test_launcher.py does',
    r'mmseg-panet prepare-data pascal-5i data$': 'downloads 3 GB; '
    'test_cli/test_prepare_data.py has tiny archives',
    r'python examples/plot_demo\.py ': 'needs the pictures of make demo; '
    'test_readme.py has small ones',
    r'cvat-cli ': 'needs a CVAT server; test_label_tools/test_cvat.py has '
    'the same calls',
    r'label-studio-ml ': 'needs a package of Label Studio; '
    'test_cli/test_label_studio.py has the same requests',
    r'.* --amp-dtype bfloat16 .* compile=True': 'needs a compiler and '
    'minutes; test_engine and test_gpu.py compile',
}
"""Why a command is not run, by what it starts with."""


def name_of(page):
    return str(page.relative_to(REPO))


def reasons(words):
    line = ' '.join(words)
    return [pattern for pattern in NOT_RUN if re.match(pattern, line)]


COMMANDS = [
    pytest.param(words, id=f'{block}-{i}')
    for page in EVERY_PAGE for block in all_blocks(page)
    if block.language in SHELL for i, words in enumerate(commands_of(block))]


@pytest.fixture
def reader(tmp_path, monkeypatch):
    one = Reader(tmp_path / 'folder', monkeypatch)
    yield one
    one.close()


def follow(blocks, reader):
    """Run the commands and the Python of some blocks in their order."""
    for block in blocks:
        assert block.language in SHELL | DATA | {'python'}, (
            f'{block} is in none of the languages in markdown_pages.py')
        if block.language in SHELL:
            for words in commands_of(block):
                if not reasons(words):
                    print('$', *words)
                    reader.run(words)
        elif block.language == 'python':
            print(block.text)
            tested = (block.page, block.number) in TESTED
            if not tested or '_base_ = ' in block.text:
                reader.run_python(block.text)


@pytest.mark.parametrize('page', [
    page for page in EVERY_PAGE if all_blocks(page)], ids=name_of)
def test_a_page_does_what_it_says_from_its_top_to_its_end(
        page, reader):
    follow(all_blocks(page), reader)


@pytest.mark.parametrize('language, text', [
    ('', 'mmseg-panet --version'),
    ('sh', 'mmseg-panet --version'),
    ('bash', 'unknown-program --help'),
    ('bash', 'mmseg-panet compare here.json'),
    ('bash', 'mmseg-panet export panet_r18-d8-s23_imagenet-473x473 '
     'work_dirs/panet_r18-d8-s23_imagenet-473x473/iter_9.pth a.onnx'),
    ('console', '$ mmseg-panet --nothing'),
    ('python', 'import mmseg_panet\nmmseg_panet.nothing'),
])
def test_a_block_that_does_not_work_is_noticed(
        language, text, reader):
    block = Block('docs/new.md', 0, language, f'{text}\n')
    with pytest.raises((AssertionError, AttributeError, ArgumentError,
                        SystemExit)):
        follow([block], reader)


def test_every_row_of_what_is_not_run_is_about_a_command():
    found = {pattern for param in COMMANDS for pattern in reasons(
        param.values[0])}
    assert found == NOT_RUN.keys()


def test_every_test_that_is_named_as_a_reason_exists():
    names = re.findall(r'test_[\w/]+(?:\.py)?', ' '.join(NOT_RUN.values()))
    assert len(names) > 4
    for name in names:
        assert (REPO / 'tests' / name).exists(), name


@pytest.mark.parametrize('words', COMMANDS)
def test_every_command_is_accepted_by_its_parser(words):
    words = without_settings(words)
    if words[0] == 'torchrun':
        words = ['mmseg-panet', *words[words.index('mmseg_panet') + 1:]]
    for word in words:
        if re.match('(benchmarks|configs|examples|tests|tools)/', word):
            assert (REPO / word).exists(), word
    program, *rest = words
    if program == 'python' and rest[0].endswith('.py'):
        assert_runs_a_script(rest)
    elif program in PROGRAMS:
        PROGRAMS[program](rest)
    else:
        assert reasons(words)


@pytest.mark.parametrize('words', [
    words for words in COMMANDS if words.values[0][0] == 'make'])
def test_make_has_the_targets_of_the_pages(words):
    if not shutil.which('make'):
        pytest.skip('make is not installed')
    subprocess.run(['make', '-n', *words[1:]], cwd=REPO, check=True,
                   capture_output=True)
