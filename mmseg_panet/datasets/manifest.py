"""The file that lists every episode of an evaluation."""
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .image_pool import ImagePool
from .sampling import Episode

FORMAT = 'mmseg_panet episodes, version 1'

_NUMBERS = {'num_ways', 'num_shots', 'num_queries', 'num_runs',
            'num_episodes'}
_HEADER = _NUMBERS | {
    'protocol', 'dataset', 'pool', 'fold', 'classes', 'class_ids', 'seeds',
    'num_images', 'index_sha256'}


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
        lacking = _HEADER - set(header)
        if lacking:
            raise ValueError(f'it lacks {sorted(lacking)}')
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
    _check_header(path, header, pool)
    number = {name: i for i, name in enumerate(pool.image_ids)}
    episodes = []
    with open(path, encoding='utf-8') as file:
        next(file)
        for line_number, line in enumerate(file, start=2):
            try:
                episodes.append(
                    _read_episode(json.loads(line), header, number, pool))
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


def _check_header(path: str | Path, header: dict, pool: ImagePool) -> None:
    numbers = [header[name] for name in sorted(_NUMBERS)]
    fits = (
        all(type(number) is int and number > 0 for number in numbers)
        and type(header['seeds']) is list
        and len(header['seeds']) == header['num_runs']
        and [pool.classes.index(name) if name in pool.classes else None
             for name in header['classes']] == header['class_ids'])
    if not fits:
        raise InputError(
            f'{path}, line 1: expected numbers of 1 or more, a seed for every '
            'run and the classes of this data set with their ids; it was '
            'changed: write the manifest anew')


def _read_episode(line: dict[str, Any], header: dict,
                  number: dict[str, int], pool: ImagePool) -> Episode:
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
    ways = header['num_ways']
    shape = [len(shots) for shots in episode.supports]
    if (shape != [header['num_shots']] * ways
            or len(set(episode.class_ids)) != ways
            or not set(episode.class_ids) <= set(header['class_ids'])
            or len(set(episode.queries)) != header['num_queries']
            or len(episode.query_ways) != header['num_queries']
            or not set(episode.query_ways) <= set(range(1, 1 + ways))):
        raise ValueError('not the ways, shots and queries of the header')
    supports = {i for shots in episode.supports for i in shots}
    if supports & set(episode.queries):
        raise ValueError('a query that is a support as well')
    return episode
