"""The command on the toy examples."""
import re

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from tool_runs import small_config, tool, tool_process

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.datasets.toy.toy_dataset import make_toy_examples


@pytest.fixture(scope='module')
def setting(tmp_path_factory):
    """Return a folder with config, weights and examples, and the run."""
    folder = tmp_path_factory.mktemp('fit')
    config = Config.fromfile(small_config(folder))
    torch.manual_seed(0)
    torch.save(MODELS.build(config.model).state_dict(), folder / 'small.pth')
    make_toy_examples(folder, num_shots=3, num_photos=1, size=64)
    run = tool_process(
        'fit_prototypes.py', folder / 'small.py', folder / 'small.pth',
        '--support', folder / 'examples', '--out',
        folder / 'new/toy.safetensors', '--check', '--device', 'cpu')
    return folder, run


def test_the_bank_equals_that_of_the_inferencer(setting):
    folder, _ = setting
    inferencer = FewShotInferencer(
        str(folder / 'small.py'), str(folder / 'small.pth'), device='cpu',
        show_progress=False)
    inferencer.fit(folder / 'examples').save(folder / 'own.safetensors')
    assert (folder / 'own.safetensors').read_bytes() == (
        folder / 'new/toy.safetensors').read_bytes()


def test_the_check_gives_a_table_and_a_picture_next_to_the_bank(setting):
    folder, run = setting
    # The first lines are printed by mmengine when it is imported.
    lines = run.stdout[run.stdout.index('class '):].splitlines()
    shots = [line.split('.jpg')[0].split()[-2:] for line in lines[1:10]]
    assert shots == [
        [str(1 + shot), str(shot)] for _ in range(3) for shot in range(3)]
    bank = folder / 'new/toy.safetensors'
    assert lines[-3:] == [
        f'picture in {bank}.png', '',
        f'9 examples of 3 classes in {bank}']
    picture = cv2.imread(f'{bank}.png')
    assert picture.shape[0] > picture.shape[1]


@pytest.mark.parametrize(('change', 'message'), [
    (dict(support='gone'), 'gone does not exist'),
    (dict(config='gone.py'), 'gone.py does not exist'),
    (dict(out='small.py/a.safetensors'), 'a.safetensors cannot be written'),
    (dict(out='examples/a.safetensors'), 'outside .* got examples/.*.png, '),
    (dict(out='bank.pth'), 'expected the bank as a .safetensors file, got '
     'bank.pth; end the name in .safetensors'),
])
def test_bad_input_is_one_line_before_a_model_is_loaded(
        setting, change, message, monkeypatch):
    folder, _ = setting
    monkeypatch.chdir(folder)
    parts = dict(
        config='small.py', support='examples', out='a.safetensors') | change
    done = tool(
        'fit_prototypes.py', parts['config'], 'gone.pth', '--support',
        parts['support'], '--out', parts['out'], '--check', code=2)
    *_, line = done.stderr.strip().splitlines()
    assert line.startswith('error: ')
    assert re.search(message, line), line


def test_negatives_are_in_the_bank_and_counted(setting):
    folder, _ = setting
    bank = folder / 'negatives.safetensors'
    photos = folder / 'photos'
    run = tool(
        'fit_prototypes.py', folder / 'small.py', folder / 'small.pth',
        '--support', folder / 'examples', '--negatives', photos, '--out',
        bank, '--device', 'cpu')
    assert f'9 examples of 3 classes and 1 negative in {bank}' in run.stdout
    inferencer = FewShotInferencer(
        str(folder / 'small.py'), str(folder / 'small.pth'), device='cpu',
        show_progress=False)
    inferencer.fit(folder / 'examples', negatives=photos).save(
        folder / 'own.safetensors')
    assert (folder / 'own.safetensors').read_bytes() == bank.read_bytes()
    done = tool(
        'fit_prototypes.py', folder / 'small.py', 'gone.pth', '--support',
        folder / 'examples', '--negatives', folder / 'gone', '--out', bank,
        code=2)
    assert 'gone does not exist' in done.stderr.strip().splitlines()[-1]


def test_a_folder_of_images_and_masks_gets_the_name_of_its_class(
        setting, tmp_path):
    folder, _ = setting
    examples = folder / 'examples'
    name = sorted(path.name for path in examples.iterdir())[0]
    for path in (examples / name).iterdir():
        kind = 'masks' if path.suffix == '.png' else 'images'
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / path.name).write_bytes(path.read_bytes())
    run = tool('fit', folder / 'small.py', folder / 'small.pth', '--support',
               tmp_path, '--class-name', 'rust', '--out',
               tmp_path / 'rust.safetensors', '--device', 'cpu')
    assert '3 examples of 1 class in' in run.stdout
    inferencer = FewShotInferencer(
        str(folder / 'small.py'), str(folder / 'small.pth'), device='cpu',
        show_progress=False).load(tmp_path / 'rust.safetensors')
    assert list(inferencer.bank.classes) == ['rust']


def yolo(folder, photographs):
    (folder / 'classes.txt').write_text('rust\n')
    for path in photographs:
        (folder / path.name).write_bytes(path.read_bytes())
        (folder / f'{path.stem}.txt').write_text('0 0.5 0.5 0.4 0.4\n')


def voc(folder, photographs):
    (folder / 'class_names.txt').write_text('_background_\nrust\n')
    save_masks(folder, photographs, 'JPEGImages', 'SegmentationClass')


def roboflow(folder, photographs):
    save_masks(folder, photographs, 'train', 'train', '_mask')
    (folder / 'train/_classes.csv').write_text(
        'Pixel Value, Class\n0, background\n1, rust\n')


def save_masks(folder, photographs, images, masks, end=''):
    for path in photographs:
        image = cv2.imread(str(path))
        mask = np.zeros(image.shape[:2], np.uint8)
        mask[20:40, 20:40] = 1
        for part in (images, masks):
            (folder / part).mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f'{images}/{path.name}'), image)
        cv2.imwrite(str(folder / f'{masks}/{path.stem}{end}.png'), mask)


@pytest.mark.parametrize('write', [yolo, voc, roboflow])
def test_exports_of_label_tools_are_registered(setting, tmp_path, write):
    folder, _ = setting
    write(tmp_path, sorted((folder / 'examples').rglob('*.jpg'))[:2])
    inferencer = FewShotInferencer(
        str(folder / 'small.py'), str(folder / 'small.pth'), device='cpu',
        show_progress=False)
    inferencer.fit(tmp_path)
    assert list(inferencer.bank.classes) == ['rust']
    assert len(inferencer.bank.supports) == 2
