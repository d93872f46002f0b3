"""A pickle module for ``torch.load`` that executes no code of a file.

It does what ``torch.load(weights_only=True)`` does, and in addition reads
mmengine's checkpoints, which contain the history of the log. torch before 2.4
cannot extend its list of classes, and before 2.6 it has known gaps.
"""
import pickle
from codecs import encode
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from torch._weights_only_unpickler import _get_allowed_globals


class ForbiddenNameError(Exception):
    """The error for a class or a function that a file may not use."""


def _dtype(name: Any, *_: Any) -> np.dtype:
    """Make a dtype whose arrays do not contain Python objects.

    It is a copy, as a file could change the dtypes of the process otherwise.
    """
    dtype = np.dtype(name, copy=True)
    if dtype.hasobject:
        raise ForbiddenNameError('numpy.object_')
    return dtype


def _rebuild_from_type_v2(function: Any, kind: Any, *arguments: Any) -> Any:
    """Rebuild a tensor; torch sets the state of other objects, too."""
    if not (isinstance(kind, type) and issubclass(kind, torch.Tensor)):
        raise ForbiddenNameError(f'the state of {kind!r}')
    return torch._tensor._rebuild_from_type_v2(function, kind, *arguments)


def _check_key(key: Any) -> None:
    """Refuse nested keys, whose hash may take for ever."""
    parts = key if isinstance(key, tuple) else (key,)
    if any(isinstance(part, tuple | frozenset) for part in parts):
        raise ForbiddenNameError('a key of nested tuples')


def _ordered_dict(*items: Any) -> OrderedDict:
    """Make an OrderedDict, whose items Python 2 passes as pairs."""
    for key, _ in next(iter(items), ()):
        _check_key(key)
    return OrderedDict(*items)


def _set(*items: Any) -> set:
    """Make a set of plain values."""
    for key in next(iter(items), ()):
        _check_key(key)
    return set(*items)


_ALLOWED = {
    **_get_allowed_globals(),
    # Old versions of torch do not have the next four in their list.
    '_codecs.encode': encode,
    'builtins.set': _set,
    'collections.OrderedDict': _ordered_dict,
    'collections.Counter': Counter,
    'torch.device': torch.device,
    'torch._tensor._rebuild_from_type_v2': _rebuild_from_type_v2,
    'builtins.slice': slice,
    # A HistoryBuffer contains its own methods, see load_build.
    'builtins.getattr': lambda *_: None,
    'mmengine.config.config.ConfigDict': ConfigDict,
    'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
    'numpy.core.multiarray._reconstruct': np.empty(0).__reduce__()[0],
    'numpy.core.multiarray.scalar': np.float64().__reduce__()[0],
    'numpy.dtype': _dtype,
    'numpy.ndarray': np.ndarray,
}
"""Maps names to the classes and functions that a file may use."""
_WITH_STATE = (OrderedDict, HistoryBuffer, np.dtype, np.ndarray, torch.Tensor)
"""Types of the objects whose state a file may set.

A pickle could otherwise set the attributes of the classes and functions.
"""

_NEEDS_INIT = 0x08
"""NumPy's flag of dtypes of text."""


def _checked(operation: Callable[[Any], None],
             keys: slice) -> Callable[[Any], None]:
    """Check the keys on the stack before an operation of the unpickler."""
    def check_and_do(unpickler: Any) -> None:
        for key in unpickler.stack[keys]:
            _check_key(key)
        operation(unpickler)

    return check_and_do


# The implementation in Python: load_build of that in C cannot be overridden.
_PythonUnpickler: Any = getattr(pickle, '_Unpickler')  # noqa: B009


class Unpickler(_PythonUnpickler):
    """Unpickler of tensors, plain values and mmengine's few classes.

    Raises:
        ForbiddenNameError: By ``load``, if the file needs anything else.
    """

    dispatch = dict(_PythonUnpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        """Return the class or function with a name."""
        # The names of Python 2, which torch.save writes, and of numpy 2.
        module = {'__builtin__': 'builtins'}.get(module, module).replace(
            'numpy._core', 'numpy.core')
        try:
            return _ALLOWED[f'{module}.{name}']
        except KeyError:
            raise ForbiddenNameError(f'{module}.{name}') from None

    def load_build(self) -> None:
        """Set the state of an object."""
        state, target = self.stack[-1], self.stack[-2]
        if not isinstance(target, _WITH_STATE):
            raise ForbiddenNameError(f'the state of {target!r}')
        if isinstance(target, HistoryBuffer):
            state.pop('statistics_methods', None)
        # Fields and flags, except that of text, could declare numbers to be
        # addresses of Python objects.
        if isinstance(target, np.dtype) and (
                any(state[2:5]) or state[7] & ~_NEEDS_INIT):
            raise ForbiddenNameError('numpy.dtype with fields')
        # Arrays of a larger size would contain foreign memory.
        if isinstance(target, np.dtype) and tuple(state[5:7]) not in (
                (-1, -1), (target.itemsize, target.alignment)):
            raise ForbiddenNameError('numpy.dtype with another size')
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build


_KEYS = {
    pickle.SETITEM: slice(-2, -1),
    pickle.SETITEMS: slice(0, None, 2),
    pickle.DICT: slice(0, None, 2),
    pickle.ADDITEMS: slice(None),
    pickle.FROZENSET: slice(None)}
"""Maps operations to the keys of dicts and sets on the stack."""
Unpickler.dispatch.update({
    code[0]: _checked(Unpickler.dispatch[code[0]], keys)
    for code, keys in _KEYS.items()})


def load(file: IO[bytes], **settings: Any) -> Any:
    """Unpickle one object, as :func:`pickle.load` does."""
    return Unpickler(file, **settings).load()
