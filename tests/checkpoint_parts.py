"""Checkpoints that execute code when they are unpickled."""
import io
import os
import pickle
import tarfile

import torch

FORMATS = ('zip', 'pickle', 'tar')


class Hostile:
    """An object that writes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f'touch {self.marker}',)


def save(content, path, kind='zip'):
    """Save a checkpoint in the format of a version of torch."""
    if kind != 'tar':
        torch.save(
            content, path, _use_new_zipfile_serialization=kind == 'zip')
        return
    none = pickle.dumps(0, 2)
    with tarfile.open(path, 'w') as tar:
        for name, data in (
                ('storages', none + pickle.dumps([], 2)), ('tensors', none),
                ('pickle', pickle.dumps(content, 2)), ('sys_info', none)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
