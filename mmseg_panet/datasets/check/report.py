"""The report of a check of a config's data."""
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...table import format_table
from ...wording import counted, printable
from ..class_index import Fault

KINDS = {
    'list': 'data sets that cannot be listed',
    'missing': 'files that do not exist',
    'unreadable': 'files that cannot be read',
    'format': 'masks that do not have one channel of ids',
    'size': 'masks that differ in size from their image',
    'ids': 'masks with ids of no class',
    'duplicate': 'images that are in one data set twice',
    'overlap': 'training images that are also in another data set',
    'classes': 'classes that are wrong in the folds or the data set',
    'few': 'classes with too few images for an episode',
    'leak': 'images of base training with pixels of novel classes',
    'counts': 'counts that differ from the published ones',
}
"""Descriptions of the kinds of faults."""
NOTE = 'note'
"""Kind of a note, which is not a fault."""
_LINES = 20


@dataclass
class DataReport:
    """The result of the checks.

    Attributes:
        pools (list[str]): One line about each data set.
        classes (list[Sequence[str]]): Rows of the table of classes, the
            header first.
        counts (list[Sequence[str]]): Rows of the table of counts and
            published counts, the header first; empty without published
            counts.
        found (list[Fault]): Faults of the kinds of :data:`KINDS`, and notes.
    """

    pools: list[str]
    classes: list[Sequence[str]]
    counts: list[Sequence[str]]
    found: list[Fault]

    def sentences(self, kind: str) -> list[str]:
        """Return the messages of a kind."""
        return [fault.sentence for fault in self.found if fault.kind == kind]

    def num_faults(self, accept: Collection[str] = ()) -> dict[str, int]:
        """Count the faults of every kind that occurs.

        Args:
            accept (Collection[str]): Kinds to exclude. Defaults to ().

        Returns:
            dict[str, int]: Numbers of faults by kind.
        """
        return {kind: len(self.sentences(kind)) for kind in KINDS
                if kind not in accept and self.sentences(kind)}


def format_report(report: DataReport, accept: Collection[str] = ()) -> str:
    """Format a report as text, with the faults at the end, by kind.

    Args:
        report (DataReport): Report of :func:`check_data`.
        accept (Collection[str]): Kinds of faults to accept. Defaults to ().

    Returns:
        str: Lines of text.
    """
    parts = ['\n'.join(report.pools)]
    parts += [
        format_table(rows) for rows in (report.classes, report.counts) if rows]
    if report.sentences(NOTE):
        parts.append(_listing('notes', report.sentences(NOTE)))
    for kind, number in report.num_faults().items():
        accepted = ', accepted' if kind in accept else ''
        parts.append(_listing(f'{kind}: {KINDS[kind]} ({number}{accepted})',
                              report.sentences(kind)))
    bad = report.num_faults(accept)
    if bad:
        total = sum(bad.values())
        parts.append(f"{counted(total, 'fault')}: " + ', '.join(
            f'{number} {kind}' for kind, number in bad.items()))
    else:
        others = ' except accepted ones' if report.num_faults() else ''
        parts.append(f'no faults{others}')
    return '\n\n'.join(filter(None, parts))


def _listing(head: str, lines: Sequence[str]) -> str:
    more = [f'... and {len(lines) - _LINES} more'] if lines[_LINES:] else []
    return '\n  '.join([head, *map(printable, lines[:_LINES]), *more])
