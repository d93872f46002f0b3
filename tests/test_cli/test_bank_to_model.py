"""The tools and functions of mmseg use a model with the classes of a bank."""
import os
import subprocess
import sys
from pathlib import Path

import cv2
import mmseg
import numpy as np
import pytest
import torch
from inference_parts import image_of
from mmengine.config import Config
from mmengine.utils import digit_version
from mmseg.registry import MODELS
from PIL import Image
from tool_runs import REPO, small_config, tool

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.inference.banked_model import write_banked_model

TOOLS = Path(mmseg.__file__).parent / '.mim/tools'
OLD = digit_version(mmseg.__version__) < digit_version('1.3')
BROKEN = pytest.mark.skipif(
    OLD, reason='mmseg 1.2.2 fails at it with any model: get_flops with '
    'mmengine 0.10.7, and its pictures with OpenCV 4.11')
# The bank has the order of the names, and the masks have another one.
IDS = np.array([0, 3, 1, 2], np.uint8)
COLOURS = {'red': (20, 20, 230), 'blue': (230, 20, 20),
           'green': (20, 230, 20)}
IN_PROCESS = ['test_dataloader.num_workers=0',
              'test_dataloader.persistent_workers=False']
FUNCTIONS = """
import sys
import numpy as np
from pathlib import Path
from mmseg.apis import (
    MMSegInferencer, inference_model, init_model, show_result_pyplot)
config, checkpoint, images = sys.argv[1:]
images = sorted(map(str, Path(images).iterdir()))
model = init_model(config, checkpoint, device='cpu')
results = [inference_model(model, one) for one in images]
if not OLD:
    show_result_pyplot(
        model, images[0], results[0], show=False, out_file='shown.png')
inferencer = MMSegInferencer(config, checkpoint, device='cpu')
found = inferencer(images, out_dir='' if OLD else 'out')['predictions']
assert model.num_classes == model.out_channels == 4
assert OLD or inferencer.visualizer.dataset_meta == model.dataset_meta
np.savez('maps.npz', classes=model.dataset_meta['classes'], **{
    f'{kind}{i}': one for kind, maps in (
        ('function', [one.pred_sem_seg.data[0] for one in results]),
        ('inferencer', found)) for i, one in enumerate(maps)})
"""


@pytest.fixture(scope='module')
def banked(tmp_path_factory):
    """Return a folder with a model, 20 images and their class maps."""
    folder = tmp_path_factory.mktemp('banked')
    config = Config.fromfile(small_config(folder))
    torch.manual_seed(0)
    torch.save(MODELS.build(config.model).state_dict(), folder / 'small.pth')
    parts = [folder / 'small.py', folder / 'small.pth']
    inferencer, sliding = (
        FewShotInferencer(
            *map(str, parts), device='cpu', show_progress=False, slide=slide)
        for slide in (False, dict(crop_size=(48, 48), stride=(32, 32))))
    inferencer.fit({name: [
        image_of(colour, seed=100 + 10 * label + shot) for shot in range(2)]
        for label, (name, colour) in enumerate(COLOURS.items())})
    inferencer.save(folder / 'toy.safetensors')
    sliding.load(folder / 'toy.safetensors')
    run = tool(
        'bank_to_model.py', *parts, folder / 'toy.safetensors',
        folder / 'model', '--data-root', folder / 'data')
    assert f"config of 3 classes in {folder / 'model/toy.py'}" in run.stdout
    # Its network takes other banks.
    FewShotInferencer(
        *(str(folder / f'model/toy.{suffix}') for suffix in ('py', 'pth')),
        device='cpu').load(folder / 'toy.safetensors')
    (folder / 'toy.safetensors').unlink()
    (folder / 'small.py').unlink()
    for kind in ('images', 'masks'):
        (folder / 'data' / kind).mkdir(parents=True)
    maps = []
    for i in range(20):
        size = (50 + 3 * i, 90 - 2 * i)
        image, _ = image_of([*COLOURS.values()][i % 3], size, seed=i)
        name = f'{i:02}.png'
        cv2.imwrite(str(folder / 'data/images' / name), image)
        maps.append([
            one(image)['predictions'] for one in (inferencer, sliding)])
        Image.fromarray(IDS[maps[-1][0]]).save(folder / 'data/masks' / name)
    names = ['background', *inferencer.classes]
    (folder / 'data/classes.txt').write_text(
        '\n'.join(names[i] for i in np.argsort(IDS)) + '\n')
    return folder, maps, names


def run_elsewhere(folder, script, *arguments):
    """Run a script of mmseg in a process in another folder."""
    folder.mkdir(exist_ok=True)
    run = subprocess.run(
        [sys.executable, *map(str, (script, *arguments))], cwd=folder,
        text=True, capture_output=True, timeout=300,
        env=os.environ | {'PYTHONPATH': str(REPO), 'MPLBACKEND': 'agg'})
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout + run.stderr


