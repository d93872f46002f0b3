"""The file that lists every episode of an evaluation."""
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .episodes import Episode
from .image_pool import ImagePool

FORMAT = 'mmseg_panet episodes, version 1'


def manifest_lines(header: dict, episodes: Sequence[Episode],
                   pool: ImagePool) -> Iterator[str]:
    """The lines of a manifest: a header, then an episode a line.

    Classes and images go by their names, so that a manifest means the same
    wherever the data set lies.

    Args:
        header (dict): What the episodes were drawn from and by which rules.
        episodes (Sequence[Episode]): All of them, run by run.
        pool (ImagePool): The images that they index.
    """
    yield json.dumps({'format': FORMAT, **header}) + '\n'
    for episode in episodes:
        yield json.dumps({
            'seed': episode.seed,
            'index': episode.index,
            'class_ids': episode.class_ids,
            'class_names': [pool.classes[c] for c in episode.class_ids],
            'supports': [[pool.image_ids[i] for i in shots]
                         for shots in episode.supports],
            'queries': [pool.image_ids[i] for i in episode.queries],
            'query_ways': episode.query_ways,
        }) + '\n'


def manifest_sha256(lines: Iterator[str]) -> str:
    """SHA-256 of a manifest, as of the file of its lines."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
    return digest.hexdigest()


def read_header(path: str | Path) -> dict:
    """Read the first line of a manifest, without its format.

    Raises:
        InputError: If the file is missing or no manifest.
    """
    try:
        with open(path, encoding='utf-8') as file:
            header = json.loads(file.readline())
        if header.pop('format') != FORMAT:
            raise ValueError('another format')
        return header
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise InputError(
            f'{path} is no manifest of episodes ({type(error).__name__}: '
            f'{error}): expected a first line of the format {FORMAT!r}; '
            'write one with tools/make_episodes.py') from error


def read_episodes(path: str | Path, header: dict,
                  pool: ImagePool) -> list[Episode]:
    """Read the episodes of a manifest.

    Args:
        path (str | Path): The file.
        header (dict): Its header.
        pool (ImagePool): Where its images are looked up.

    Raises:
        InputError: If the pool is not the one the manifest was made from, a
            line cannot be read or names what the pool has not, or episodes
            are missing.
    """
    if header['index_sha256'] != pool.sha256:
        raise InputError(
            f"{path} was made from other images or masks (index "
            f"{header['index_sha256'][:12]}, here {pool.sha256[:12]}); give "
            f"the data set it names ({header['dataset']}, "
            f"{header['num_images']} images, pool {header['pool']!r}), or "
            'make a new manifest')
    number = {name: i for i, name in enumerate(pool.image_ids)}
    episodes = []
    with open(path, encoding='utf-8') as file:
        next(file)
        for line_number, line in enumerate(file, start=2):
            try:
                episodes.append(_read_episode(json.loads(line), number, pool))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise InputError(
                    f'{path}, line {line_number}: expected an episode of this '
                    f'data set, got {type(error).__name__}: {error}; write '
                    'the manifest anew') from error
    expected = [
        (seed, index) for seed in header['seeds']
        for index in range(header['num_episodes'])]
    if [(episode.seed, episode.index) for episode in episodes] != expected:
        raise InputError(
            f'{path} has {len(episodes)} episodes: expected '
            f"{header['num_episodes']} of each of the seeds "
            f"{header['seeds']}, in order; it is cut short or was changed: "
            'write it anew')
    return episodes


def _read_episode(line: dict[str, Any], number: dict[str, int],
                  pool: ImagePool) -> Episode:
    names = [pool.classes[c] for c in line['class_ids']]
    if names != line['class_names']:
        raise ValueError(f"classes {line['class_names']}, here {names}")
    episode = Episode(
        seed=line['seed'],
        index=line['index'],
        class_ids=tuple(line['class_ids']),
        supports=tuple(
            tuple(number[name] for name in shots)
            for shots in line['supports']),
        queries=tuple(number[name] for name in line['queries']),
        query_ways=tuple(line['query_ways']))
    supports = {i for shots in episode.supports for i in shots}
    if supports & set(episode.queries):
        raise ValueError('a query that is a support as well')
    return episode
