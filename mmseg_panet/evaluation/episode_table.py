"""The counts of every episode of a test, as arrays and as a file."""
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import write_arrays
from .iou import EpisodeCounts


@dataclass(frozen=True, eq=False)
class EpisodeTable:
    """Pixels of E episodes of W ways, all int64.

    Attributes:
        runs (np.ndarray): (E,), the run of each episode.
        episodes (np.ndarray): (E,), its index in the run.
        class_ids (np.ndarray): (E, W), the class of each way.
        intersection (np.ndarray): (E, W + 2): of every way, then of the
            foreground and of the background.
        union (np.ndarray): (E, W + 2), likewise.
    """

    runs: np.ndarray
    episodes: np.ndarray
    class_ids: np.ndarray
    intersection: np.ndarray
    union: np.ndarray

    @classmethod
    def from_counts(cls, counts: Sequence[EpisodeCounts]) -> 'EpisodeTable':
        """Gather the episodes of a test.

        Args:
            counts (Sequence[EpisodeCounts]): At least one, all of W ways, in
                any order.

        Returns:
            EpisodeTable: In the order of run and episode, so that it does
            not depend on how many processes counted.
        """
        counts = sorted(counts, key=lambda c: (c.run, c.episode))
        columns = zip(*(vars(c).values() for c in counts), strict=True)
        return cls(*(np.array(column, np.int64) for column in columns))

    def counts(self, class_ids: Sequence[int]) -> np.ndarray:
        """Give every class a place of its own.

        Args:
            class_ids (Sequence[int]): C classes, all of the table's among
                them.

        Returns:
            np.ndarray: (E, 2, C + 2) int64, intersections and unions: of
            every class, 0 where an episode has it not, then of the
            foreground and of the background.
        """
        column = {class_id: i for i, class_id in enumerate(class_ids)}
        columns = [[column[c] for c in row] + [-2, -1]
                   for row in self.class_ids.tolist()]
        rows = np.arange(len(self.runs))[:, None]
        counts = np.zeros((len(rows), 2, len(class_ids) + 2), np.int64)
        counts[rows, 0, columns] = self.intersection
        counts[rows, 1, columns] = self.union
        return counts

    def write(self, path: str | Path) -> None:
        """Write the table; equal tables give equal bytes.

        Args:
            path (str | Path): The file, ending in '.npz'.
        """
        write_arrays(Path(path), **asdict(self))

    @classmethod
    def read(cls, path: str | Path) -> 'EpisodeTable':
        """Read a table.

        Args:
            path (str | Path): A file of :meth:`write`.

        Raises:
            InputError: If it is missing, damaged or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                table = cls(**arrays)
            num_episodes, num_ways = table.class_ids.shape
        except Exception as error:  # noqa: BLE001 any bytes, any exception
            raise InputError(
                f'{path} is not a complete episode table ({error!r}); '
                '`mmseg-panet test --out` writes one beside its result'
            ) from error
        shapes = [(num_episodes,)] * 2 + [(num_episodes, num_ways)]
        shapes += [(num_episodes, num_ways + 2)] * 2
        found = [f'{a.dtype} {a.shape}' for a in vars(table).values()]
        if not num_episodes or found != [f'int64 {one}' for one in shapes]:
            raise InputError(
                f'{path} is not an episode table: expected int64 arrays (E,), '
                f"(E,), (E, W), (E, W + 2), (E, W + 2), got {', '.join(found)}"
                '; `mmseg-panet test --out` writes one beside its result')
        return table
