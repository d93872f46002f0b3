"""Fail unless two wheels hold the same files; print what differs."""

import sys
from zipfile import ZipFile


def files(path):
    """The files of a wheel by their names, but for the list of them."""
    with ZipFile(path) as wheel:
        return {
            name: wheel.read(name)
            for name in wheel.namelist()
            if not name.endswith('/RECORD')
        }


first, second = map(files, sys.argv[1:])
differing = sorted(
    name
    for name in first.keys() | second.keys()
    if first.get(name) != second.get(name)
)
bundled = [name for name in first if '/.mim/' in name]
print(f'{len(first)} files, {len(bundled)} of them in .mim')
if differing or not bundled:
    sys.exit(f'expected the same files in {sys.argv[1:]}, got {differing}')
