import os
import subprocess
import sys

import pytest
from PIL import Image

from mmseg_panet.image_limit import MAX_PIXELS


@pytest.mark.parametrize('limit', [None, '100', 'many'])
def test_opencv_has_the_limit_in_training_also(tmp_path, limit):
    Image.new('L', (64, 64)).save(tmp_path / 'a.png')
    code = """
import os
import mmseg_panet
from mmcv.transforms import LoadImageFromFile
print(os.environ['OPENCV_IO_MAX_IMAGE_PIXELS'])
LoadImageFromFile()(dict(img_path='a.png'))
"""
    env = {name: value for name, value in os.environ.items() if name not in (
        'MMSEG_PANET_MAX_PIXELS', 'OPENCV_IO_MAX_IMAGE_PIXELS')}
    if limit:
        env['MMSEG_PANET_MAX_PIXELS'] = limit
    run = subprocess.run(
        [sys.executable, '-c', code], cwd=tmp_path, env=env, text=True,
        capture_output=True)
    expected = '100' if limit == '100' else str(MAX_PIXELS)
    assert run.stdout.splitlines()[-1] == expected
    assert (run.returncode, 'MAX_IMAGE_PIXELS' in run.stderr) == (
        (1, True) if limit == '100' else (0, False)), run.stderr
