"""``RESULTS.md``: what was measured, as tables."""
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from mmseg_panet.files import write_atomic

from .row import Row

TITLES = {'cpu': 'CPU', 'gpu': 'GPU'}
_HEAD = """# Results

Written by `make bench` and `make bench-full`. Where a row compares two times,
both are measured in the same process in alternation, and the figure is the
ratio of their medians, with the least and the greatest ratio of the rounds in
brackets.
"""
_COLUMNS = ('figure', 'measured on', 'compared', 'result', 'rounds',
            'required', 'seconds (median)')


def table(records: Sequence[dict]) -> list[str]:
    """Make the lines of a table.

    Args:
        records (Sequence[dict]): Records of one machine: ``job``, ``rows`` (as
            dicts) and ``failure``.
    """
    lines = [_line(_COLUMNS), '|' + '---|' * len(_COLUMNS)]
    for record in records:
        lines += [_line(_cells(Row(**row))) for row in record['rows']]
        if record['failure']:
            lines.append(_line((record['job'], '', '', record['failure'],
                                '', '', '')))
    return lines


def section(records: Sequence[dict], notes: dict[str, str]) -> str:
    """Make the tables of a kind of machine, and say what was missed.

    A record without a row and a failure, such as that of profiles, which are
    files of their own, is left out.

    Args:
        records (Sequence[dict]): As for :func:`table`, each with
            ``machine``, ``versions``, ``commit`` and ``date``.
        notes (dict[str, str]): What limits a figure, by its name.
    """

    def origin(record: dict) -> tuple[str, ...]:
        return tuple(record[key] for key in ('machine', 'versions', 'commit'))

    lines: list[str] = []
    shown = [one for one in records if one['rows'] or one['failure']]
    # sorted keeps the order of the catalogue within a machine and commit
    for key, group in groupby(sorted(shown, key=origin), origin):
        same = list(group)
        dates = sorted({record['date'] for record in same})
        machine, versions, commit = key
        lines += [
            f'{machine}; {versions}; commit {commit}; '
            f"{' to '.join(dict.fromkeys((dates[0], dates[-1])))}.",
            '', *table(same), '']
        missed = dict.fromkeys(
            row['figure'] for record in same for row in record['rows']
            if Row(**row).missed)
        for figure in missed:
            limits = notes.get(figure, 'what limits it is not known yet.')
            lines += [f'Missed, {figure}: {limits}', '']
    return '\n'.join(lines)


def write(path: Path, sections: dict[str, str]) -> None:
    """Replace the sections of some kinds of machines.

    Args:
        path (Path): The ``RESULTS.md``. Sections of other kinds stay.
        sections (dict[str, str]): The sections, by 'cpu' and 'gpu'.
    """
    parts = path.read_text().split('\n## ')[1:] if path.is_file() else []
    texts = dict(part.split('\n', 1) for part in parts)
    texts |= {TITLES[kind]: f'\n{text}' for kind, text in sections.items()}
    blocks = [_HEAD.rstrip('\n')] + [
        f'## {title}\n{texts[title].rstrip()}'
        for title in TITLES.values() if title in texts]
    write_atomic(path, ('\n\n'.join(blocks) + '\n').encode())


def _cells(row: Row) -> tuple[str, ...]:
    result = _number(row.value, row.unit)
    if row.low < row.high:
        result += (f' ({_number(row.low, row.unit)} to '
                   f'{_number(row.high, row.unit)})')
    if row.remark:
        result += f'; {row.remark}'
    required = '-'
    if row.at_least is not None:
        required = f'{row.at_least:g}{row.unit}'
    elif row.under is not None:
        required = f'under {row.under:g}{row.unit}'
    if row.missed:
        required += ', missed'
    seconds = ', '.join(
        f'{name} {value:.3g}' for name, value in row.seconds.items())
    return (row.figure, row.size, row.compared, result, str(row.rounds),
            required, seconds or '-')


def _number(value: float, unit: str) -> str:
    digits = 3 if abs(value) < 2 else 2 if abs(value) < 10 else 1
    return f'{value:.{digits}f}{unit}'


def _line(cells: Sequence[str]) -> str:
    return '| ' + ' | '.join(cells) + ' |'
