"""The settings of Sphinx, which builds the site by ``make docs``.

The source folder is the root of the repository, so that the pages are the
same files, with the same links, in the site and in a viewer of Markdown.
"""

import re
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

from mmseg_panet import __version__

REPO = Path(__file__).parents[1]
INDEX = 'docs/README'
API = 'docs/_build/api'

project = 'mmseg_panet'
author = 'The mmseg_panet authors'
release = version = __version__

extensions = ['myst_nb', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
root_doc = INDEX
include_patterns = [
    'projects_readme.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'CODE_OF_CONDUCT.md',
    'benchmarks/RESULTS.md',
    'configs/*/README.md',
    'docs/*.md',
    'examples/*.ipynb',
    'examples/photos/README.md',
    f'{API}/*.rst',
]
# Folders without pages, which take long to search.
exclude_patterns = [
    '.*',
    'build',
    'data',
    'dist',
    'mmseg_panet',
    'mutants',
    'tests',
    'work_dirs',
    'docs/_build/html',
]

myst_enable_extensions = ['dollarmath', 'linkify']
myst_linkify_fuzzy_links = False
myst_heading_anchors = 4  # those that GitHub makes
# A notebook runs at each build; its outputs are not in the repository.
nb_execution_mode = 'force'
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_output_stderr = 'remove'  # messages, which can name paths

autodoc_default_options = {
    'members': True,
    'special-members': '__call__',
    'show-inheritance': True,
    'ignore-module-all': True,
}
autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # The docstrings have the types.
napoleon_use_rtype = False
napoleon_use_ivar = True

linkcheck_ignore = [r'https?://(localhost|127\.0\.0\.1)\b']

nitpicky = True
# The names of other packages lead nowhere without a connection.
nitpick_ignore_regex = [('py:.*', r'(?!mmseg_panet\b).*')]

# The navigation on every page has pages, and not what is on them.
toc_object_entries = False

html_theme = 'furo'
html_title = f'mmseg_panet {__version__}'
html_static_path = ['_static']
html_css_files = ['site.css']
html_show_sourcelink = html_copy_source = False
html_show_sphinx = html_show_copyright = False
html_math_renderer = 'mathml'


def write_api(app: Sphinx) -> None:
    """Write a page for each package, with all of its modules."""
    folder = REPO / API
    folder.mkdir(parents=True, exist_ok=True)
    pages = {}
    for init in sorted((REPO / 'mmseg_panet').rglob('__init__.py')):
        package = '.'.join(init.parent.relative_to(REPO).parts)
        if '..' in package:  # .mim, the links of an editable installation
            continue
        parts = [
            heading(package.removeprefix('mmseg_panet.'), '='),
            f'.. automodule:: {package}\n',
        ]
        for path in sorted(init.parent.glob('[!_]*.py')):
            parts += [
                heading(path.stem, '-'),
                f'.. automodule:: {package}.{path.stem}\n',
            ]
        pages[package] = '\n'.join(parts)
    pages['index'] = '\n'.join(
        [
            heading('All modules', '='),
            '.. toctree::',
            '   :titlesonly:',
            '',
            *(f'   {package}' for package in pages),
        ]
    )
    for page in folder.glob('*.rst'):
        if page.stem not in pages:
            page.unlink()
    for name, text in pages.items():
        page = folder / f'{name}.rst'
        # A page with a new time would be built again.
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def heading(title: str, line: str) -> str:
    """Write a heading; an underscore at the end of a word would be a link."""
    title = title.replace('_', r'\_')
    return f'{title}\n{line * len(title)}\n'


def prepare(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add what a viewer of Markdown does not need."""
    if docname == INDEX:
        source[0] += navigation(source[0])
    source[0] = re.sub(
        r'\[`([\w.]+)`\]\((?:\.\./)*(mmseg_panet/[\w/]+)\.py\)',
        lambda link: f'{{py:obj}}`{link[1]} <{link[2]}.{link[1]}>`'.replace(
            '/', '.'
        ),
        source[0],
    )


def navigation(index: str) -> str:
    """Make the navigation from the headings and tables of the index."""
    parts = []
    for section in re.split('^## ', index, flags=re.M)[1:]:
        title, _, text = section.partition('\n')
        pages = re.findall(r'^\| \[(.+?)\]\((.+?)\.\w+\)', text, re.M)
        if 'api.md' in text:
            pages.append(('All modules', '_build/api/index'))
        entries = '\n'.join(f'{page} <{path}>' for page, path in pages)
        parts.append(
            f'\n```{{toctree}}\n:hidden:\n:titlesonly:\n:caption: {title}\n\n'
            f'{entries}\n```'
        )
    return '\n'.join(parts)


def find_by_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element
) -> nodes.Element | None:
    """Link a name without its module, such as `Classifier`, if it is unique.

    The docstrings are read in editors, too, and therefore have short names.
    """
    if node.get('refdomain') != 'py':
        return None
    domain = env.domains.python_domain
    ending = '.' + node['reftarget'].lstrip('~.')
    kinds = domain.objtypes_for_role(node['reftype']) or []
    found = [
        (name, entry)
        for name, entry in domain.objects.items()
        if name.endswith(ending) and entry.objtype in kinds
    ]
    if len(found) != 1:
        return None
    ((name, entry),) = found
    return make_refnode(
        app.builder, node['refdoc'], entry.docname, entry.node_id, text, name
    )


def mathml(self, node: nodes.math) -> None:
    """Write mathematics that browsers show without any script."""
    self.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def mathml_block(self, node: nodes.math_block) -> None:
    """Write an equation of its own lines."""
    equation = tex2mathml(node.astext(), as_block=True)
    self.body.append(f'<div class="math">{equation}</div>')
    raise nodes.SkipNode


def write_entrance(app: Sphinx, error: Exception | None) -> None:
    """Lead from the top folder of the site to its index."""
    if error is None and app.builder.name == 'html':
        (app.outdir / 'index.html').write_text(
            '<!doctype html><meta charset="utf-8">'
            f'<meta http-equiv="refresh" content="0; url={INDEX}.html">'
            f'<a href="{INDEX}.html">mmseg_panet</a>\n'
        )


def setup(app: Sphinx) -> None:
    """Connect the functions above."""
    app.connect('builder-inited', write_api)
    app.connect('source-read', prepare)
    app.connect('missing-reference', find_by_name)
    app.connect('build-finished', write_entrance)
    app.add_html_math_renderer('mathml', (mathml, None), (mathml_block, None))
