"""Tables in plain text."""
from collections.abc import Collection, Sequence

from rich.console import Console
from rich.table import Table


def format_table(rows: Sequence[Sequence[str]],
                 left: Collection[int] = (0,)) -> str:
    r"""Format a table with aligned columns.

    Args:
        rows (Sequence[Sequence[str]]): Rows of cells, the header first.
        left (Collection[int]): Indices of the columns to align to the left;
            the others are aligned to the right. Defaults to (0,).

    Returns:
        str: Lines of plain text without colours. No cell is truncated.

    Example:
        >>> print(format_table([('class', 'IoU'), ('cat', '7.5')]))
        class  IoU
        cat    7.5
    """
    head, *body = rows
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for i, title in enumerate(head):
        table.add_column(
            title, justify='left' if i in left else 'right', no_wrap=True)
    for row in body:
        table.add_row(*row)
    # The width exceeds that of any table. Markup and emoji are off because a
    # class may be named '[cat]' or ':cat:'.
    console = Console(
        width=100_000, color_system=None, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return '\n'.join(
        line.rstrip() for line in capture.get().removesuffix('\n').split('\n'))
