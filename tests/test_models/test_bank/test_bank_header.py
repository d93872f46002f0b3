import copy
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_parts import image_of, red_and_blue, small_inferencer
from safetensors.torch import load_file, save_file

from mmseg_panet.errors import InputError


@pytest.fixture(scope='module')
def tools(tmp_path_factory):
    """An inferencer, and the file of a bank with moments and negatives."""
    path = tmp_path_factory.mktemp('bank') / 'bank.safetensors'
    inferencer = small_inferencer(classifier='auto')
    inferencer.fit(red_and_blue(), negatives=image_of((9, 9, 9), seed=7)[0])
    inferencer.save(path)
    return inferencer, path


def parts_of(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], 'little')
    header = json.loads(json.loads(
        data[8:8 + length])['__metadata__']['mmseg_panet'])
    return header, {name: one.clone() for name, one in load_file(path).items()}


def write(path, header, tensors):
    text = header if isinstance(header, str) else json.dumps(header)
    save_file({name: one.contiguous() for name, one in tensors.items()},
              path, dict(mmseg_panet=text))


def test_a_genuine_bank_is_read_to_the_bit(tools, tmp_path):
    inferencer, path = tools
    inferencer.load(path)
    inferencer.save(tmp_path / 'again.safetensors')
    assert (tmp_path / 'again.safetensors').read_bytes() == path.read_bytes()


@pytest.mark.parametrize(('change', 'words'), [
    (lambda header: header.update(shots=[9, 9]), r'shots of \[2, 2\].*9, 9'),
    (lambda header: header.pop('shots'), "KeyError: 'shots'"),
    (lambda header: header.update(classes='red'), 'classes are red'),
    (lambda header: header['supports'][0].update(
        class_name='\ud800', names=['\ud800']), r'name of a class.*\\ud800'),
    (lambda header: header['supports'][0].update(
        class_name='', names=['']), "got ''"),
    (lambda header: header['supports'][0].update(
        class_name='a\x1b[2J', names=['a\x1b[2J']), r'got .a\\x1b\[2J'),
    (lambda header: header['supports'][0].update(names=['red', 7]), 'got 7'),
    (lambda header: header['supports'][0].update(
        names=['red', 'red']), 'a class twice'),
    (lambda header: header['supports'].__setitem__(
        1, header['supports'][0]), 'occurs twice'),
    (lambda header: header['negatives'].append(
        header['negatives'][0]), 'occurs twice'),
    (lambda header: header.update(negative_share=float('nan')), 'got nan'),
    (lambda header: header['model'].update(needs=5), 'needs of the model is'),
    (lambda header: header['model'].update(needs=['x']), 'ValueError'),
    (lambda header: header['model'].update(needs=[[]]), 'ValueError'),
    (lambda header: header['model'].update(needs=['moments'] * 2),
     'needs of the model among'),
    (lambda header: header['model'].update(rank=-1), 'rank as an integer'),
    (lambda header: header['model'].update(matching=[]), 'matching of the'),
    (lambda header: header['model'].update(classifier=None), 'classifier of'),
    (lambda header: header.update(model=[]), 'AttributeError'),
    (lambda header: header.update(supports=10**9), 'TypeError'),
    (lambda header: header.update(version='\x1b[2J', format=9),
     r'version \\x1b\[2J wrote')])
def test_a_lie_in_the_header_is_refused(tools, tmp_path, change, words):
    inferencer, path = tools
    header, tensors = parts_of(path)
    change(header)
    lie = tmp_path / 'lie.safetensors'
    write(lie, header, tensors)
    with pytest.raises(InputError, match=f'not a prototype bank.*{words}'):
        inferencer.load(lie)


@pytest.mark.parametrize('text', [
    '[' * 100_000 + ']' * 100_000, '{"model":' * 100_000, '', 'null', '7',
    '{"model": ' + '[' * 300 + ']' * 300 + '}'])
def test_any_other_json_is_refused(tools, tmp_path, text):
    inferencer, path = tools
    lie = tmp_path / 'lie.safetensors'
    write(lie, text, parts_of(path)[1])
    with pytest.raises(InputError, match='is not a prototype bank'):
        inferencer.load(lie)


