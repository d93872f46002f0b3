"""`make docs` builds the site without a warning, and it stands alone."""
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_pages import REPO

pytest.importorskip('sphinx')
pytest.importorskip('myst_nb')
pytest.importorskip('furo')

MAKEFILE = (REPO / 'Makefile').read_text(encoding='utf-8')
LEFT_OUT = shutil.ignore_patterns(
    '.*', '__pycache__', '_build', 'build', 'data', 'dist', 'mutants',
    'tests', 'work_dirs')
PAGES = {
    'Your own images in five minutes': 'docs/five_minutes',
    'Which classifier': 'docs/classifiers',
    'A new benchmark': 'docs/new_benchmark',
    'The head in another model': 'docs/head_in_another_model',
    'Protocols': 'docs/protocols', 'File formats': 'docs/formats',
    'Label tools': 'docs/label_tools', 'The page': 'docs/app',
    'The equations': 'docs/equations', 'What we measured': 'docs/results',
    'The Python interface': 'docs/api', 'All modules': 'docs/_build/api/index',
    'A notebook': 'examples/few_shot_segmentation'}
"""The pages that a person finds by these names in the navigation."""


@pytest.fixture
def checkout(tmp_path):
    """A copy of the repository, as the site has its sources beside it."""
    return shutil.copytree(REPO, tmp_path / 'checkout', ignore=LEFT_OUT)


def build(checkout):
    """Run the command of the Makefile, without the notebook."""
    command = re.search(
        r'^docs: install.*\n\t\$\(PY\) (.+)$', MAKEFILE, re.M)[1]
    assert command.startswith('-m sphinx -q -W --keep-going ')
    return subprocess.run(
        [sys.executable, *command.split(), '-D', 'nb_execution_mode=off'],
        cwd=checkout, capture_output=True, text=True,
        env=os.environ | {'PYTHONPATH': str(checkout)})


def attributes(path, name):
    """The values of an attribute in a page, with the tag that has it."""
    return [
        (tag, unescape(value)) for tag, value in re.findall(
            rf'<(\w+)\b[^>]*?\s{name}="([^"]*)"',
            path.read_text(encoding='utf-8'))]


def every_task_is_in_the_navigation_once(site):
    text = (site / 'docs/README.html').read_text(encoding='utf-8')
    tree = re.search(r'<div class="sidebar-tree">.*?</div>', text, re.S)[0]
    found = re.findall(
        r'<a class="[^"]*reference internal" href="(.*?)\.html">(.*?)</a>',
        tree)
    names = {name: link for link, name in found}
    assert len(found) == len(names) > 30
    for name, page in PAGES.items():
        assert (site / 'docs' / names[name]).resolve() == site / page


def internal_links_lead_to_pages_and_anchors(site):
    pages = list(site.rglob('*.html'))
    assert len(pages) > 60
    names = {page: {value for _, value in attributes(page, 'id')}
             for page in pages}
    broken = []
    for page in pages:
        for _, link in attributes(page, 'href'):
            path, _, anchor = unquote(link).partition('#')
            if re.match('[a-z]+:', path):
                continue
            target = (page.parent / path.split('?')[0]).resolve() if (
                path) else page
            if not target.is_file() or (
                    anchor and anchor not in names.get(target, {anchor})):
                broken.append(f'{page.relative_to(site)}: {link}')
    assert broken == []


def no_page_needs_a_connection(site):
    for page in site.rglob('*.html'):
        found = [*attributes(page, 'src'), *(
            one for one in attributes(page, 'href') if one[0] == 'link')]
        assert found or page == site / 'index.html'
        assert [link for _, link in found if '//' in link] == [], page
    for path in [*site.rglob('*.css'), *site.rglob('*.js')]:
        assert not re.search(
            r'url\(["\']?(?:https?:)?//|import\(?["\']https?:',
            path.read_text(encoding='utf-8')), path


def equations_are_written_for_browsers_without_a_script(site):
    text = (site / 'docs/equations.html').read_text(encoding='utf-8')
    assert text.count('display="block"') == 21
    assert '$' not in re.sub('<[^>]+>', '', text.split('<article')[1].split(
        '</article>')[0])


def names_of_functions_lead_to_their_docstrings(site):
    text = (site / 'docs/equations.html').read_text(encoding='utf-8')
    link = re.search(r'href="([^"]+)#(mmseg_panet[\w.]+class_means)"', text)
    reference = (site / 'docs' / link[1]).read_text(encoding='utf-8')
    start = reference.index(f'id="{link[2]}"')
    assert 'Average the background and every way' in reference[start:][:3000]


def no_page_names_a_folder_of_this_machine(site):
    checkout = str(site.parents[2])
    for page in site.rglob('*.html'):
        text = page.read_text(encoding='utf-8')
        assert checkout not in text and str(REPO) not in text, page
        assert str(Path.home()) not in text, page


def test_the_site_is_built_without_a_warning_and_stands_alone(checkout):
    """One test, as several would build the site in both of the workers."""
    run = build(checkout)
    assert run.returncode == 0, run.stderr[-3000:]
    site = checkout / 'docs/_build/html'
    assert 'url=docs/README.html' in (site / 'index.html').read_text()
    for check in (
            every_task_is_in_the_navigation_once,
            internal_links_lead_to_pages_and_anchors,
            no_page_needs_a_connection,
            equations_are_written_for_browsers_without_a_script,
            names_of_functions_lead_to_their_docstrings,
            no_page_names_a_folder_of_this_machine):
        check(site)


@pytest.mark.slow
def test_broken_links_and_names_fail_the_build(checkout):
    page = checkout / 'docs/demo.md'
    page.write_text(page.read_text() + (
        '[a page](no_such_page.md), [a heading](words.md#no-such-heading), '
        '[`no_such_name`](../mmseg_panet/models/mixture.py)\n'))
    run = build(checkout)
    assert run.returncode == 1
    for name in ('no_such_page.md', 'no-such-heading', 'no_such_name'):
        assert name in run.stderr
    assert run.stderr.count('WARNING') == 3


def test_the_check_of_other_sites_says_that_there_is_no_connection():
    recipe = re.search(
        r'^linkcheck: install.*\n((?:\t.*\n)+)', MAKEFILE, re.M)[1]
    script = recipe.split('\n\t$(PY) -m sphinx')[0].strip('\t@\n')
    run = subprocess.run(
        ['sh', '-c', script.replace('$(PY)', sys.executable)],
        capture_output=True, text=True,
        env=os.environ | {'https_proxy': 'http://127.0.0.1:9'})
    assert run.returncode == 1
    assert run.stderr == 'There is no connection, so no link was checked.\n'
