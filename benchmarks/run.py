"""Measure, and write benchmarks/RESULTS.md.

Each measurement runs in its own process. What is finished is kept in
work_dirs/bench and not measured again on the same machine with the same code.
"""
import argparse
import json
import subprocess
import sys
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

import torch

from mmseg_panet.cli.exit import exit_on_input_error
from mmseg_panet.errors import InputError
from mmseg_panet.files import write_atomic

from . import REPO, machine, results
from .catalogue import Job, jobs

FOLDER = REPO / 'benchmarks'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.run', description=__doc__)
    parser.add_argument(
        '--full', action='store_true',
        help='measure everything, not only the quick set')
    parser.add_argument(
        '--only', nargs='+', metavar='NAME',
        help='only these measurements; a name may have *')
    parser.add_argument(
        '--list', action='store_true', help='print the names and stop')
    parser.add_argument(
        '--again', action='store_true', help='also repeat what is finished')
    parser.add_argument(
        '--data', type=Path, default=REPO / 'data', metavar='DIR',
        help='folder with msrc_v2 and weights; defaults to data. Without '
        'them, toy data are made')
    parser.add_argument(
        '--kept', type=Path, default=REPO / 'work_dirs/bench', metavar='DIR',
        help='folder of what is finished; defaults to work_dirs/bench')
    parser.add_argument(
        '--results', type=Path, default=FOLDER / 'RESULTS.md',
        metavar='FILE.md',
        help='file to write; defaults to benchmarks/RESULTS.md')
    return parser.parse_args()


def select(found: dict[str, Job], full: bool,
           only: list[str] | None) -> list[str]:
    """Select the names to measure; ``only`` may hold patterns.

    Raises:
        InputError: If a pattern fits nothing.
    """
    for pattern in only or ():
        if not any(fnmatch(name, pattern) for name in found):
            raise InputError(
                f'expected names of --list after --only, got {pattern!r}; '
                'a name may have *')
    if only:
        return [
            name for name in found
            if any(fnmatch(name, pattern) for pattern in only)]
    return [name for name, job in found.items() if full or job.quick]


def measure(name: str, data: Path, kept: Path, path: Path) -> dict:
    """Run a measurement in its own process, with its log beside ``path``."""
    path.unlink(missing_ok=True)
    with path.with_suffix('.log').open('w') as log:
        code = subprocess.run(
            [sys.executable, '-m', 'benchmarks.job', name, str(path.resolve()),
             str(data.resolve()), str(kept.resolve())],
            cwd=REPO, stdout=log, stderr=subprocess.STDOUT).returncode
    if path.is_file():
        return json.loads(path.read_text())
    return dict(rows=[], again=True, failure=(
        f'failed: the process ended with {code}, see {path.stem}.log'))


def read_kept(folder: Path, found: dict[str, Job]) -> dict[str, dict]:
    """Read the records of a folder, in the catalogue's order."""
    paths = {path.stem: path for path in folder.glob('*.json')}
    order = [*found, *sorted(set(paths) - set(found))]
    return {
        name: json.loads(paths[name].read_text())
        for name in order if name in paths}


def write_results(path: Path, kept_in: Path, found: dict[str, Job]) -> None:
    """Write all that is kept into ``RESULTS.md``."""
    notes = json.loads((FOLDER / 'notes.json').read_text())
    kept = {kind: read_kept(kept_in / kind, found) for kind in results.TITLES}
    results.write(path, {
        kind: results.section(list(records.values()), notes[kind])
        for kind, records in kept.items() if records})


def main() -> None:
    """Measure what is asked for and not finished."""
    args = parse_args()
    kind, here = machine.kind(), machine.describe()
    device = torch.device('cuda' if kind == 'gpu' else 'cpu')
    found = jobs(device, args.data, args.kept)
    names = select(found, args.full, args.only)
    if args.list:
        print('\n'.join(
            f'{name}{"  (quick)" if job.quick else ""}'
            for name, job in found.items()))
        return
    folder = args.kept / kind
    folder.mkdir(parents=True, exist_ok=True)
    kept = read_kept(folder, found)
    failed = []
    for number, name in enumerate(names, 1):
        before = kept.get(name, {})
        done = not args.again and not before.get('again') and all(
            before.get(key) == here[key] for key in ('machine', 'sources'))
        print(f'[{number}/{len(names)}] {name}',
              '(done before)' if done else '', flush=True)
        if done:
            continue
        path = folder / f'{name}.json'
        record = here | dict(
            job=name, date=date.today().isoformat(),
            **measure(name, args.data, args.kept, path))
        failed += [name] * record['again']
        write_atomic(path, json.dumps(record, indent=2).encode())
        for line in results.table([record])[2:]:
            print(f'  {line}', flush=True)
        write_results(args.results, args.kept, found)
    write_results(args.results, args.kept, found)
    print(f'written to {args.results}')
    if failed:
        sys.exit(f"error: failed: {', '.join(failed)}, see {folder}")


if __name__ == '__main__':
    with exit_on_input_error():
        main()
