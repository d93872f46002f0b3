"""What an installation of the package holds and requires."""
import ast
import re
import runpy
import sys
from pathlib import Path
from unittest import mock

import pytest

REPO = Path(__file__).parents[1]
PACKAGE = REPO / 'mmseg_panet'

DISTRIBUTIONS = {
    'PIL': 'pillow', 'cv2': 'opencv-python', 'mmseg': 'mmsegmentation',
    'yaml': 'pyyaml'}
"""Distributions that are not called like the module that they provide."""
STACK = {'mmengine', 'mmcv', 'mmsegmentation'}
"""Either of two distributions provides each of them."""
OPTIONAL = {'pycocotools'}
RESULTS = {'supervision'}
EXPORT = {'onnx', 'onnxruntime'}
APPS = {
    'gradio', 'fastapi', 'uvicorn', 'starlette', 'pydantic', 'cvat_sdk'}


@pytest.fixture(scope='module')
def settings():
    """What setup.py tells setuptools."""
    with mock.patch('setuptools.setup') as setup:
        runpy.run_path(str(REPO / 'setup.py'))
    return setup.call_args.kwargs


def names(requirements):
    return {re.match(r'[\w-]+', line)[0].lower() for line in requirements}


def imported(only_at_the_top=False):
    """The distributions that the package imports, by the files that do."""
    found = {}
    for path in PACKAGE.rglob('*.py'):
        tree = ast.parse(path.read_text(encoding='utf-8'))
        nodes = tree.body if only_at_the_top else ast.walk(tree)
        for node in nodes:
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module]
            else:
                continue
            for module in {name.split('.')[0] for name in modules}:
                if module not in {*sys.stdlib_module_names, PACKAGE.name}:
                    found.setdefault(
                        DISTRIBUTIONS.get(module, module), set()).add(path)
    return found


def test_every_folder_of_the_package_is_one_that_setup_finds():
    folders = {path.parent for path in PACKAGE.rglob('*.py')}
    assert [f for f in folders if not (f / '__init__.py').is_file()] == []


def test_what_the_package_imports_is_what_it_requires(settings):
    by_extras = STACK | OPTIONAL | EXPORT | RESULTS | APPS
    assert imported().keys() - by_extras == names(
        settings['install_requires'])
    assert names(settings['extras_require']['export']) == {
        *EXPORT, 'onnxscript'}
    assert names(settings['extras_require']['supervision']) == RESULTS


def test_either_stack_brings_the_rest(settings):
    extras = settings['extras_require']
    assert names(extras['openmmlab']) >= STACK | OPTIONAL
    assert names(extras['onedl']) >= {
        f'onedl-{name}' for name in STACK} | OPTIONAL


def test_what_is_optional_is_imported_where_it_is_used():
    assert not imported(only_at_the_top=True).keys() & (
        OPTIONAL | EXPORT | RESULTS)


def test_every_requirement_has_a_lower_bound_and_every_file_pins_it(settings):
    required = settings['install_requires']
    assert all('>=' in line for line in required)
    for stack, extra in (('onedl', 'onedl'), ('minimum', 'openmmlab')):
        text = (REPO / f'requirements/{stack}.txt').read_text()
        pinned = set(re.findall(r'^([\w-]+)==', text.lower(), re.M))
        assert pinned >= names(
            [*required, *settings['extras_require'][extra]])


def test_the_oldest_tested_stack_is_the_lowest_that_the_bounds_allow(
        settings):
    text = (REPO / 'requirements/minimum.txt').read_text().lower()
    pins = dict(re.findall(r'^([\w-]+)==([\d.]+)', text, re.M))
    for line in (*settings['install_requires'],
                 *settings['extras_require']['openmmlab']):
        bounded = re.match(r'([\w-]+)>=([\d.]+)', line.lower())
        if bounded:
            assert pins[bounded[1]] == bounded[2], line


def test_the_version_and_the_command_are_those_of_the_package(settings):
    from mmseg_panet import __version__
    from mmseg_panet.cli.main import main
    assert settings['version'] == __version__
    script, = settings['entry_points']['console_scripts']
    assert script == f'mmseg-panet = {main.__module__}:{main.__name__}'


@pytest.mark.parametrize('editable', [False, True])
def test_configs_and_tools_go_to_the_folder_that_mim_looks_into(
        settings, editable, tmp_path, monkeypatch):
    build_py = settings['cmdclass']['build_py']
    command = mock.Mock(spec=build_py)
    command.build_lib, command.editable_mode = tmp_path / 'lib', editable
    for name in ('configs/panet/a.py', 'tools/train.py', 'model-index.yml'):
        path = tmp_path / 'checkout' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / 'checkout/tools/__pycache__').mkdir()
    monkeypatch.setitem(
        build_py.run.__globals__, 'ROOT', tmp_path / 'checkout')
    monkeypatch.setattr(build_py.__mro__[1], 'run', lambda _: None)
    for _ in range(2):  # Again over what there is.
        build_py.run(command)
    root = tmp_path / ('checkout' if editable else 'lib')
    folder = root / 'mmseg_panet/.mim'
    assert {path.name for path in folder.iterdir()} == {
        'configs', 'tools', 'model-index.yml'}
    assert (folder / 'configs/panet/a.py').read_text() == 'configs/panet/a.py'
    assert (folder / 'tools').is_symlink() == editable
    assert (folder / 'tools/__pycache__').exists() == editable


def test_a_release_has_the_section_of_its_version(tmp_path):
    release_notes = runpy.run_path(str(REPO / '.ci/release_notes.py'))[
        'release_notes']
    (tmp_path / 'mmseg_panet').mkdir()
    (tmp_path / 'mmseg_panet/version.py').write_text(
        """x = 1\n__version__ = '0.2.0'\n""")
    readme = tmp_path / 'projects_readme.md'
    readme.write_text('git clone https://example.org/panet\n')
    changelog = tmp_path / 'CHANGELOG.md'
    changelog.write_text(
        '# Changelog\n\n## [0.2.0] - 2027-01-31\n\n### Added\n\n- b\n\n'
        '## [0.1.0] - 2026-11-30\n\n- a\n')
    assert release_notes('v0.2.0', tmp_path) == '### Added\n\n- b\n'
    with pytest.raises(SystemExit, match='expected the tag v0.2.0, got v0.3'):
        release_notes('v0.3.0', tmp_path)
    readme.write_text('git clone "<address of this repository>"\n')
    with pytest.raises(SystemExit, match='got the placeholder'):
        release_notes('v0.2.0', tmp_path)
    readme.write_text('git clone https://example.org/panet\n')
    changelog.write_text('## [0.2.0] - unreleased\n\n- b\n')
    with pytest.raises(SystemExit, match='date the section before tagging'):
        release_notes('v0.2.0', tmp_path)
