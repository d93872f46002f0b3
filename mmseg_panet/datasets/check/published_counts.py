"""Numbers of images: of every class, and those that are published."""
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..benchmarks.fss import FSSDataset
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
    names = dict.fromkeys(
        stage.pool.classes[i] for stage in stages
        for i in stage.pool.real_ids)
    fold_of = {
        name: str(fold) for stage in stages
        for fold, novel in enumerate(stage.rules.all_folds) for name in novel}
    rows = [
        (name, fold_of.get(name, '-'), *(
            str(len(stage.images_of(name))) if name in stage.pool.classes
            else '-' for stage in stages))
        for name in names]
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
    pool, folds = stage.pool, stage.rules.folds
    images = len(pool.paths)
    ann_file = Path(getattr(pool.dataset, 'ann_file', ''))
    benchmark, counts = '', {}
    if isinstance(pool.dataset, FSSDataset):
        benchmark = 'fss-1000'
        counts = {f'classes in {ann_file.name}': len(pool.real_ids)}
    elif str(folds).startswith('coco-20i'):
        benchmark = 'coco-20i'
        counts = {f'{part} images': images for part in ann_file.parts}
    elif folds == 'pascal-5i' and 'training' in pool.name:
        benchmark, counts = folds, {'training images': images}
    elif folds == 'pascal-5i':
        benchmark, counts = folds, {'validation images': images} | {
            f'image-class pairs of fold {fold}': sum(
                len(images_showing([name], pool.classes, pool.index))
                for name in names)
            for fold, names in enumerate(stage.rules.all_folds)}
    return benchmark, {
        name: count for name, count in counts.items()
        if name in PUBLISHED[benchmark]}


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
