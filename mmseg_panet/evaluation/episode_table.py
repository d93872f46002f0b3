"""The table of the pixel counts of all episodes of a test."""
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..archive import check_unpacked_size
from ..errors import InputError
from ..files import write_arrays
from .iou import EpisodeCounts


@dataclass(frozen=True, eq=False)
class EpisodeTable:
    """The pixel counts of E episodes with W ways; all arrays are int64.

    Attributes:
        runs (np.ndarray): Run of each episode, (E,).
        episodes (np.ndarray): Index of each episode in its run, (E,).
        class_ids (np.ndarray): Class of each way, (E, W).
        intersection (np.ndarray): Pixels in the intersection of prediction
            and ground truth, (E, W + 2): of every way, then of the foreground
            and of the background.
        union (np.ndarray): Pixels in the union, (E, W + 2), in the same
            order.
    """

    runs: np.ndarray
    episodes: np.ndarray
    class_ids: np.ndarray
    intersection: np.ndarray
    union: np.ndarray

    @classmethod
    def from_counts(cls, counts: Sequence[EpisodeCounts]) -> 'EpisodeTable':
        """Make a table of the counts of single episodes.

        Args:
            counts (Sequence[EpisodeCounts]): Counts of at least one episode,
                all with W ways, in any order.

        Returns:
            EpisodeTable: Table in the order of run and episode, which does
            not depend on the number of processes.
        """
        counts = sorted(counts, key=lambda c: (c.run, c.episode))
        columns = zip(*(vars(c).values() for c in counts), strict=True)
        return cls(*(np.array(column, np.int64) for column in columns))

    def counts(self, class_ids: Sequence[int]) -> np.ndarray:
        """Arrange the counts by class instead of by way.

        Args:
            class_ids (Sequence[int]): Ids of C classes, which include all
                classes of the table.

        Returns:
            np.ndarray: Intersections and unions, (E, 2, C + 2) int64: of
            every class, or 0 if an episode does not have it, then of the
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

    def of_classes(self, class_ids: Sequence[int]) -> 'EpisodeTable':
        """Select some classes of a table whose episodes have the same ways.

        Args:
            class_ids (Sequence[int]): Ids of C classes of the table.

        Returns:
            EpisodeTable: Table with C ways. The counts of foreground and
            background remain those of all classes.
        """
        ways = self.class_ids[0].tolist()
        columns = [ways.index(class_id) for class_id in class_ids]
        return EpisodeTable(
            self.runs, self.episodes, self.class_ids[:, columns],
            *(counts[:, [*columns, -2, -1]]
              for counts in (self.intersection, self.union)))

    def write(self, path: str | Path) -> None:
        """Write the table to a file; equal tables give equal bytes.

        Args:
            path (str | Path): Path of the file, which ends in '.npz'.
        """
        write_arrays(Path(path), **asdict(self))

    @classmethod
    def read(cls, path: str | Path) -> 'EpisodeTable':
        """Read a table from a file.

        Args:
            path (str | Path): Path of a file of :meth:`write`.

        Raises:
            InputError: If the file is missing, damaged or of another kind.
        """
        try:
            check_unpacked_size(path)
            with np.load(path, allow_pickle=False) as arrays:
                table = cls(**arrays)
            num_episodes, num_ways = table.class_ids.shape
        except Exception as error:  # noqa: BLE001 any damage
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
        over, under = table.intersection, table.union
        if ((over < 0) | (over > under)).any():
            row = int(np.argwhere((over < 0) | (over > under))[0, 0])
            raise InputError(
                f'{path} is not an episode table: expected intersections '
                f'from 0 to their unions, got {over[row].tolist()} and '
                f'{under[row].tolist()} in row {row}; test again')
        return table
