"""Tables in plain text and as CSV."""
import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence

from rich.console import Console
from rich.table import Table

from .wording import printable

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""The start of a cell that spreadsheets compute, or that looks escaped."""
_NUMBER = re.compile(r'[+-]?\d+(\.\d+)?(e[+-]?\d+)?', re.IGNORECASE)


def format_table(rows: Sequence[Sequence[str]],
                 left: Collection[int] = (0,)) -> str:
    r"""Format a table with aligned columns.

    Args:
        rows (Sequence[Sequence[str]]): Rows of cells, the header first.
        left (Collection[int]): Indices of the columns to align to the left;
            the others are aligned to the right. Defaults to (0,).

    Returns:
        str: Lines of plain text without colours. No cell is truncated, and
        names are :func:`printable`.

    Example:
        >>> print(format_table([('class', 'IoU'), ('cat', '7.5')]))
        class  IoU
        cat    7.5
    """
    head, *body = rows
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for i, title in enumerate(head):
        table.add_column(
            printable(title), justify='left' if i in left else 'right',
            no_wrap=True)
    for row in body:
        table.add_row(*map(printable, row))
    # The width exceeds that of any table. Markup and emoji are off because a
    # class may be named '[cat]' or ':cat:'.
    console = Console(
        width=100_000, color_system=None, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return '\n'.join(
        line.rstrip() for line in capture.get().removesuffix('\n').split('\n'))


def csv_line(cells: Iterable[object]) -> str:
    """Format a line of a CSV file, in which no cell is a formula.

    A spreadsheet computes a cell that begins with =, +, - or @, also after a
    tab or a carriage return, if it is no number. Such a cell gets an
    apostrophe in front. So does one that begins with apostrophes and then
    such a character: a reader removes one apostrophe from each of both.
    Names are :func:`printable`.

    Args:
        cells (Iterable[object]): Cells of the line; None is empty.

    Returns:
        str: The line without a line break.

    Example:
        >>> print(csv_line(['=1+1', -1.5, 'a, b', '-2', None]))
        '=1+1,-1.5,"a, b",-2,
    """
    line = io.StringIO()
    csv.writer(line, lineterminator='').writerow(map(_safe_cell, cells))
    return line.getvalue()


def _safe_cell(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    is_formula = _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return "'" * bool(is_formula) + printable(cell)
