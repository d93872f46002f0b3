import functools
import io
import os
import pickle
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from checkpoint_parts import FORMATS, Hostile, save
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

from mmseg_panet.models import restricted_pickle
from mmseg_panet.models.restricted_pickle import ForbiddenNameError, Unpickler


def load(path):
    return torch.load(
        path, pickle_module=restricted_pickle, weights_only=False)


class Pickled:
    """An object with the pickle that is given."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize('kind', ['zip', 'pickle'])
def test_what_mmengine_and_torch_save_is_read(tmp_path, kind):
    content = dict(
        state_dict=OrderedDict(a=torch.arange(6.).view(2, 3)[:, 1:]),
        half=torch.ones(2, dtype=torch.bfloat16),
        parameter=torch.nn.Parameter(torch.ones(1)), none=None, text='é',
        steps=Counter([3, 3]), shape=torch.Size([1, 2]), names={'a'},
        device=torch.device('cpu'), dtype=torch.float16, slice=slice(1),
        cfg=ConfigDict(a=dict(b=[1])), data=b'\x00\xff',
        scalars=(np.float32(1.5), np.int64(2), np.bool_(True)),
        arrays=[np.eye(2), np.arange(3, dtype=np.int16), np.array(['ab'])])
    content['state_dict']._metadata = OrderedDict(version=1)
    save(content, tmp_path / 'a.pth', kind)
    found = load(tmp_path / 'a.pth')
    for key in ('half', 'parameter'):
        assert torch.equal(found.pop(key), content.pop(key))
    state = found.pop('state_dict')
    assert torch.equal(state['a'], content['state_dict']['a'])
    assert state._metadata == content.pop('state_dict')._metadata
    for one, other in zip(
            found.pop('arrays'), content.pop('arrays'), strict=True):
        assert one.dtype == other.dtype and (one == other).all()
    assert found == content
    assert found['cfg'].a.b == [1]


def test_the_history_of_a_log_is_read_without_its_functions(
        tmp_path, monkeypatch):
    methods = HistoryBuffer._statistics_methods
    monkeypatch.setitem(methods, 'another', HistoryBuffer.mean)
    save(HistoryBuffer([1., 2., 6.], [1, 1, 1]), tmp_path / 'a.pth')
    monkeypatch.delitem(methods, 'another')
    found = load(tmp_path / 'a.pth')
    assert (found.mean(), found.current(), found.max()) == (3, 6, 6)
    assert 'another' not in methods
    save(found, tmp_path / 'b.pth')
    assert load(tmp_path / 'b.pth').statistics('min') == 1


@pytest.mark.parametrize('kind', FORMATS)
def test_a_command_is_not_run(tmp_path, kind):
    marker = tmp_path / 'marker'
    save(dict(state_dict=Hostile(marker)), tmp_path / 'a.pth', kind)
    with pytest.raises(ForbiddenNameError, match=f'^{os.name}.system$'):
        load(tmp_path / 'a.pth')
    assert not marker.exists()


def test_a_tar_file_of_plain_values_is_read(tmp_path):
    save(dict(a=[1, 'b']), tmp_path / 'a.pth', 'tar')
    assert load(tmp_path / 'a.pth') == dict(a=[1, 'b'])


@pytest.mark.parametrize('one', [
    Pickled(getattr, (torch.load, '__globals__')),
    Pickled(eval, ('1',)),
    Pickled(torch.storage._load_from_bytes, (b'',)),
    np.array([print], dtype=object),
    print,
    Pickled(functools.partial, (int,)),
], ids=['getattr', 'eval', 'bytes', 'objects', 'print', 'partial'])
def test_code_and_objects_with_code_are_refused(tmp_path, one):
    save(one, tmp_path / 'a.pth')
    with pytest.raises(ForbiddenNameError):
        load(tmp_path / 'a.pth')


def unpickled(data):
    return restricted_pickle.load(io.BytesIO(data))


def test_getattr_returns_nothing():
    data = pickle.dumps(Pickled(getattr, (HistoryBuffer, 'mean')), 2)
    assert unpickled(data) is None


@pytest.mark.parametrize('name', [
    'collections OrderedDict', 'mmengine.logging.history_buffer HistoryBuffer',
    'torch._utils _rebuild_tensor_v2', 'torch Tensor'])
def test_the_attributes_of_classes_and_functions_are_not_set(name):
    module, attribute = name.encode().split()
    # Push the name, then the state (None, {'hacked': 1}), and build.
    data = (b'\x80\x02c' + module + b'\n' + attribute
            + b'\nN}X\x06\x00\x00\x00hackedK\x01s\x86b.')
    with pytest.raises(ForbiddenNameError, match='the state of'):
        unpickled(data)
    assert not hasattr(torch.Tensor, 'hacked')
    assert not hasattr(HistoryBuffer, 'hacked')


@pytest.mark.parametrize('state', [
    (3, '|', None, None, None, -1, -1, 0x3f),
    (3, '|', None, ('a',), {'a': (np.dtype('f8'), 0)}, 8, 1, 0)])
def test_a_dtype_does_not_turn_numbers_into_objects(state):
    data = pickle.dumps(Pickled(np.dtype, ('V8', False, True), state), 2)
    with pytest.raises(ForbiddenNameError, match='dtype with fields'):
        unpickled(data)
    with pytest.raises(ForbiddenNameError, match='numpy.object_'):
        unpickled(pickle.dumps(np.dtype('O'), 2))


@pytest.mark.parametrize('sizes', [(4096, 1), (8, 0), (-1, 1), (0, 1)])
def test_an_array_does_not_grow_beyond_its_memory(sizes):
    dtype = np.dtype('V8')
    array = np.ndarray((1,), dtype)
    state = pickle.dumps((3, '|', None, None, None, *sizes, 0), 2)[2:-1]
    # The array shares the dtype of the memo, whose state is set afterwards.
    data = pickle.dumps([dtype, array], 2)
    assert unpickled(data)[0].itemsize == 8
    data = (b'\x80\x02cnumpy\nndarray\nK\x01\x85cnumpy\ndtype\n'
            b'X\x02\x00\x00\x00V8\x85Rq\x64\x86Rq\x65'
            b'h\x64' + state + b'b0h\x65.')
    with pytest.raises(ForbiddenNameError, match='dtype with another size'):
        unpickled(data)
    own = data.replace(state, pickle.dumps(
        (3, '|', None, None, None, 8, 1, 0), 2)[2:-1])
    assert unpickled(own).nbytes == 8


def test_the_dtypes_of_the_process_do_not_change():
    state = (3, '>', None, None, None, -1, -1, 0)
    data = pickle.dumps(Pickled(np.dtype, ('i4',), state), 2)
    assert unpickled(data) == np.dtype('>i4')
    assert np.dtype('i4').byteorder == '='


@pytest.mark.parametrize(('kind', 'arguments', 'state'), [
    (HistoryBuffer, (), {'statistics_methods': {}}),
    (np.dtype, ('V8',), (3, '|', None, None, None, 4096, 1, 0)),
    (OrderedDict, (), {'a': 1}), ('a', (), {})])
def test_only_tensors_are_rebuilt_with_their_state(kind, arguments, state):
    data = pickle.dumps(Pickled(
        torch._tensor._rebuild_from_type_v2, (kind, kind, arguments, state)),
        2)
    with pytest.raises(ForbiddenNameError, match='the state of'):
        unpickled(data)


def test_a_tensor_with_an_attribute_is_read(tmp_path):
    tensor = torch.ones(2)
    tensor.note = 'a'
    save(tensor, tmp_path / 'a.pth')
    found = load(tmp_path / 'a.pth')
    assert found.note == 'a' and torch.equal(found, tensor)


@pytest.mark.parametrize('core', [b'numpy.core', b'numpy._core'])
def test_arrays_of_either_numpy_are_read(core):
    data = pickle.dumps(np.arange(3), 2)
    own = b'numpy._core' if b'numpy._core' in data else b'numpy.core'
    assert unpickled(data.replace(own, core)).tolist() == [0, 1, 2]


def test_keys_whose_hash_takes_for_ever_are_refused(tmp_path):
    key = ()
    for _ in range(60):
        key = (key, key)
    for number, (start, end) in enumerate((
            ('}', 's'), ('(', 'd'), ('\x8f(', '\x90'), ('(', '\x91'),
            ('ccollections\nOrderedDict\n(((', 'ttR'))):
        # Each level is a tuple of the one below it, twice.
        nested = ')' + '2\x86' * 60
        rest = '' if end in ('\x90', '\x91') else 'N'
        if end == 'ttR':
            nested, rest = nested, 'Nt'
        content = f'\x80\x04{start}{nested}{rest}{end}.'.encode('latin-1')
        path = tmp_path / f'{number}.pkl'
        path.write_bytes(content)
        with path.open('rb') as file, pytest.raises(
                ForbiddenNameError, match='nested tuples'):
            Unpickler(file).load()


def test_usual_keys_are_read():
    values = {'a': 1, (1, 'b'): {2, 3}, None: 'c', 4: OrderedDict(d=5)}
    assert Unpickler(io.BytesIO(pickle.dumps(values, 2))).load() == values
    assert Unpickler(io.BytesIO(pickle.dumps(values, 4))).load() == values