def model_of(folder):
    return [folder / 'model/toy.py', folder / 'model/toy.pth']


def test_the_functions_and_the_inferencer_of_mmseg(banked, tmp_path):
    folder, maps, names = banked
    script = tmp_path / 'functions.py'
    script.write_text(f'OLD = {OLD}\n{FUNCTIONS}')
    run_elsewhere(
        tmp_path / 'other', script, *model_of(folder), folder / 'data/images')
    assert OLD or cv2.imread(
        str(tmp_path / 'other/shown.png')) is not None
    with np.load(tmp_path / 'other/maps.npz') as found:
        assert found['classes'].tolist() == names
        for i, (one, _) in enumerate(maps):
            assert np.array_equal(found[f'function{i}'], one)
            assert np.array_equal(found[f'inferencer{i}'], one)
    assert {label for one, _ in maps for label in np.unique(one)} == {
        0, 1, 2, 3}


def test_names_that_mmengine_would_replace(banked, tmp_path):
    """mmengine replaces {{ }} in a config by paths and variables."""
    names = ['{{fileDirname}}', '{{$HOME:x}}', '{{{_base_.a}}}']
    inferencer = FewShotInferencer(
        *map(str, (banked[0] / 'model/toy.py', banked[0] / 'small.pth')),
        device='cpu', show_progress=False)
    inferencer.fit({name: [image_of((20, 20, 230))] for name in names})
    config, _ = write_banked_model(
        inferencer, tmp_path, '{{fileBasename}}', '{{fileDirname}}')
    cfg = Config.fromfile(config)
    assert cfg.model.decode_head.bank.classes == names
    assert cfg.test_dataloader.dataset.metainfo.classes[1:] == tuple(names)
    assert cfg.test_dataloader.dataset.data_root == '{{fileDirname}}'


def test_the_test_of_mmseg_and_its_confusion_matrix(banked, tmp_path):
    """The ground truth is what the inferencer predicts: all is correct."""
    folder, _, names = banked
    said = run_elsewhere(
        tmp_path, TOOLS / 'test.py', *model_of(folder), '--work-dir', 'work',
        '--out', 'masks', '--show-dir', 'shown', '--cfg-options',
        *IN_PROCESS)
    assert 'mIoU: 100.0000' in said
    for name in names:
        assert f' {name} ' in said
    run_elsewhere(
        tmp_path, TOOLS / 'analysis_tools/confusion_matrix.py',
        model_of(folder)[0], 'masks', 'matrix')
    assert (tmp_path / 'matrix/confusion_matrix.png').is_file()


def test_the_sliding_windows_of_a_test_of_mmseg(banked, tmp_path):
    folder, maps, _ = banked
    run_elsewhere(
        tmp_path, TOOLS / 'test.py', *model_of(folder), '--work-dir', 'work',
        '--out', 'masks', '--cfg-options', *IN_PROCESS,
        'model.test_cfg.mode=slide', 'model.test_cfg.crop_size=(48,48)',
        'model.test_cfg.stride=(32,32)')
    for i, (_, one) in enumerate(maps):
        found = np.array(Image.open(tmp_path / f'masks/{i:02}.png'))
        assert np.array_equal(found, one)
    assert any((one != other).any() for one, other in maps)


def test_the_augmented_test_of_mmseg(banked, tmp_path):
    said = run_elsewhere(
        tmp_path, TOOLS / 'test.py', *model_of(banked[0]), '--work-dir',
        'work', '--tta', '--cfg-options', *IN_PROCESS)
    score = float(said.split('mIoU: ')[-1].split()[0])
    assert 50 < score < 100


@pytest.mark.parametrize(('name', 'arguments', 'expected'), [
    pytest.param(
        'analysis_tools/get_flops.py', ['--shape', '64', '64'], 'Flops: ',
        marks=BROKEN),
    pytest.param(
        'misc/browse_dataset.py', ['--not-show', '--output-dir', 'shown'], '',
        marks=BROKEN),
    ('analysis_tools/benchmark.py', ['--work-dir', 'work'], '')])
def test_other_tools_of_mmseg(banked, tmp_path, name, arguments, expected):
    config, checkpoint = model_of(banked[0])
    said = run_elsewhere(
        tmp_path, TOOLS / name, config,
        *([checkpoint] if 'benchmark' in name else []), *arguments)
    assert expected in said
    if 'browse' in name:
        assert len([*(tmp_path / 'shown').rglob('*.png')]) == 20


def test_the_training_of_mmseg_goes_on_with_the_bank(banked, tmp_path):
    config, checkpoint = model_of(banked[0])
    said = run_elsewhere(
        tmp_path, TOOLS / 'train.py', config, '--work-dir', 'work',
        '--cfg-options', f'load_from={checkpoint}', 'train_cfg.max_iters=2',
        'train_cfg.val_interval=2', 'default_hooks.logger.interval=1',
        'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False')
    assert 'loss_seg: ' in said and 'mIoU: ' in said
