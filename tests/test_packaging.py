from pathlib import Path

PACKAGE = Path(__file__).parents[1] / 'mmseg_panet'


def test_every_folder_of_the_package_is_one_that_setup_finds():
    folders = {path.parent for path in PACKAGE.rglob('*.py')}
    assert [f for f in folders if not (f / '__init__.py').is_file()] == []
