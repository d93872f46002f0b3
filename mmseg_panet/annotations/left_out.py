"""Objects of annotation files that are not read."""
from collections import Counter

from ..files import StrPath
from ..notices import warn
from ..wording import counted


class LeftOut:
    """A count of what is left out of a source, for one warning.

    Args:
        source (str | os.PathLike): The source, for the warning.
        remedy (str): End of the warning: what is read instead.
    """

    def __init__(self, source: StrPath, remedy: str) -> None:
        self._source = source
        self._remedy = remedy
        self._kinds: Counter[str] = Counter()
        self._first = ''

    def add(self, kind: str, where: str) -> None:
        """Count an object.

        Args:
            kind (str): Noun for the warning, with a plural in 's'.
            where (str): The place of the object.
        """
        self._first = self._first or where
        self._kinds[kind] += 1

    def warn(self) -> None:
        """Warn once of all that was left out, if anything was."""
        if self._kinds:
            what = ', '.join(
                counted(number, kind) for kind, number in self._kinds.items())
            warn(f'{self._source}: left out {what}, the first at '
                 f'{self._first}; {self._remedy}')
