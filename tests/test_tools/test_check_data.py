"""The real tool on toy data with many faults at once."""
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REPO = Path(__file__).parents[2]
TOOL = REPO / 'tools/check_data.py'
CONFIG = REPO / 'configs/panet/panet_r18-d8_toy.py'
DROP = 'train_dataloader.dataset.novel_pixels=drop'


@pytest.fixture
def check(monkeypatch, capfd):
    """Run the tool in this process; gives its exit code and output."""
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            runpy.run_path(str(TOOL), run_name='__main__')
        return caught.value.code, capfd.readouterr()
    return run


@pytest.fixture
def spoilt(toy_root, tmp_path):
    """Twelve planted faults: the folder, and a config of two of them.

    Each is in files of its own; train.txt has 000000 to 000083, val.txt the
    others.
    """
    root = Path(shutil.copytree(toy_root, tmp_path / 'toy'))
    images, masks = root / 'JPEGImages', root / 'SegmentationClass'

    def relabel(name, change):
        path = masks / f'{name}.png'
        Image.fromarray(change(np.array(Image.open(path)))).save(path)

    def list_too(split, name):
        with (root / f'ImageSets/Segmentation/{split}.txt').open('a') as file:
            file.write(f'{name}\n')

    (masks / '000000.png').unlink()
    list_too('train', 'ghost')
    (images / '000001.jpg').write_text('<html>404</html>')
    whole = (images / '000002.jpg').read_bytes()
    (images / '000002.jpg').write_bytes(whole[:len(whole) // 2])
    relabel('000003', lambda labels: labels[:, 1:])
    relabel('000004', lambda labels: np.where(labels, 99, 0).astype(np.uint8))
    relabel('000005', lambda labels: labels.astype(np.uint16))
    relabel('000006', lambda labels: np.stack([labels] * 3, axis=-1))
    list_too('train', '000007')
    list_too('val', '000008')
    for folder, suffix in ((images, 'jpg'), (masks, 'png')):
        shutil.copy(folder / f'000009.{suffix}', folder / f'other.{suffix}')
    list_too('val', 'other')
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = '{CONFIG}'\n"
        # One class is not in the data, another is in two folds.
        "folds = [['striped disc', 'unicorn'],\n"
        "         ['checked ring', 'striped disc']]\n"
        'train_dataloader = dict(dataset=dict(folds=folds))\n'
        'val_dataloader = train_dataloader\n'
        'test_dataloader = train_dataloader\n')
    return root, config


def test_every_planted_fault_is_listed_in_one_run(spoilt):
    root, config = spoilt
    done = subprocess.run(
        [sys.executable, TOOL, config, '--data-root', root, '--decode',
         '--shots', '9'], capture_output=True, text=True,
        env=os.environ | {'OMP_NUM_THREADS': '1'})
    assert done.returncode == 1, done.stderr
    for fault in (
            '000000.png is missing', 'ghost.jpg is missing',
            '000001.jpg is no readable image', '000002.jpg cannot be decoded',
            '000003.png is 63x64 but its image', '000004.png holds the ids '
            '[99]', '000005.png is a I;16 image', '000006.png has shape',
            '000007.jpg is listed 2 times',
            '000008.jpg is in training and in validation/test',
            'other.jpg of validation/test has the same bytes as',
            "the data set lacks ['unicorn']",
            "class 'striped disc' is 2 times in the folds",
            "training and test sample the same classes ['striped disc']",
            'num_shots=9 and num_queries=1 need 10',
            'images of base training show novel classes as background'):
        assert fault in done.stdout, fault
    numbers = re.fullmatch(
        r'(\d+) faults: 3 missing, 2 unreadable, 2 format, 1 size, 1 ids, '
        r'1 duplicate, 2 overlap, (\d+) classes, (\d+) few, (\d+) leak',
        done.stdout.splitlines()[-1])
    assert numbers, done.stdout
    # The progress is no part of the report.
    assert 'elapsed' not in done.stdout
    assert 'checking 85 images of training' in done.stderr


def test_good_data_end_with_no_faults_and_0(check, toy_root):
    code, printed = check(
        CONFIG, '--data-root', toy_root, '--cfg-options', DROP)
    assert code == 0
    assert printed.out.splitlines()[-1] == 'no faults'


def test_accepted_kinds_are_printed_and_are_no_failure(check, toy_root):
    code, printed = check(CONFIG, '--data-root', toy_root)
    assert code == 1
    assert printed.out.splitlines()[-1] == '4 faults: 4 leak'
    code, printed = check(
        CONFIG, '--data-root', toy_root, '--accept', 'few', 'leak')
    assert code == 0
    assert 'fold 3: ' in printed.out
    assert '(4, accepted)' in printed.out
    assert printed.out.splitlines()[-1] == 'no faults but accepted ones'
    code, _ = check(CONFIG, '--data-root', toy_root, '--accept', 'few')
    assert code == 1


def test_more_faults_of_a_kind_than_fit_are_counted(
        check, toy_root, tmp_path):
    root = shutil.copytree(toy_root, tmp_path / 'toy')
    shutil.rmtree(root / 'JPEGImages')
    code, printed = check(CONFIG, '--data-root', root, '--cfg-options', DROP)
    assert code == 1
    assert printed.out.count('.jpg is missing') == 20
    assert '... and 100 more' in printed.out
    assert printed.out.splitlines()[-1] == '120 faults: 120 missing'


def test_a_config_that_cannot_be_used_is_one_line_and_2(check, toy_root):
    code, printed = check(CONFIG, '--data-root', toy_root, '--fold', 7)
    assert code == 2
    assert printed.err == (
        'error: train_dataloader.dataset: fold 7 does not exist: expected '
        '0..3\n')
