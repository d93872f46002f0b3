"""The folder of the saved predictions of episodes, and its lists."""
import re
from collections.abc import Sequence
from pathlib import Path

from ..annotations.class_list import (
    BACKGROUND,
    CLASS_LIST,
    ClassList,
    write_class_list,
)
from ..errors import InputError
from ..files import StrPath, write_lines
from ..table import csv_line
from .iou import EpisodeCounts

_WAY_LIST = 'ways.csv'
_COLUMNS = ['run', 'episode', 'way', 'class']


def prediction_name(run: int, episode: int, query: int) -> str:
    """Return the file name of the prediction of a query.

    Args:
        run (int): Run of the episode.
        episode (int): Index of the episode in its run.
        query (int): Index of the query in its episode.
    """
    return f'{run}-{episode:05d}-{query}.png'


def check_prediction_folder(folder: StrPath) -> None:
    """Refuse a folder whose ``classes.txt`` is not that of predictions.

    Args:
        folder (str | os.PathLike): Folder for predictions. It need not exist.

    Raises:
        InputError: If the folder has a ``classes.txt``, but no ``ways.csv``.
    """
    folder = Path(folder)
    if (folder / CLASS_LIST).exists() and not (folder / _WAY_LIST).is_file():
        raise InputError(
            f'expected a new folder or one of earlier predictions, got '
            f'{folder}, whose {CLASS_LIST} would be replaced; choose another '
            'folder')


def clear_predictions(folder: StrPath) -> None:
    """Remove the predictions of an earlier test, and mark the folder.

    Only files with the name of a prediction are removed, and only from a
    folder with a ``ways.csv``. The folder then has a ``ways.csv`` without an
    episode, so that the predictions of a test that is interrupted are removed
    by the next one.

    Args:
        folder (str | os.PathLike): Folder for predictions, which is created.
    """
    folder = Path(folder)
    if (folder / _WAY_LIST).is_file():
        for path in list(folder.iterdir()):
            if re.fullmatch(r'[0-9]+-[0-9]{5,}-[0-9]+\.png', path.name):
                path.unlink()
    write_lines(folder / _WAY_LIST, [csv_line(_COLUMNS)])


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
    rows = [
        [episode.run, episode.episode, way, classes[class_id]]
        for episode in sorted(
            episodes, key=lambda one: (one.run, one.episode))
        for way, class_id in enumerate(episode.class_ids, start=1)]
    write_lines(folder / _WAY_LIST, [csv_line(_COLUMNS), *map(csv_line, rows)])
