"""The comparison of two results of the same episodes."""
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..files import check_regular
from ..json_text import parse_json
from ..table import format_table
from ..wording import counted
from .bootstrap import paired_interval, permutation_p
from .episode_table import EpisodeTable
from .scores import table_scores


class Result(NamedTuple):
    """A result of a test, with the counts of its episodes.

    Attributes:
        path (Path): Path of the JSON file.
        values (dict): Content of the JSON file.
        table (EpisodeTable): Counts from which the scores were computed.
    """

    path: Path
    values: dict
    table: EpisodeTable


class Difference(NamedTuple):
    """The difference of one score between two results.

    All numbers are nan for a class that was never sampled.

    Attributes:
        name (str): 'mIoU', 'FB-IoU' or the name of a class.
        a (float): Score of the first result, in percent.
        b (float): Score of the second result, in percent.
        low (float): Lower limit of the 95% bootstrap interval of ``b - a``,
            in percentage points.
        high (float): Upper limit of that interval.
        p (float): Two-sided p-value of the paired permutation test.
    """

    name: str
    a: float
    b: float
    low: float
    high: float
    p: float


def read_result(path: str | Path) -> Result:
    """Read a result of ``mmseg-panet test --out``.

    Args:
        path (str | Path): Path of the JSON file ``X.json``. Its episode table
            ``X.npz`` is in the same folder.

    Raises:
        InputError: If one of the files is missing, damaged or of another
            kind, or if the two files are of different tests.
    """
    check_regular(path)
    try:
        values = parse_json(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f'{path} could not be read as a result ({error}); give a file of '
            '`mmseg-panet test --out`') from error
    if not isinstance(values, dict) or 'mIoU' not in values:
        raise InputError(
            f"{path} is not a result: expected an object with 'mIoU'; give a "
            'file of `mmseg-panet test --out`')
    for key in ('manifest_sha256', 'classes', 'class_ids'):
        if key not in values:
            raise InputError(
                f'{path} has no {key}, as it was written by an older version; '
                'test again')
    if not _is_sound(values):
        raise InputError(
            f'{path} is not a result: expected mIoU as a number or null, as '
            'many names in classes as different numbers in class_ids, and '
            'the other entries as they were written; it was changed: test '
            'again')
    side = Path(path).with_suffix('.npz')
    table = EpisodeTable.read(side)
    known = np.isin(table.class_ids, values['class_ids']).all()
    # The JSON file has null for an mIoU without a pixel, which becomes nan.
    expected = np.array(values['mIoU'], float)
    if not known or not np.isclose(
            table_scores(table, values['class_ids'])[0], expected, rtol=0,
            atol=1e-6, equal_nan=True):
        raise InputError(
            f'{side} does not belong to {path}: its counts give a different '
            'mIoU; test again')
    return Result(Path(path), values, table)


def _is_sound(values: dict) -> bool:
    """Tell whether the entries that are used have their types."""
    miou, names, ids = map(values.get, ('mIoU', 'classes', 'class_ids'))
    return (
        (miou is None or type(miou) in (int, float))
        and isinstance(names, list) and isinstance(ids, list)
        and all(isinstance(name, str) for name in names)
        and all(type(i) is int for i in ids)
        and len(names) == len(ids) == len(set(ids))
        and isinstance(values['manifest_sha256'], str)
        and isinstance(values.get('checkpoint_sha256') or '', str)
        and isinstance(values.get('test_cfg') or {}, dict))


def read_pair(path_a: str | Path, path_b: str | Path) -> tuple[Result, Result]:
    """Read two results of one manifest that were scored by the same rules.

    Args:
        path_a (str | Path): Path of the first result, see
            :func:`read_result`.
        path_b (str | Path): Path of the second result.

    Raises:
        InputError: If a result cannot be read, or the manifests or the rules
            differ.
    """
    results = read_result(path_a), read_result(path_b)
    a, b = (result.values for result in results)
    # The query_pipeline determines the size at which predictions are
    # compared with the ground truth.
    for key in ('manifest_sha256', 'count_absent', 'query_pipeline'):
        if key in a and key in b and a[key] != b[key]:
            noun = key.removesuffix('_sha256')
            of_a, of_b = (json.dumps(one[key]).strip('"') for one in (a, b))
            raise InputError(
                f'expected two results of one {noun}, got {of_a} in {path_a} '
                f'and {of_b} in {path_b}: such scores cannot be paired; test '
                f'both with the same {noun}')
    return results


def compare(a: Result, b: Result) -> list[Difference]:
    """Compute the differences ``B - A`` and their significance.

    Args:
        a (Result): First result of :func:`read_pair`.
        b (Result): Second result of :func:`read_pair`.

    Returns:
        list[Difference]: Differences of mIoU, FB-IoU and each class.

    Raises:
        InputError: If the tables have different episodes.
    """
    class_ids = a.values['class_ids']
    columns = np.stack([
        table_scores(a.table, class_ids),
        table_scores(b.table, class_ids),
        *paired_interval(a.table, b.table, class_ids),
        permutation_p(a.table, b.table, class_ids)])  # (5, 2 + C)
    names = ['mIoU', 'FB-IoU', *a.values['classes']]
    return [Difference(name, *row) for name, row in zip(
        names, columns.T.tolist(), strict=True)]


def format_comparison(a: Result, b: Result,
                      differences: list[Difference]) -> str:
    """Format a description of A and B, and a table of the differences.

    Args:
        a (Result): First result of :func:`read_pair`.
        b (Result): Second result of :func:`read_pair`.
        differences (list[Difference]): Differences, see :func:`compare`.
    """
    head = ('', 'A', 'B', 'B - A', '95% interval', 'p')
    rows = [(one.name, *_cells(one)) for one in differences]
    episodes, runs = len(a.table.runs), len(np.unique(a.table.runs))
    return '\n'.join([
        f'A  {_describe(a)}', f'B  {_describe(b)}',
        f"{counted(episodes, 'episode')} in {counted(runs, 'run')}, "
        f"manifest {a.values['manifest_sha256']}",
        '', format_table([head, *rows])])


def _describe(result: Result) -> str:
    values = result.values
    digest = values.get('checkpoint_sha256')
    settings = {'protocol': values.get('protocol'),
                'supports from': values.get('support_annotation')}
    known = {word: value for word, value in settings.items() if value}
    known |= values.get('test_cfg') or {}
    return ', '.join([
        str(result.path), f'checkpoint {digest[:12]}' if digest
        else 'untrained', *(f'{word} {known[word]}' for word in known)])


def _cells(row: Difference) -> tuple[str, ...]:
    if np.isnan(row.p):
        return ('-',) * 5
    return (
        f'{row.a:.2f}', f'{row.b:.2f}', f'{row.b - row.a:+.2f}',
        f'[{row.low:+.2f}, {row.high:+.2f}]', f'{row.p:.4f}')
