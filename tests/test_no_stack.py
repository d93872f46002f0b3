import subprocess
import sys

import pytest


@pytest.mark.parametrize('package', ['mmengine', 'mmcv', 'mmseg'])
def test_without_a_stack_the_import_says_what_to_install(package):
    code = (
        'import sys\n'
        f"sys.modules['{package}'] = None  # as if it were not installed\n"
        'import mmseg_panet\n')
    run = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True)
    assert run.returncode == 1
    sentence = run.stderr.strip().splitlines()[-1]
    assert f"'{package}' is not installed" in sentence
    assert "pip install 'mmseg-panet[onedl]'" in sentence
