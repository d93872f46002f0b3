"""The summary of an object, for ``repr`` and for notebooks."""
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from .table import format_table
from .wording import counted

_MOST_ITEMS = 12
_LONGEST = 32
"""Letters of a name."""
_LONGEST_FACT = 500


class Summary(NamedTuple):
    """A title, some facts and a small table.

    Attributes:
        title (str): Name of the class of the object.
        facts (Sequence[tuple[str, str]]): What is said, and its value.
        rows (Sequence[Sequence[str]]): Cells of a table, the head first;
            empty for no table.
        picture (str): URL of a picture, which only :meth:`html` shows.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]] = ()
    picture: str = ''

    def text(self) -> str:
        """Write lines of text."""
        width = max((len(name) for name, _ in self.facts), default=0)
        lines = [self.title] + [
            f'  {name:{width}}  {shortened(value, _LONGEST_FACT)}'.rstrip()
            for name, value in self.facts]
        if self.rows:
            table = format_table([
                [shortened(cell) for cell in row] for row in self.rows])
            lines += [f'  {line}'.rstrip() for line in table.splitlines()]
        return '\n'.join(lines)

    def html(self) -> str:
        """Write HTML in which every name is escaped."""
        parts = [f'<div><b>{escape(self.title)}</b>', '<table>']
        left = 'style="text-align:left"'
        parts += [
            f'<tr><th {left}>{escape(name)}</th><td {left}>'
            f'{escape(shortened(value, _LONGEST_FACT))}</td></tr>'
            for name, value in self.facts]
        parts.append('</table>')
        if self.rows:
            head, *body = self.rows
            parts.append('<table>')
            for tag, rows in (('th', [head]), ('td', body)):
                for row in rows:
                    parts.append('<tr>' + ''.join(
                        f'<{tag}>{escape(shortened(cell))}</{tag}>'
                        for cell in row) + '</tr>')
            parts.append('</table>')
        if self.picture:
            parts.append(f'<img src="{escape(self.picture)}" alt="overlay">')
        return ''.join([*parts, '</div>'])


def listed(items: Iterable[str], total: int) -> str:
    """List the first of some items, and say how many more there are.

    Args:
        items (Iterable[str]): May be longer than what is listed.
        total (int): How many there are.
    """
    first = [shortened(one, 2 * _LONGEST) for _, one in zip(
        range(_MOST_ITEMS), items, strict=False)]
    more = f' and {total - len(first)} more' if total > len(first) else ''
    return ', '.join(first) + more


def listed_examples(numbers: Mapping[str, int]) -> str:
    """List classes with their numbers of examples."""
    if not numbers:
        return 'none'
    return f'{len(numbers)}: ' + listed(
        (f"{shortened(name)} ({counted(number, 'example')})"
         for name, number in numbers.items()), len(numbers))


def format_examples(numbers: Sequence[int]) -> str:
    """Format the numbers of classes and examples.

    Args:
        numbers (Sequence[int]): Numbers of examples of the classes.

    Example:
        >>> format_examples([2, 2, 2])
        '3 classes with 2 examples each'
        >>> format_examples([1, 5])
        '2 classes with 1 to 5 examples each'
    """
    few, most = min(numbers), max(numbers)
    classes = counted(len(numbers), 'class', 'classes')
    span = '' if few == most else f'{few} to '
    each = ' each' * (len(numbers) > 1)
    return f"{classes} with {span}{counted(most, 'example')}{each}"


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Shorten text to a line of at most so many letters."""
    text = ''.join(
        letter if letter.isprintable() else ' ' for letter in text)
    return text if len(text) <= longest else text[:longest - 1] + '\u2026'
