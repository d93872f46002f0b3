"""The command, and the runner without torch on its files."""
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from inference_parts import image_of
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image
from tool_runs import REPO, tool, tool_process

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.datasets.toy.toy_dataset import make_toy_examples

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

CONFIG = """
_base_ = '{repo}/configs/panet/panet_r18-d8-s23_imagenet-473x473.py'
model = dict(
    backbone=dict(base_channels=8, stem_channels=8, init_cfg=None),
    decode_head=dict(in_channels=(16, 32)))
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(65, 49), keep_ratio=False),
    dict(type='PackSegInputs')]
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with a config, weights, two banks and photographs."""
    folder = tmp_path_factory.mktemp('export')
    (folder / 'small.py').write_text(CONFIG.format(repo=REPO))
    torch.manual_seed(0)
    torch.save(MODELS.build(Config.fromfile(
        folder / 'small.py').model).state_dict(), folder / 'small.pth')
    make_toy_examples(folder, num_shots=2, num_photos=2, size=64)
    for name in ('three', 'two'):
        inferencer = FewShotInferencer(
            folder / 'small.py', folder / 'small.pth', 'cpu',
            show_progress=False).fit(folder / 'examples')
        if name == 'two':
            inferencer.remove_class(inferencer.classes[0])
        inferencer.save(folder / f'{name}.safetensors')
    for i, size in enumerate([(40, 90), (71, 50)]):
        Image.fromarray(image_of((9, 200, 90), size, (2, 3, 20, 20), i)[
            0]).save(folder / f'photos/{i}.png')
    return folder


def export(folder, out, *flags, bank='three', code=0):
    return tool(
        'export', folder / 'small.py', folder / 'small.pth', '--bank',
        folder / f'{bank}.safetensors', folder / out, *flags, code=code)


def segment(folder, graph, out, *flags):
    """Run the example in a process that cannot import torch."""
    images = sorted((folder / 'photos').iterdir())
    code = ("import sys, runpy; sys.modules['torch'] = None; "
            'sys.argv = sys.argv[1:]; '
            'runpy.run_path(sys.argv[0], run_name="__main__")')
    run = subprocess.run(
        [sys.executable, '-c', code, str(REPO / 'examples/onnx_segment.py'),
         *map(str, (folder / graph, folder / out, *images, *flags))],
        capture_output=True, text=True)
    return images, run


def masks_of(folder, out, bank, **settings):
    """Return the masks of the example and those of the inferencer."""
    inferencer = FewShotInferencer(
        folder / 'small.py', folder / 'small.pth', 'cpu',
        show_progress=False, **settings)
    inferencer.load(folder / f'{bank}.safetensors')
    for path in sorted((folder / 'photos').iterdir()):
        mask = Image.open(folder / out / f'{path.stem}.png')
        yield inferencer, mask, inferencer(str(path))['predictions']


def test_a_graph_is_checked_and_used_without_torch(folder):
    run = export(folder, 'a.onnx', '--check', folder / 'photos')
    assert ('exported without the refinement of the classes by each image '
            'and the edge filter; see --refine') in run.stdout
    assert '3 classes in' in run.stdout
    assert run.stdout.splitlines()[-1].split()[0] == 'all'
    images, run = segment(folder, 'a.onnx', 'masks')
    assert run.returncode == 0, run.stderr
    assert len(list((folder / 'masks').iterdir())) == len(images)
    for inferencer, mask, expected in masks_of(
            folder, 'masks', 'three', classifier='DiscriminantClassifier'):
        assert (np.array(mask) == expected).mean() >= 0.9999
        assert mask.getpalette()[:12] == (
            inferencer.palette()[:4].flatten().tolist())


def test_an_open_graph_serves_another_bank(folder):
    export(folder, 'open.onnx', '--open', '--dtype', 'float32')
    assert (folder / 'open.npz').is_file()
    export(folder, 'two.npz', bank='two')
    images, run = segment(
        folder, 'open.onnx', 'two', '--classes', folder / 'two.npz')
    assert run.returncode == 0, run.stderr
    for _, mask, expected in masks_of(
            folder, 'two', 'two', classifier='DiscriminantClassifier'):
        assert (np.array(mask) == expected).mean() >= 0.9999
    with np.load(folder / 'two.npz') as file:
        arrays = dict(file)
    arrays['facts'] = np.array(json.dumps(
        json.loads(str(arrays['facts'])) | dict(weights_sha256='0')))
    np.savez(folder / 'other.npz', **arrays)
    _, run = segment(
        folder, 'open.onnx', 'other', '--classes', folder / 'other.npz')
    assert run.returncode == 1
    assert 'another network' in run.stderr


def test_eight_bits_fail_the_check_and_the_exit_code_says_so(folder):
    photos = folder / 'photos'
    export(folder, 'float.onnx')
    run = export(folder, 'int8.onnx', '--int8', photos, '--check', photos,
                 code=1)
    total = float(run.stdout.split()[-1].rstrip('%'))
    assert 50 < total < 99.99
    assert (folder / 'int8.onnx').stat().st_size < (
        folder / 'float.onnx').stat().st_size


def test_a_refused_calibration_leaves_the_files_as_they_were(folder):
    kept = [folder / 'kept.onnx', folder / 'kept.onnx.part']
    for path in kept:
        path.write_text('kept')
    before = sorted(folder.iterdir())
    export(folder, 'kept.onnx', '--int8', folder / 'small.py', '--open',
           code=2)
    assert [path.read_text() for path in kept] == ['kept', 'kept']
    assert sorted(folder.iterdir()) == before


@pytest.mark.slow
def test_the_script_includes_the_refinement_from_another_folder(
        folder, tmp_path):
    run = tool_process(
        'export.py', folder / 'small.py', folder / 'small.pth', '--bank',
        folder / 'three.safetensors', 'refined.onnx', '--refine', '--check',
        folder / 'photos', cwd=tmp_path)
    assert 'without' not in run.stdout
    model = onnx.load(tmp_path / 'refined.onnx')
    assert 'CumSum' in {node.op_type for node in model.graph.node}


def test_the_example_writes_more_than_254_classes_with_16_bits(folder):
    export(folder, 'many.onnx', '--open')
    with np.load(folder / 'many.npz') as file:
        classes = dict(file)
    # The last class has the largest logit everywhere.
    channels = classes['weight'].shape[1]
    classes['weight'] = np.zeros((300, channels), np.float32)
    classes['bias'] = np.arange(300, dtype=np.float32)
    np.savez(folder / 'many.npz', **classes)
    _, run = segment(
        folder, 'many.onnx', 'many', '--classes', folder / 'many.npz')
    assert run.returncode == 0, run.stderr
    for path in (folder / 'many').iterdir():
        mask = np.array(Image.open(path))
        assert (mask.dtype, mask.min(), mask.max()) == (np.uint16, 299, 299)


def test_the_example_has_forty_lines():
    text = (REPO / 'examples/onnx_segment.py').read_text()
    assert len(text.splitlines()) <= 40
