"""How the files of the package and of its tests are arranged."""
import ast
from collections.abc import Iterator
from pathlib import Path

REPO = Path(__file__).parents[1]
PACKAGE = REPO / 'mmseg_panet'
MAX_LINES = 300

# From the lowest layer to the highest, which is the __init__ of the package.
# What is not named, such as errors.py, is below all of them. A module imports
# from its own layer and those below.
LAYERS = (
    'images', 'annotations', 'datasets', 'models', 'evaluation',
    'visualization', 'engine', 'config', 'inference', 'export', 'runs',
    'label_tools', 'service', 'app', 'cli', '__main__', 'apis', '')

TORCH = {'torch', 'torchvision', 'mmcv', 'mmseg', 'mmpretrain'}

# They test the repository, or several modules at once, and mirror none.
CROSS_CUTTING = {
    'test_api_page.py',
    'test_backbones.py',
    'test_benchmarks.py',
    'test_configs.py',
    'test_contributing.py',
    'test_datasets/test_benchmarks/test_mmseg_datasets.py',
    'test_deprecations_page.py',
    'test_docs.py',
    'test_docs_build.py',
    'test_equations_page.py',
    'test_errors_page.py',
    'test_examples.py',
    'test_fake_cuda.py',
    'test_finite_numbers.py',
    'test_gpu.py',
    'test_hostile_files.py',
    'test_kills.py',
    'test_logit_entrances.py',
    'test_inference/test_orientation_and_bands.py',
    'test_many_classes.py',
    'test_no_stack.py',
    'test_notebook.py',
    'test_packaging.py',
    'test_page_in_browser.py',
    'test_readme.py',
    'test_recorded_graphs.py',
    'test_results_page.py',
    'test_snippets.py',
    'test_structure.py',
    'test_tool_runs.py',
    'test_cli/test_checkpoint_entrances.py',
    'test_cli/test_train_and_test.py',
}


def module_names(package: Path) -> dict[str, Path]:
    """Map the names of all modules of a package to their files."""
    names = {}
    for path in sorted(package.rglob('*.py')):
        parts = path.relative_to(package.parent).with_suffix('').parts
        names['.'.join(parts).removesuffix('.__init__')] = path
    return names


def imports(name: str, modules: dict[str, Path]) -> Iterator[str]:
    """Yield all that a module imports, by absolute names."""
    path = modules[name]
    parents = name.split('.')
    if path.name != '__init__.py':
        parents.pop()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parents[:len(parents) - node.level + 1] * bool(node.level)
            source = '.'.join([*base, *filter(None, [node.module])])
            for alias in node.names:
                submodule = f'{source}.{alias.name}'
                yield submodule if submodule in modules else source


def layer(name: str) -> int:
    """Return the layer of a module, 0 for the lowest."""
    folder = [*name.split('.'), ''][1]
    return LAYERS.index(folder) + 1 if folder in LAYERS else 0


def upward_imports(package: Path) -> list[str]:
    modules = module_names(package)
    return sorted({
        f'{name} imports {imported}' for name in modules
        for imported in imports(name, modules)
        if imported.split('.')[0] == package.name
        and layer(imported) > layer(name)})


def closure(name: str, modules: dict[str, Path]) -> set[str]:
    """Return all modules of the package that an import runs."""
    seen, left = set(), [name]
    while left:
        name = left.pop()
        if name in modules and '.' in name and name not in seen:
            seen.add(name)
            left += [name.rpartition('.')[0], *imports(name, modules)]
    return seen


def test_no_import_runs_upwards():
    found = upward_imports(PACKAGE)
    assert not found, '\n'.join(found)


