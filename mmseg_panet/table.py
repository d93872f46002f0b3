"""Tables as text."""
from collections.abc import Collection, Sequence

from rich.console import Console
from rich.table import Table


def format_table(rows: Sequence[Sequence[str]],
                 left: Collection[int] = (0,)) -> str:
    """Align the cells of a table.

    Args:
        rows (Sequence[Sequence[str]]): Cells, the head first.
        left (Collection[int]): Columns that are aligned to the left; the
            others are aligned to the right. Defaults to (0,).

    Returns:
        str: Lines without colours; no cell is cut.
    """
    head, *body = rows
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for i, title in enumerate(head):
        table.add_column(
            title, justify='left' if i in left else 'right', no_wrap=True)
    for row in body:
        table.add_row(*row)
    # Wider than any table, and a class may be called '[cat]' or ':cat:'.
    console = Console(
        width=100_000, color_system=None, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return '\n'.join(
        line.rstrip() for line in capture.get().removesuffix('\n').split('\n'))
