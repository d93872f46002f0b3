import os
import subprocess
import sys

import pytest
from PIL import Image

from mmseg_panet.image_limit import MAX_PIXELS, limit_pillow


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


def test_mmseg_reads_masks_above_the_limit_of_pillow(tmp_path):
    """Pillow warns above 89 million pixels and refuses above 179 million."""
    mask = tmp_path / 'a.png'
    Image.new('1', (13000, 14000), 1).save(mask)
    code = """
import warnings
import mmseg_panet
from mmseg.datasets.transforms import LoadAnnotations
from mmseg_panet.datasets.class_index import count_pixels
from mmseg_panet.datasets.transforms import LoadOrientedImage
warnings.simplefilter('error')
counts, faults = count_pixels(
    dict(img_path='a.png', seg_map_path='a.png', label_map=None,
         reduce_zero_label=False), 2, LoadAnnotations(), LoadOrientedImage())
print(counts.tolist(), [fault.sentence for fault in faults])
"""
    run = subprocess.run(
        [sys.executable, '-c', code], cwd=tmp_path, text=True,
        capture_output=True)
    assert run.stdout.splitlines()[-1] == '[0, 182000000, 0] []', run.stderr


@pytest.mark.parametrize(('own', 'value', 'expected'), [
    (None, '', None), (1000, '', 1000), (1024**3 // 12, '', MAX_PIXELS),
    (1024**3 // 12, '1000000000', 10**9), (1024**3 // 12, '5', 1024**3 // 12)])
def test_a_limit_that_a_program_gives_to_pillow_stays(
        monkeypatch, own, value, expected):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', own)
    monkeypatch.setenv('MMSEG_PANET_MAX_PIXELS', value)
    limit_pillow()
    found = Image.MAX_IMAGE_PIXELS
    assert found == expected
