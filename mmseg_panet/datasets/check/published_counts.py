"""Numbers of images: of every class, and those that are published."""
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from ..benchmarks.published import PUBLISHED, differences
from ..class_index import Fault
from ..episode_rules import images_showing
from .stage import Stage


def class_table(stages: Sequence[Stage]) -> list[Sequence[str]]:
    """Count the images of every class for each stage, without folds.

    Args:
        stages (Sequence[Stage]): The columns.

    Returns:
        list[Sequence[str]]: Rows, the first the head; none without classes.
    """
    columns = [
        {name: str(len(stage.images_of(name))) for name in stage.pool.names}
        for stage in stages]
    fold_of = {
        name: str(fold) for stage in stages
        for fold, novel in enumerate(stage.rules.all_folds) for name in novel}
    rows = [
        (name, fold_of.get(name, '-'), *(
            column.get(name, '-') for column in columns))
        for name in dict.fromkeys(chain(*columns))]
    head = ('images of class', 'fold', *(
        f'{stage.name} >= '
        + stage.rules.least_area.removesuffix(' of the image')
        for stage in stages))
    return [head, *rows] if rows else []


def published_counts(stage: Stage) -> tuple[str, dict[str, int]]:
    """Count what a benchmark has published numbers of.

    Args:
        stage (Stage): With the images to count.

    Returns:
        tuple[str, dict[str, int]]: A key of :data:`PUBLISHED`, and counts by
        the names there; '' and none for other data sets.
    """
    pool = stage.pool
    ann_file = Path(getattr(pool.dataset, 'ann_file', ''))
    part = 'training' if 'training' in pool.name else 'validation'
    benchmark = getattr(pool.dataset, 'benchmark', str(
        stage.rules.folds).removesuffix('-contiguous'))
    counts = {f'classes in {ann_file.name}': len(pool.names)} | {
        f'{name} images': len(pool.paths) for name in (part, *ann_file.parts)}
    for fold, names in enumerate(stage.rules.all_folds):
        if part == 'validation':
            counts[f'image-class pairs of fold {fold}'] = sum(
                len(images_showing([name], pool.classes, pool.index))
                for name in names)
    return benchmark, {
        name: count for name, count in counts.items()
        if name in PUBLISHED.get(benchmark, ())}


def count_table(stages: Sequence[Stage]) -> list[Sequence[str]]:
    """Put what is published beside what is here.

    Args:
        stages (Sequence[Stage]): All of a config.

    Returns:
        list[Sequence[str]]: Rows, the first the head; none where nothing is
        published.
    """
    rows = dict.fromkeys(
        (f'{benchmark}, {name}', str(PUBLISHED[benchmark][name]), str(count))
        for benchmark, counts in map(published_counts, stages)
        for name, count in counts.items())
    return [('count', 'published', 'here'), *rows] if rows else []


def check_counts(stage: Stage) -> Iterator[Fault]:
    """Find the counts that are not the published ones.

    Args:
        stage (Stage): With the images to count.
    """
    benchmark, counts = published_counts(stage)
    for sentence in differences(benchmark, counts):
        yield Fault('counts', sentence)
    if benchmark == 'fss-1000':
        sizes = Counter(Path(path).parent for path in stage.pool.paths)
        expected = PUBLISHED[benchmark]['images of a class']
        for folder, size in sizes.items():
            if size != expected:
                yield Fault('counts', (
                    f'{folder} has {size} images, {benchmark} as published '
                    f'{expected}'))
