"""The lists that explain the saved predictions of episodes."""
import csv
import io
from collections.abc import Sequence
from pathlib import Path

from ..annotations.class_list import BACKGROUND, ClassList, write_class_list
from ..files import write_lines
from .iou import EpisodeCounts


def write_prediction_lists(folder: Path, episodes: Sequence[EpisodeCounts],
                           classes: Sequence[str]) -> None:
    """Write the meaning of the labels to a folder of predictions.

    ``classes.txt`` has the names of the labels, which are the ways of an
    episode. As each episode has other classes, ``ways.csv`` has the class of
    each way of each episode.

    Args:
        folder (Path): Folder of the predictions.
        episodes (Sequence[EpisodeCounts]): Counts of all episodes.
        classes (Sequence[str]): Names of the classes of the data set, by id.
    """
    ways = max(len(episode.class_ids) for episode in episodes)
    write_class_list(folder, ClassList(
        [BACKGROUND, *(f'way {way}' for way in range(1, 1 + ways))], {}))
    table = io.StringIO()
    rows = csv.writer(table, lineterminator='\n')
    rows.writerow(['run', 'episode', 'way', 'class'])
    for episode in sorted(episodes, key=lambda one: (one.run, one.episode)):
        for way, class_id in enumerate(episode.class_ids, start=1):
            rows.writerow(
                [episode.run, episode.episode, way, classes[class_id]])
    write_lines(folder / 'ways.csv', table.getvalue().splitlines())
