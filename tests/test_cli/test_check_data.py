"""The command on toy data with many faults."""
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tool_runs import REPO, tool, tool_process

from mmseg_panet.datasets.check.report import DataReport, format_report
from mmseg_panet.datasets.class_index import Fault

CONFIG = REPO / 'configs/panet/panet_r18-d8_1xb4-800iters_toy3i-128x128.py'
DROP = 'train_dataloader.dataset.novel_pixels=drop'


@pytest.fixture
def spoilt(toy_root, tmp_path):
    """Plant faults; return the folder, and a config with two of them.

    Each fault is in separate files. train.txt lists 000000 to 000083, and
    val.txt lists the others.
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
    content = (images / '000002.jpg').read_bytes()
    (images / '000002.jpg').write_bytes(content[:len(content) // 2])
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
        # One class is not in the data, and another is in two folds.
        "folds = [['striped disc', 'unicorn'],\n"
        "         ['checked ring', 'striped disc']]\n"
        'train_dataloader = dict(dataset=dict(folds=folds))\n'
        'val_dataloader = train_dataloader\n'
        'test_dataloader = train_dataloader\n')
    return root, config


def test_every_planted_fault_is_listed_in_one_run(spoilt):
    root, config = spoilt
    done = tool_process(
        'check_data.py', config, '--data-root', root, '--decode', '--shots',
        9, code=1)
    for fault in (
            '000000.png is missing', 'ghost.jpg is missing',
            '000001.jpg is not a readable image',
            '000002.jpg cannot be decoded',
            '000003.png is 63x64 but its image', '000004.png contains the ids '
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
    # The progress bar is not part of the report.
    assert 'elapsed' not in done.stdout
    assert 'checking 85 images of training' in done.stderr


def check(*arguments, code):
    return tool('check_data.py', CONFIG, *arguments, code=code)


def test_good_data_have_no_faults_and_the_exit_code_0(toy_root):
    printed = check(
        '--data-root', toy_root, '--cfg-options', DROP, code=0).stdout
    assert printed.splitlines()[-1] == 'no faults'


def test_accepted_kinds_are_printed_but_do_not_fail(toy_root):
    printed = check('--data-root', toy_root, code=1).stdout
    assert printed.splitlines()[-1] == '4 faults: 4 leak'
    printed = check(
        '--data-root', toy_root, '--accept', 'few', 'leak', code=0).stdout
    assert 'fold 3: ' in printed
    assert '(4, accepted)' in printed
    assert printed.splitlines()[-1] == 'no faults except accepted ones'
    check('--data-root', toy_root, '--accept', 'few', code=1)


def test_faults_beyond_the_limit_of_a_kind_are_counted(toy_root, tmp_path):
    root = shutil.copytree(toy_root, tmp_path / 'toy')
    shutil.rmtree(root / 'JPEGImages')
    printed = check(
        '--data-root', root, '--cfg-options', DROP, code=1).stdout
    assert printed.count('.jpg is missing') == 20
    assert '... and 100 more' in printed
    assert printed.splitlines()[-1] == '120 faults: 120 missing'


def test_one_fault_is_not_plural():
    report = DataReport([], [], [], [Fault('few', 'too few')])
    assert format_report(report).endswith('1 fault: 1 few')


def test_an_unusable_config_gives_one_line_and_the_exit_code_2(toy_root):
    done = check('--data-root', toy_root, '--fold', 7, code=2)
    assert done.stderr == (
        'error: train_dataloader.dataset: fold 7 does not exist: expected '
        '0..3\n')
