"""docs/api.md has every public method, argument and key of the interface."""
import inspect
import json
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from inference_parts import RESIZE, red_and_blue, small_inferencer
from markdown_pages import REPO, blocks
from tool_runs import small_config

from mmseg_panet import apis
from mmseg_panet.apis import FewShotInferencer, PrototypeBank
from mmseg_panet.config import config_file
from mmseg_panet.config.bundled_configs import find_config
from mmseg_panet.inference.advice.report import SupportAdvice, SupportRow
from mmseg_panet.inference.folder_job import Failure
from mmseg_panet.inference.images.image_list import ImageItem
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.inference.results.segmentation_result import (
    SegmentationResult,
)
from mmseg_panet.runs.checkpoint import sha256

PAGE = (REPO / 'docs/api.md').read_text(encoding='utf-8')


def section(title):
    """The text below a heading, up to the next one."""
    return re.search(
        rf'^#+ {title}\n(.*?)(?=^#|\Z)', PAGE, re.M | re.S)[1]


def tables(text):
    """The tables of a text: their rows below the header, as cells."""
    return [
        [[cell.strip() for cell in line.split('|')[1:-1]]
         for line in table.splitlines()[2:]]
        for table in re.findall(r'(?:^\|.*\n)+', text, re.M)]


def names(rows):
    return [row[0].strip('`') for row in rows]


def argument_rows(rows):
    """Argument to default, both as written; without one it is ''."""
    return {one.strip('`'): default.strip('`') for one, default, _ in rows}


def arguments(function):
    return {
        name: '' if one.default is one.empty else repr(one.default)
        for name, one in inspect.signature(function).parameters.items()
        if name != 'self'}


def signature(name, function):
    """A call with the defaults, without annotations."""
    words = []
    for one in inspect.signature(function).parameters.values():
        if one.name == 'self':
            continue
        default = '...' if callable(one.default) else repr(one.default)
        words.append(
            f'**{one.name}' if one.kind is one.VAR_KEYWORD
            else one.name if one.default is one.empty
            else f'{one.name}={default}')
    return f"{name}({', '.join(words)})"


def public(kind):
    """All that a class of the package adds to those that it extends."""
    found = set()
    for name in dir(kind):
        member = inspect.getattr_static(kind, name)
        if name.startswith('_'):
            continue
        if isinstance(member, property):
            found.add(name)
        elif inspect.isfunction(member) and member.__module__.startswith(
                'mmseg_panet'):
            found.add(signature(name, member))
    return found


def test_every_name_of_the_interface_has_a_section_or_a_row():
    listed = ' '.join(names(tables(PAGE)[0]))
    for name in apis.__all__:
        assert re.search(rf'`?\b{name}\b', listed) or re.search(
            rf'^\| `{name}\(', section('Training and testing'), re.M), name


@pytest.mark.parametrize('function, title, table', [
    (FewShotInferencer, 'FewShotInferencer', 0),
    (FewShotInferencer.__call__, 'FewShotInferencer', 1),
    (apis.segment_images, 'segment_images', 0),
    (apis.list_images, 'list_images', 0),
    (PrototypeBank, 'PrototypeBank', 0)])
def test_every_argument_is_listed_with_its_default(function, title, table):
    listed = argument_rows(tables(section(title))[table])
    assert listed == arguments(function)
    assert list(listed) == list(arguments(function))


def test_every_method_and_property_is_listed_with_its_arguments():
    _, _, *parts = tables(section('FewShotInferencer'))
    assert set(names(sum(parts, []))) == public(FewShotInferencer)
    _, bank = tables(section('PrototypeBank'))
    assert set(names(bank)) == public(PrototypeBank)
    advice, = tables(section('The advice on examples'))
    assert set(names(advice)) == public(SupportAdvice) | {
        one.name for one in fields(SupportAdvice)}
    *_, result = tables(section('The result of a call'))
    assert set(names(result)) == public(SegmentationResult)


def test_every_function_of_training_and_testing_is_listed():
    rows, = tables(section('Training and testing'))
    functions = names(rows)
    assert functions == [
        signature(name, getattr(apis, name)) for name in (
            one.partition('(')[0] for one in functions)]


def test_every_field_of_what_is_returned_is_named():
    for kind, title in (
            (SupportRow, 'The advice on examples'),
            (Prediction, 'FewShotInferencer'), (Failure, 'segment_images'),
            (ImageItem, 'list_images')):
        for field in kind._fields:
            assert f'`{field}`' in section(title), field
    assert '`path`' in section('list_images')


def test_every_key_of_a_result_is_listed(tmp_path):
    inferencer = small_inferencer(RESIZE).fit(red_and_blue())
    image = np.zeros((40, 50, 3), np.uint8)
    result = inferencer(
        [image, image], return_vis=True, return_probabilities=True,
        out_dir=tmp_path / 'out')
    of_images, of_call, _ = tables(section('The result of a call'))
    assert set(names(of_images) + names(of_call)) == result.keys()
    for key in names(of_images):
        assert len(result[key]) == 2 and isinstance(result[key], list), key
    sample = inferencer(image, return_datasamples=True)
    text = section('The result of a call').split('return_datasamples')[-1]
    for name in sample.all_keys() + sample.metainfo_keys():
        assert f'`{name}`' in text, name


def test_the_training_of_the_page_runs(toy_root, tmp_path, monkeypatch):
    block, = (one for one in blocks('python') if one.page == 'docs/api.md')
    small = small_config(tmp_path, max_iters=1, interval=1)
    with small.open('a') as file:  # as the commands do without workers
        file.writelines(
            f"{mode}_dataloader['persistent_workers'] = False\n"
            for mode in ('train', 'val', 'test'))
    monkeypatch.setattr(
        config_file, 'find_config',
        lambda config: small if find_config(config) else None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data/toy').symlink_to(toy_root)
    names = {}
    exec(block.text, names)
    written = json.loads(Path('work_dirs/toy/result.json').read_text())
    assert written['mIoU'] == names['result']['mIoU']
    assert (written['fold'], written['num_shots']) == (1, 3)
    assert written['checkpoint_sha256'] == sha256(
        tmp_path / 'work_dirs/toy/iter_1.pth')
