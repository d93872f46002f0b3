"""One measurement in its own process."""
import argparse
import json
import traceback
from dataclasses import asdict
from pathlib import Path

import torch

from mmseg_panet.files import write_atomic

from . import machine
from .catalogue import jobs
from .timing import TooLongError


def parse_args() -> argparse.Namespace:
    """Read what ``run.py`` passes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('name')
    parser.add_argument('out', type=Path)
    parser.add_argument('data', type=Path)
    parser.add_argument('work_dir', type=Path)
    return parser.parse_args()


def failure(error: Exception, free: float) -> tuple[str, bool]:
    """Return a sentence for the table, and whether to try again."""
    text = (str(error).splitlines() or [''])[0]
    if isinstance(error, TooLongError):
        return f'not measured: {text}', False
    # torch, the allocator and oneDNN each have their own words for it.
    words = ('memory', 'alloc', 'could not create')
    if isinstance(error, MemoryError) or isinstance(
            error, RuntimeError) and any(word in text for word in words):
        if torch.cuda.is_available():
            _, total = torch.cuda.mem_get_info()
            free = total / 1e9
        return f'does not fit into {free:.0f} GB of memory', False
    return f'failed: {type(error).__name__}: {text}', True


def main() -> None:
    """Measure, and write the record, even of a failure."""
    args = parse_args()
    free = machine.limit_memory()
    torch.manual_seed(0)
    device = torch.device('cuda' if machine.kind() == 'gpu' else 'cpu')
    job = jobs(device, args.data, args.work_dir)[args.name]
    record = dict(failure=None, again=False, rows=[])
    try:
        record['rows'] = [asdict(row) for row in job.measure()]
    except Exception as error:
        traceback.print_exc()
        record['failure'], record['again'] = failure(error, free)
    write_atomic(args.out, json.dumps(record).encode())


if __name__ == '__main__':
    main()
