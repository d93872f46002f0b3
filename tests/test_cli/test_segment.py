"""The command on images of many formats, one of which is broken."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import cv2
import numpy as np
import pytest
import torch
from image_files import read_video, tiff_bytes, write_video
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image, ImageOps
from tool_runs import (
    command_of,
    launch,
    small_config,
    tool,
    tool_process,
    write_supports,
)

from mmseg_panet.annotations.formats.labelme import read_labelme
from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.models import DiscriminantClassifier

BROKEN = 'cut'


def write_photos(folder, toy):
    """Write thirteen images: one is truncated, and the last one is slow."""
    folder.mkdir()
    toys = iter(sorted((toy / 'JPEGImages').iterdir())[20:])

    def picture():
        return cv2.imread(str(next(toys)))

    def save(name, image):
        assert cv2.imwrite(str(folder / name), image)

    for name, size in (('0', (40, 90)), ('1', (77, 51)), ('2', (200, 130)),
                       ('z', (2000, 1500))):
        save(f'{name}.jpg', cv2.resize(picture(), size))
    save('same.png', picture())
    save('same.webp', picture())
    save('bitmap.bmp', picture())
    save('grey.png', cv2.cvtColor(picture(), cv2.COLOR_BGR2GRAY))
    save('alpha.png', cv2.cvtColor(picture(), cv2.COLOR_BGR2BGRA))
    save('16.png', picture().astype(np.uint16) * 257)
    save('16.tif', picture().astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture()[:40]).save(folder / 'turned.jpg', exif=exif)
    save(f'{BROKEN}.jpg', picture())
    broken = folder / f'{BROKEN}.jpg'
    broken.write_bytes(broken.read_bytes()[:-100])


@pytest.fixture(scope='module')
def setting(tmp_path_factory, toy_root):
    """Return a folder with config, photos and supports, and a complete run."""
    folder = tmp_path_factory.mktemp('segment')
    config = Config.fromfile(small_config(folder))
    torch.manual_seed(0)
    torch.save(MODELS.build(config.model).state_dict(), folder / 'small.pth')
    write_photos(folder / 'photos', toy_root)
    write_supports(folder / 'support', toy_root)
    run = tool('segment.py', *arguments(folder, 'once'), '--bank',
               folder / 'bank.safetensors', code=1)
    return folder, run


def arguments(folder, out, learn=True):
    return [
        folder / 'small.py', folder / 'small.pth', *(
            ('--support', folder / 'support') if learn
            else ('--bank', folder / 'bank.safetensors')),
        '--images', folder / 'photos', '--out', folder / out,
        '--overlay', '--csv', '--coco', '--export', 'coco', 'labelme', 'yolo',
        '--batch-size', 2]


def read_labelme_labels(folder, images):
    annotations = read_labelme(folder, image_dir=images)
    return annotations.classes.names, {
        task.image.name if task.image.stem in ('16', 'same')
        else task.stem: annotations.rasterize(task.source)
        for task in annotations.tasks}


def files(out_dir):
    return {
        path.relative_to(out_dir).as_posix(): path.read_bytes()
        for path in out_dir.rglob('*') if path.is_file()}


def test_every_image_gets_a_mask_of_its_size_and_the_broken_one_is_named(
        setting):
    folder, run = setting
    *_, heading, failure = run.stderr.strip().splitlines()
    assert heading == '1 of 13 images failed:'
    assert 'cut.jpg is no complete image' in failure
    assert run.stdout.endswith(f'\n12 masks in {folder}/once/masks\n')
    masks = list((folder / 'once/masks').iterdir())
    assert len(masks) == 12
    for photo in (folder / 'photos').iterdir():
        if photo.stem == BROKEN:
            continue
        name = photo.name if photo.stem in ('16', 'same') else photo.stem
        with (Image.open(folder / f'once/masks/{name}.png') as mask,
              Image.open(photo) as image):
            assert mask.size == ImageOps.exif_transpose(image).size
    assert {int(label) for path in masks
            for label in np.unique(Image.open(path))} == {0, 1, 2}


def test_the_objects_of_all_masks_are_exported(setting):
    folder, _ = setting
    out = folder / 'once'
    names, found = read_labelme_labels(out / 'labelme', folder / 'photos')
    assert names == ['background', 'class1', 'class2']
    assert len(found) == 12
    data = json.loads((out / 'coco' / 'instances.json').read_text())
    assert {one['file_name'] for one in data['images']} == {
        path.name for path in (folder / 'photos').iterdir()
        if path.stem != BROKEN}
    for name, labels in found.items():
        mask = np.array(Image.open(out / f'masks/{name}.png'))
        assert np.mean(labels == mask) > 0.98, name
        assert (out / f'yolo/labels/{name}.txt').is_file()


def test_an_export_can_be_exact_and_without_small_objects(
        setting, monkeypatch):
    folder, _ = setting
    monkeypatch.chdir(folder)
    tool('segment.py', 'small.py', 'small.pth', '--bank', 'bank.safetensors',
         '--images', 'photos/1.jpg', '--out', 'exact', '--export', 'labelme',
         '--rle', '--export-min-area', '50', '--device', 'cpu')
    _, found = read_labelme_labels(
        folder / 'exact/labelme', folder / 'photos')
    mask = np.array(Image.open('exact/masks/1.png'))
    assert (found['1'] != mask).sum() == (
        (found['1'] == 0) & (mask != 0)).sum()
    shapes = json.loads(
        (folder / 'exact/labelme/1.json').read_text())['shapes']
    assert {shape['shape_type'] for shape in shapes} == {'mask'}


def test_a_run_that_was_killed_and_restarted_writes_the_same_files(setting):
    folder, _ = setting
    command = command_of(
        'segment.py', arguments(folder, 'killed', learn=False))
    masks = folder / 'killed/masks'
    with subprocess.Popen(
            command, stderr=subprocess.DEVNULL,
            env=os.environ | {'OMP_NUM_THREADS': '1'}) as run:
        # Wait for one and a half batches.
        while run.poll() is None and len(list(masks.glob('*.png'))) < 3:
            time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
    assert 3 <= len(list(masks.glob('*.png'))) < 12
    (masks / '.part-0123abcd-77').write_text('half of a mask')
    tool('segment.py', *arguments(folder, 'killed', learn=False), code=1)
    assert files(folder / 'killed') == files(folder / 'once')


@pytest.mark.parametrize('number', [
    2, pytest.param(3, marks=pytest.mark.slow),
    pytest.param(4, marks=pytest.mark.slow)])
def test_several_processes_write_the_files_of_one(setting, number):
    folder, _ = setting
    out = str(number)
    # The launcher also exits with 1 if a worker fails.
    run = tool_process(
        'segment.py', *arguments(folder, out), '--launcher', 'pytorch',
        code=1, launcher=launch(number))
    assert run.stdout.count('12 masks in') == 1
    assert run.stderr.count('1 of 13 images failed') == 1
    assert files(folder / out) == files(folder / 'once')


def test_each_flag_does_what_it_says(setting, monkeypatch):
    folder, _ = setting
    monkeypatch.chdir(folder)
    made = []

    class Spy(FewShotInferencer):

        def __init__(self, *args, **settings):
            super().__init__(*args, **settings)
            made.append((self, settings))

    monkeypatch.setattr(
        'mmseg_panet.cli.inferencer_arguments.FewShotInferencer', Spy)
    tool('segment.py', 'small.py', 'small.pth', '--bank', 'bank.safetensors',
         '--images', 'photos/0.jpg', 'photos/[12].jpg', '--out', 'flags',
         '--csv', '--slide', '--tta', '--min-confidence', '0.9',
         '--min-area', '0.01', '--edges', '--device', 'cpu',
         '--classifier', 'DiscriminantClassifier')
    (inferencer, settings), = made
    assert settings == dict(
        trust_checkpoint=False, slide=True, tta=True, min_confidence=0.9,
        min_area=0.01, edges=True,
        show_progress=True, classifier='DiscriminantClassifier')
    assert isinstance(
        inferencer.model.decode_head.classifier, DiscriminantClassifier)
    assert inferencer.model.test_cfg.mode == 'slide'
    assert inferencer.model.test_cfg.edges is True
    assert inferencer.model.test_cfg.min_area == 0.01
    assert sorted(files(folder / 'flags')) == [
        'areas.csv', 'classes.txt', 'made_with.txt', 'masks/0.png',
        'masks/1.png', 'masks/2.png']
    assert 255 in np.array(Image.open(folder / 'flags/masks/0.png'))


def test_negatives_can_be_given_with_supports_or_with_a_bank(
        setting, monkeypatch):
    folder, _ = setting
    monkeypatch.chdir(folder)
    common = ('segment.py', 'small.py', 'small.pth', '--images',
              'photos/0.jpg', '--device', 'cpu')
    negatives = ('--negatives', 'photos/1.jpg', 'photos/[2].jpg')
    done = tool(*common, '--support', 'support', '--out', 'fitted', *negatives,
                '--bank', 'negatives.safetensors')
    assert done.stdout.endswith('1 mask in fitted/masks\n')
    tool(*common, '--bank', 'bank.safetensors', '--out', 'added', *negatives)
    tool(*common, '--bank', 'negatives.safetensors', '--out', 'loaded')
    tool(*common, '--bank', 'bank.safetensors', '--out', 'without')
    fitted = files(folder / 'fitted')
    assert files(folder / 'added') == files(folder / 'loaded') == fitted
    # This file records how the masks were made.
    name = 'made_with.txt'
    assert files(folder / 'without')[name] != fitted[name]


def test_an_adaptation_changes_the_masks_but_not_the_bank(
        setting, monkeypatch):
    folder, _ = setting
    monkeypatch.chdir(folder)
    os.mkdir('few')
    for name in ('0.jpg', '1.jpg', '2.jpg', 'same.png', 'cut.jpg'):
        shutil.copy(f'photos/{name}', 'few')
    common = ('segment.py', 'small.py', 'small.pth', '--images', 'few',
              '--device', 'cpu', '--classifier', 'auto')
    run = tool(*common, '--support', 'support', '--out', 'one', '--adapt',
               '--bank', 'auto.safetensors', code=1)
    adapted = files(folder / 'one')
    assert len(adapted) == 6
    assert 'not adapted to cut' in run.stdout + run.stderr
    # The second run does not segment the masks of the first.
    for _ in range(2):
        tool(*common, '--bank', 'auto.safetensors', '--out', 'few', '--adapt',
             code=1)
    found = files(folder / 'few')
    assert {name: found[name] for name in adapted} == adapted
    tool(*common, '--bank', 'auto.safetensors', '--out', 'plain', code=1)
    name = 'made_with.txt'
    assert files(folder / 'plain')[name] != adapted[name]


@pytest.mark.parametrize(('change', 'message'), [
    (dict(support=()), 'expected --support with .* or --bank with .* neither'),
    (dict(support=('--support', 'gone')), 'gone does not exist'),
    (dict(support=('--bank', 'gone')), 'gone does not exist'),
    (dict(support=('--support', 'support', '--negatives', 'gone')),
     'gone does not exist'),
    (dict(config='gone.py'), 'gone.py does not exist'),
    (dict(config='photos/0.jpg'), '0.jpg could not be read as a config'),
    (dict(config='small.pth'),
     'small.pth could not .*, or give CONFIG and CHECKPOINT in this order'),
    (dict(images='gone/*.jpg'), 'no image has a path like'),
    (dict(out='photos/0.jpg'), '0.jpg.* cannot be written'),
    (dict(out='support/out'), 'outside the folder of the examples support'),
])
def test_bad_input_is_one_line_before_a_model_is_loaded(
        setting, change, message, monkeypatch):
    folder, _ = setting
    monkeypatch.chdir(folder)
    parts = dict(config='small.py', support=('--support', 'support'),
                 images='photos', out='never') | change
    done = tool(
        'segment.py', parts['config'], 'none', *parts['support'], '--images',
        parts['images'], '--out', parts['out'], code=2)
    assert not done.stdout
    *_, line = done.stderr.strip().splitlines()
    assert line.startswith('error: ')
    assert re.search(message, line), line


def test_scenes_are_segmented_with_the_bands_of_their_bank(setting, tmp_path):
    """The bands 4, 3 and 2 of a scene, up to 3000, are a photograph."""
    folder, _ = setting
    for path in [*(folder / 'support').rglob('*'), folder / 'photos/0.jpg']:
        target = tmp_path / path.relative_to(folder)
        if path.suffix == '.jpg':
            scene = np.zeros((*cv2.imread(str(path)).shape[:2], 6), np.uint16)
            scene[..., 1:4] = np.rint(cv2.imread(str(path)) / 255 * 3000)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_suffix('.tif').write_bytes(tiff_bytes(scene))
        elif path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    model = folder / 'small.py', folder / 'small.pth'
    bank = tmp_path / 'bank.safetensors'
    tool('fit', *model, '--support', tmp_path / 'support', '--out', bank,
         '--bands', 4, 3, 2, '--stretch', 0, 3000)
    tool('segment.py', *model, '--bank', bank, '--images',
         tmp_path / 'photos', '--out', tmp_path / 'out')
    tool('segment.py', *model, '--bank', folder / 'bank.safetensors',
         '--images', folder / 'photos/0.jpg', '--out', tmp_path / 'same')
    one, other = (np.asarray(Image.open(tmp_path / f'{name}/masks/0.png'))
                  for name in ('out', 'same'))
    assert (one == other).all()
    wrong = tool(
        'segment.py', *model, '--bank', bank, '--images', tmp_path / 'photos',
        '--out', tmp_path / 'wrong', '--bands', 1, 2, 3, code=2)
    assert "got {'bands': [4, 3, 2], 'stretch': [0.0, 3000.0]}" in (
        wrong.stderr)


def test_a_video_gets_its_overlay_video_and_a_contact_sheet(
        setting, tmp_path):
    folder, _ = setting
    path = write_video(tmp_path / 'film.avi', 10)
    flags = ('--bank', folder / 'bank.safetensors', '--images', path, '--out',
             tmp_path / 'out')
    network = folder / 'small.py', folder / 'small.pth'
    run = tool('segment', *network, *flags, '--video', 'webm', '--names',
               '--contact-sheet', '--frame-step', 4, '--smooth', 0.5)
    assert f'3 masks in {tmp_path}/out/masks' in run.stdout
    written = {name for name in files(tmp_path / 'out') if '/' in name}
    assert written == {
        'overlays/film.webm', 'contact_sheets/001.jpg',
        *(f'masks/film/00000{i}.png' for i in (0, 4, 8))}
    frames, rate = read_video(tmp_path / 'out/overlays/film.webm')
    assert len(frames) == rate == 10


def test_a_video_that_is_damaged_is_named_and_the_code_is_1(
        setting, tmp_path, monkeypatch):
    folder, _ = setting
    path = write_video(tmp_path / 'film.avi', 6)
    monkeypatch.setattr(
        'mmseg_panet.inference.images.image_source._count_frames',
        lambda path: 8)
    run = tool(
        'segment', folder / 'small.py', folder / 'small.pth', '--bank',
        folder / 'bank.safetensors', '--images', path, '--out',
        tmp_path / 'out', '--video', '--frame-step', 7, code=1)
    assert '1 overlay video incomplete:' in run.stderr
    assert '2 frames of 8 cannot be read' in run.stderr
    assert len(read_video(tmp_path / 'out/overlays/film.mp4')[0]) == 6