def test_an_upward_import_is_found_wherever_it_is(tmp_path):
    package = tmp_path / 'house'
    for path, text in {
            '__init__.py': 'from . import models\nfrom .cli import main\n',
            'errors.py': 'import os, house.cli.main\n',
            'datasets/__init__.py': '',
            'datasets/sampling.py': 'from ..errors import InputError\n'
                                    'from house import models as m\n',
            'models/__init__.py': 'from ..datasets.sampling import sample\n'
                                  'from .. import __version__\n',
            'models/deep/__init__.py': 'def f():\n  from ... import engine\n',
            'engine.py': 'from .models.deep import f\n',
            'cli/main.py': 'from ..engine import loop\n',
    }.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text)
    assert upward_imports(package) == [
        'house.datasets.sampling imports house.models',
        'house.errors imports house.cli.main',
        'house.models imports house',
        'house.models.deep imports house.engine']


def test_no_file_of_the_package_is_long():
    lines = {path: len(path.read_text(encoding='utf-8').splitlines())
             for path in PACKAGE.rglob('*.py')}
    found = [f'{path.relative_to(REPO)} has {number} lines'
             for path, number in lines.items() if number > MAX_LINES]
    assert not found, '\n'.join(found)


def test_annotations_are_read_without_torch():
    modules = module_names(PACKAGE)
    room = {name for name in modules
            if name.startswith(f'{PACKAGE.name}.annotations')}
    assert room
    reached = set.union(*(closure(name, modules) for name in room))
    assert room <= reached
    found = sorted({f'{name} imports {imported}' for name in reached
                    for imported in imports(name, modules)
                    if imported.split('.')[0] in TORCH})
    assert not found, '\n'.join(found)


def test_files_are_read_without_pickle():
    """Only mmengine's CheckpointLoader calls torch.load, see safe_loading."""
    modules = module_names(PACKAGE)
    pickles = {name for name in modules for imported in imports(name, modules)
               if imported.split('.')[0] in ('pickle', 'dill', 'joblib')}
    assert pickles == {f'{PACKAGE.name}.models.restricted_pickle'}
    calls = [
        (name, ast.unparse(node)) for name, path in modules.items()
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ('np.load', 'torch.load')]
    assert calls
    found = [f'{name}: {call}' for name, call in calls
             if 'allow_pickle=False' not in call]
    assert not found, '\n'.join(found)


def questions_of_versions(text: str) -> list[str]:
    """Return what a module asks torch or the stack to tell them apart."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                'getattr', 'hasattr'):
            module = ast.unparse(node.args[0]).split('.')[0]
        elif isinstance(node, ast.Attribute) and node.attr == '__version__':
            module = ast.unparse(node.value)
        else:
            continue
        if module in TORCH | {'mmengine'}:
            found.append(ast.unparse(node))
    return found


def test_only_one_module_asks_which_stack_is_installed():
    assert questions_of_versions(
        "a = getattr(torch.compiler, 'x', bool)\nif hasattr(mmengine, 'y'):"
        "\n  b = torch.__version__ > '2'\ngetattr(a, 'z')\n") == [
            "getattr(torch.compiler, 'x', bool)", "hasattr(mmengine, 'y')",
            'torch.__version__']
    found = {
        path.relative_to(PACKAGE).as_posix(): questions
        for path in PACKAGE.rglob('*.py')
        if (questions := questions_of_versions(
            path.read_text(encoding='utf-8')))}
    assert found.keys() == {'stacks.py'}, found


def test_tests_mirror_the_package():
    tests = {path.relative_to(REPO / 'tests')
             for path in (REPO / 'tests').rglob('test_*.py')}
    others = {Path(path) for path in CROSS_CUTTING}
    assert others <= tests, 'a name of CROSS_CUTTING is no test'

    def mirrored(test: Path) -> Path:
        *folders, name = (part.removeprefix('test_') for part in test.parts)
        return PACKAGE.joinpath(*folders, name)

    found = [f'{test} has no {mirrored(test).relative_to(REPO)}'
             for test in sorted(tests - others)
             if not mirrored(test).is_file()]
    assert not found, '\n'.join(found)