@pytest.mark.parametrize('length', [0, 7, 2**20, 2**40, 2**63, 2**64 - 1])
def test_a_wrong_length_of_the_header_is_refused(tools, tmp_path, length):
    inferencer, path = tools
    lie = tmp_path / 'lie.safetensors'
    lie.write_bytes(length.to_bytes(8, 'little') + path.read_bytes()[8:])
    with pytest.raises(InputError, match='is not a prototype bank'):
        inferencer.load(lie)


def fewer_channels(tensors):
    tensors['sums'] = tensors['sums'][:, -21:]
    tensors['moments'] = tensors['moments'][:, :20 * 21 // 2]


@pytest.mark.parametrize(('change', 'words'), [
    (lambda tensors: tensors['sums'][:, -1].zero_(), 'area above 0'),
    (lambda tensors: tensors['sums'][1, -1].mul_(100), 'within the total'),
    (lambda tensors: tensors['sums'][0].mul_(1e300), 'none above'),
    (lambda tensors: tensors['moments'][0].mul_(1e30), 'finite float32'),
    (lambda tensors: tensors['moments'][1].mul_(9), 'expected moments'),
    (lambda tensors: tensors.update(sums=tensors['sums'][:, -1:]), 'sums in'),
    (lambda tensors: tensors.update(sums=tensors['sums'][0]), 'sums in float'),
    (lambda tensors: tensors.update(
        sums=tensors['sums'].float()), 'sums in float64')])
def test_a_lie_in_the_tensors_is_refused(tools, tmp_path, change, words):
    inferencer, path = tools
    header, tensors = parts_of(path)
    change(tensors)
    lie = tmp_path / 'lie.safetensors'
    write(lie, header, tensors)
    with pytest.raises(InputError, match=f'not a prototype bank.*{words}'):
        inferencer.load(lie)


def test_channels_of_another_model_are_refused_before_an_image_is_read(
        tools, tmp_path):
    _, path = tools
    inferencer = small_inferencer()  # its classifier needs sums alone
    inferencer.fit(red_and_blue()).save(tmp_path / 'own')
    header, tensors = parts_of(tmp_path / 'own')
    tensors['sums'] = tensors['sums'][:, -21:]
    write(tmp_path / 'lie', header, tensors)
    with pytest.raises(InputError, match='expected 32 channels, got 20; load'):
        inferencer.load(tmp_path / 'lie')


VALUES = st.one_of(
    st.none(), st.booleans(), st.floats(), st.text(max_size=4),
    st.integers(-2, 2**70), st.just([]), st.just({}), st.just('\ud800'),
    st.just([[]]), st.sampled_from(['moments', 'cells', 'unit', 'raw']))


@st.composite
def edits(draw, header, tensors):
    """Edit a place of the header, or a number or the form of a tensor."""
    header = copy.deepcopy(header)
    tensors = {name: one.clone() for name, one in tensors.items()}
    if draw(st.booleans()):
        place = header
        while True:
            key = draw(st.sampled_from(
                sorted(place) if isinstance(place, dict)
                else range(len(place))))
            if not place[key] or not isinstance(
                    place[key], (dict, list)) or draw(st.booleans()):
                break
            place = place[key]
        if draw(st.booleans()):
            del place[key]
        else:
            place[key] = draw(VALUES)
    else:
        name = draw(st.sampled_from(sorted(tensors)))
        change = draw(st.sampled_from(['value', 'dtype', 'shape', 'gone']))
        if change == 'value':
            flat = tensors[name].view(-1)
            flat[draw(st.integers(0, len(flat) - 1))] = draw(
                st.floats(width=16))
        elif change == 'dtype':
            tensors[name] = tensors[name].to(draw(st.sampled_from(
                [torch.float16, torch.float32, torch.int64, torch.bool])))
        elif change == 'shape':
            tensors[name] = tensors[name][draw(st.integers(0, 3)):]
        else:
            del tensors[name]
    return header, tensors


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_an_edited_bank_is_read_or_refused(tools, tmp_path_factory, data):
    inferencer, path = tools
    header, tensors = data.draw(edits(*parts_of(path)))
    edited = path.with_name('edited.safetensors')
    write(edited, header, tensors)
    try:
        inferencer.load(edited)
    except InputError as error:
        str(error).encode()  # it can be printed
    else:
        prediction = inferencer.predict([image_of((20, 20, 230))[0]])[0]
        assert np.isfinite(prediction.confidence).all()
