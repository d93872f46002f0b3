"""The report of a check of a config's data."""
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...table import format_table
from ..class_index import Fault

KINDS = {
    'list': 'data sets that cannot be listed',
    'missing': 'files that do not exist',
    'unreadable': 'files that cannot be read',
    'format': 'masks that are not of one channel of 8 bits',
    'size': 'masks of another size than their image',
    'ids': 'masks with ids that are no class',
    'duplicate': 'images that are twice in one data set',
    'overlap': 'images trained on that are in another data set too',
    'classes': 'classes that are wrong in the folds or the data set',
    'few': 'classes with too few images for an episode',
    'leak': 'images of base training with pixels of novel classes',
    'counts': 'counts that are not the published ones',
}
"""Kind of a fault to what it is."""
NOTE = 'note'
"""Kind of what is good to know and no fault."""
_LINES = 20


@dataclass
class DataReport:
    """What was found.

    Attributes:
        pools (list[str]): A line for each data set.
        classes (list[Sequence[str]]): Rows of the table of classes, its head
            first.
        counts (list[Sequence[str]]): Likewise of counts and published ones;
            empty for what has none.
        found (list[Fault]): Of the kinds of :data:`KINDS`, and notes.
    """

    pools: list[str]
    classes: list[Sequence[str]]
    counts: list[Sequence[str]]
    found: list[Fault]

    def sentences(self, kind: str) -> list[str]:
        """What was found of a kind."""
        return [fault.sentence for fault in self.found if fault.kind == kind]

    def num_faults(self, accept: Collection[str] = ()) -> dict[str, int]:
        """Number of faults of every kind that has some.

        Args:
            accept (Collection[str]): Kinds to leave out. Defaults to ().
        """
        return {kind: len(self.sentences(kind)) for kind in KINDS
                if kind not in accept and self.sentences(kind)}


def format_report(report: DataReport, accept: Collection[str] = ()) -> str:
    """All that was found, the faults last and by their kinds.

    Args:
        report (DataReport): As :func:`check_data` returns it.
        accept (Collection[str]): Kinds of faults that are known. Defaults to
            ().
    """
    parts = ['\n'.join(report.pools)]
    parts += [
        format_table(rows) for rows in (report.classes, report.counts) if rows]
    if report.sentences(NOTE):
        parts.append(_listing('notes', report.sentences(NOTE)))
    for kind, number in report.num_faults().items():
        known = ', accepted' if kind in accept else ''
        parts.append(_listing(f'{kind}: {KINDS[kind]} ({number}{known})',
                              report.sentences(kind)))
    bad = report.num_faults(accept)
    if bad:
        parts.append(f'{sum(bad.values())} faults: ' + ', '.join(
            f'{number} {kind}' for kind, number in bad.items()))
    else:
        others = ' but accepted ones' if report.num_faults() else ''
        parts.append(f'no faults{others}')
    return '\n\n'.join(filter(None, parts))


def _listing(head: str, lines: Sequence[str]) -> str:
    more = [f'... and {len(lines) - _LINES} more'] if lines[_LINES:] else []
    return '\n  '.join([head, *lines[:_LINES], *more])
