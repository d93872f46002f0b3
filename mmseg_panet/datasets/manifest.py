"""The manifest, a file that lists every episode of an evaluation."""
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, product
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import check_regular
from ..json_text import parse_json
from .episode_rules import EpisodeRules
from .image_pool import ImagePool
from .sampling import Episode

FORMAT = 'mmseg_panet episodes, version 1'
_CHANGED = (
    'line 1: expected numbers of 1 or more, a seed for every run and the '
    'classes of this data set with their ids; it was changed: write the '
    'manifest again')


def manifest_lines(rules: EpisodeRules, episodes: Sequence[Episode],
                   pool: ImagePool) -> Iterator[str]:
    """Format the lines of a manifest: a header, then one episode per line.

    Classes and images are listed by name, so that a manifest is independent
    of the path of the data set.

    Args:
        rules (EpisodeRules): Rules by which the episodes were sampled.
        episodes (Sequence[Episode]): All episodes, run by run.
        pool (ImagePool): Images that the episodes index.

    Yields:
        str: Lines of JSON, each with a newline at its end.
    """
    yield json.dumps({'format': FORMAT, **rules.header()}) + '\n'
    names = pool.image_ids
    for one in episodes:
        yield json.dumps(dict(
            seed=one.seed, index=one.index, class_ids=one.class_ids,
            class_names=[pool.classes[c] for c in one.class_ids],
            supports=[[names[i] for i in shots] for shots in one.supports],
            queries=[names[i] for i in one.queries],
            query_ways=one.query_ways)) + '\n'


def read_rules(path: str | Path) -> EpisodeRules:
    """Read the rules from the first line of a manifest.

    Args:
        path (str | Path): Path of the manifest.

    Raises:
        InputError: If the file is missing, is not a manifest, or has a rule
            that is out of its range.
    """
    check_regular(path)
    try:
        with open(path, encoding='utf-8-sig') as file:
            header = parse_json(file.readline())
        if header.pop('format') != FORMAT:
            raise ValueError('another format')
        rules = EpisodeRules.from_header(header)
        _check_types(rules)
    except InputError as error:
        raise InputError(f'{path}, {_CHANGED}') from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InputError(
            f'{path} is not a manifest of episodes ({type(error).__name__}: '
            f'{error}): expected a first line of the format {FORMAT!r}; '
            'write one with `mmseg-panet make-episodes`') from error
    return rules


def read_episodes(path: str | Path, rules: EpisodeRules,
                  pool: ImagePool) -> list[Episode]:
    """Read the episodes of a manifest.

    Args:
        path (str | Path): Path of the manifest.
        rules (EpisodeRules): Rules of the manifest, see :func:`read_rules`.
        pool (ImagePool): Images to look up by name.

    Returns:
        list[Episode]: All episodes, run by run.

    Raises:
        InputError: If the manifest was made from another pool, a line cannot
            be read or has a class or an image that the pool lacks, or
            episodes are missing.
    """
    if rules.index_sha256 != pool.sha256:
        raise InputError(
            f'{path} was made from other images or masks (index '
            f'{rules.index_sha256[:12]}, here {pool.sha256[:12]}); use its '
            f'data set ({rules.dataset}, {rules.num_images} images, pool '
            f'{rules.pool!r}), or write a new manifest')
    if [pool.classes.index(name) if name in pool.classes else None
            for name in rules.classes] != rules.class_ids:
        raise InputError(f'{path}, {_CHANGED}')
    number = {name: i for i, name in enumerate(pool.image_ids)}
    episodes = []
    with open(path, encoding='utf-8-sig') as file:
        next(file)
        for line_number, line in enumerate(file, start=2):
            try:
                episodes.append(
                    _read_episode(parse_json(line), rules, number, pool))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise InputError(
                    f'{path}, line {line_number}: expected an episode of this '
                    f'data set, got {type(error).__name__}: {error}; write '
                    'the manifest again') from error
    # The header may lie, so the expected episodes are counted first.
    if len(episodes) != len(rules.seeds) * rules.num_episodes or any(
            (one.seed, one.index) != expected
            for one, expected in zip(episodes, product(
                rules.seeds, range(rules.num_episodes)), strict=True)):
        raise InputError(
            f'{path} has {len(episodes)} episodes: expected '
            f'{rules.num_episodes} of each of the seeds {rules.seeds}, in '
            'order; it is truncated or was changed: write it again')
    return episodes


def _read_episode(line: dict[str, Any], rules: EpisodeRules,
                  number: dict[str, int], pool: ImagePool) -> Episode:
    names = [pool.classes[c] for c in line['class_ids']]
    if names != line['class_names']:
        raise ValueError(f"classes {line['class_names']}, here {names}")
    episode = Episode(
        line['seed'], line['index'], tuple(line['class_ids']),
        tuple(tuple(number[name] for name in shots)
              for shots in line['supports']),
        tuple(number[name] for name in line['queries']),
        tuple(line['query_ways']))
    ways, queries = rules.num_ways, episode.queries
    if not _are_integers(
            (episode.seed, episode.index, *episode.class_ids,
             *episode.query_ways)):
        raise ValueError('expected seed, index, ids and ways as integers')
    if (len(episode.supports) != ways
            or {len(shots) for shots in episode.supports} != {rules.num_shots}
            or len(set(episode.class_ids)) != ways
            or not set(episode.class_ids) <= set(rules.class_ids)
            or not (len(queries) == len(set(queries))
                    == len(episode.query_ways) == rules.num_queries)
            or not all(0 < way <= ways for way in episode.query_ways)):
        raise ValueError('not the ways, shots and queries of the header')
    if not set(chain(*episode.supports)).isdisjoint(queries):
        raise ValueError('a query that is also a support')
    return episode


def _are_integers(values: Iterable[Any]) -> bool:
    return all(type(value) is int for value in values)


def _check_types(rules: EpisodeRules) -> None:
    """Check the types that a config cannot get wrong, but a manifest can."""
    folds = [] if isinstance(rules.folds, str | None) else rules.folds
    names = [rules.classes, *folds]
    numbers = [
        rules.class_ids, rules.seeds, [rules.num_images, rules.fold or 0]]
    texts = [rules.dataset, rules.index_sha256, rules.protocol or '',
             rules.pool or '', rules.split or '']
    if not (all(isinstance(one, list) for one in chain(names, numbers))
            and all(isinstance(one, str) for one in chain(texts, *names))
            and _are_integers(chain(*numbers)) and min(rules.seeds) >= 0):
        raise InputError('expected names as text, and ids as integers')
