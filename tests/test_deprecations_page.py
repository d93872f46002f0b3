"""docs/deprecations.md lists every old name that still works."""
import ast
import re
from pathlib import Path

from mmseg_panet.version import __version__

REPO = Path(__file__).parents[1]
ROW = re.compile(
    r'^\| `([^`]+)` \| `([^`]+)` \| ([\d.]+) \| ([\d.]+) \|$', re.M)


def rows():
    """The rows of the page: old name, new name, since, removed in."""
    text = (REPO / 'docs/deprecations.md').read_text(encoding='utf-8')
    found = ROW.findall(text)
    assert len(found) == len(re.findall(r'^\| `', text, re.M)), (
        'a row of docs/deprecations.md is malformed')
    return found


def old_names(folder):
    """The old names, with the new ones, that the code of a folder knows.

    These are the literals in calls of ``renamed`` and ``warn_renamed``, and
    in dicts called ``RENAMED``.
    """
    found = {}
    for path in sorted(folder.rglob('*.py')):
        parts = path.relative_to(folder.parent).with_suffix('').parts
        module = '.'.join(parts).removesuffix('.__init__')
        text = path.read_text(encoding='utf-8')
        if 'renamed' not in text.lower():
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and any(
                    getattr(target, 'id', None) == 'RENAMED'
                    for target in getattr(node, 'targets', None)
                    or [node.target]):
                found |= ast.literal_eval(node.value)
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func).rpartition('.')[2]
            if called == 'renamed':
                names = ast.literal_eval(node.args[1])
                found |= {
                    f'{module}.{old}': new if '.' in new
                    else f'{module}.{new}' for old, new in names.items()}
            elif called == 'warn_renamed' and all(
                    isinstance(one, ast.Constant) for one in node.args[:2]):
                found[node.args[0].value] = node.args[1].value
    return found


def test_every_old_name_that_still_works_has_a_row():
    listed = {old: new for old, new, _, _ in rows()}
    missing = {
        old: new for old, new in old_names(REPO / 'mmseg_panet').items()
        if listed.get(old) != new}
    assert not missing, f'add these to docs/deprecations.md: {missing}'


def test_an_old_name_goes_with_the_next_minor_version():
    current = tuple(map(int, __version__.split('.')[:2]))
    for old, _, since, removed in rows():
        major, minor, *_ = map(int, since.split('.'))
        assert removed == f'{major}.{minor + 1}.0', old
        assert current < (major, minor + 1), f'remove the old name {old}'


def test_old_names_are_found_wherever_they_are_declared(tmp_path):
    package = tmp_path / 'house'
    (package / 'rooms').mkdir(parents=True)
    (package / 'rooms/__init__.py').write_text(
        "RENAMED: dict[str, str] = {'hall': 'lobby'}\n"
        "__getattr__ = renamed(__name__, {'Den': 'Study'})\n")
    (package / 'roof.py').write_text(
        "__getattr__ = deprecation.renamed(\n"
        "    __name__, {'tile': 'house.rooms.Tile'})\n"
        "def f(name):\n"
        "    warn_renamed('--slope', '--pitch')\n"
        "    warn_renamed(name, RENAMED[name])\n")
    assert old_names(package) == {
        'hall': 'lobby', 'house.rooms.Den': 'house.rooms.Study',
        'house.roof.tile': 'house.rooms.Tile', '--slope': '--pitch'}
