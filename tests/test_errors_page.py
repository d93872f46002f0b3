"""Every row of docs/errors.md, tried with the real commands."""
import re

import pytest
from bad_inputs import CASES, Parts
from markdown_pages import REPO
from tool_runs import tool

ROW = re.compile(r'^\| (?!what is|---)(.+?) \| `(.+?)` \| (.+) \|$', re.M)
ROWS = {
    what: (command, message) for what, command, message in ROW.findall(
        (REPO / 'docs/errors.md').read_text())}
RECORDS = {'made_from.txt', 'made_with.txt', 'small.py', 'config.py'}
"""Files that say what a folder is made from, and begin it."""


@pytest.fixture(scope='module')
def parts(tmp_path_factory, toy_root):
    return Parts(tmp_path_factory.mktemp('parts'), toy_root)


def files(folder):
    return {path for path in folder.rglob('*') if path.is_file()}


def test_the_page_has_a_row_for_each_case_and_at_least_sixty():
    assert list(ROWS) == list(CASES)
    assert len(ROWS) >= 60


@pytest.mark.parametrize('what', CASES)
def test_a_bad_input_gets_its_message_and_nothing_is_written(
        what, parts, tmp_path):
    command, message = ROWS[what]
    name, *arguments = CASES[what](parts, tmp_path)
    before = files(tmp_path)
    run = tool(name, *arguments, code=2)
    *_, last = run.stderr.strip().splitlines()
    assert 'Traceback' not in run.stderr
    for folder in (tmp_path, parts.folder):
        last = last.replace(f'{folder}/', '').replace(str(folder), '.')
    # Three dots on the page stand for any text.
    pattern = '.*'.join(map(re.escape, message.split('…')))
    assert re.fullmatch(pattern, last.partition('error: ')[2])
    assert name == command
    assert {path.name for path in files(tmp_path) - before
            if path.suffix != '.log'} <= RECORDS
