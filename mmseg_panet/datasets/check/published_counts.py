"""Numbers of images: of every class, and those that are published."""
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..benchmarks.fss import FSSDataset
from ..benchmarks.published import PUBLISHED, differences
from ..class_index import Fault
from .stage import Role


def class_table(roles: Sequence[Role]) -> list[Sequence[str]]:
    """How many images each role can draw of every class, without folds.

    Args:
        roles (Sequence[Role]): The columns.

    Returns:
        list[Sequence[str]]: Rows, the first the head; none without classes.
    """
    names = dict.fromkeys(
        role.pool.classes[i] for role in roles for i in role.pool.real_ids)
    fold_of = {
        name: str(fold) for role in roles
        for fold, novel in enumerate(role.novel) for name in novel}
    rows = [
        (name, fold_of.get(name, '-'), *(
            str(len(role.images_of(name))) if name in role.pool.classes
            else '-' for role in roles))
        for name in names]
    head = ('images of class', 'fold', *(
        f'{role.name} >= {role.least_area}' for role in roles))
    return [head, *rows] if rows else []


def published_counts(role: Role) -> tuple[str, dict[str, int]]:
    """Count what a benchmark has published numbers of.

    Args:
        role (Role): Who draws from the images to count.

    Returns:
        tuple[str, dict[str, int]]: A key of :data:`PUBLISHED`, and counts by
        the names there; '' and none for other data sets.
    """
    pool, folds = role.pool, role.settings['folds']
    num_images = len(pool.paths)
    ann_file = Path(getattr(pool.dataset, 'ann_file', ''))
    if folds == 'pascal-5i':
        if 'training' in pool.name:
            return folds, {'training images': num_images}
        return folds, {
            'validation images': num_images,
            **{f'image-class pairs of fold {fold}': sum(
                len(role.images_showing([name])) for name in names)
               for fold, names in enumerate(role.novel)}}
    if isinstance(folds, str) and folds.startswith('coco-20i'):
        benchmark = 'coco-20i'
        counts = {f'{part} images': num_images for part in ann_file.parts}
    elif isinstance(pool.dataset, FSSDataset):
        benchmark = 'fss-1000'
        counts = {f'classes in {ann_file.name}': len(pool.real_ids)}
    else:
        return '', {}
    return benchmark, {
        name: count for name, count in counts.items()
        if name in PUBLISHED[benchmark]}


def count_table(roles: Sequence[Role]) -> list[Sequence[str]]:
    """What is published beside what is here.

    Args:
        roles (Sequence[Role]): All of a config.

    Returns:
        list[Sequence[str]]: Rows, the first the head; none where nothing is
        published.
    """
    rows = dict.fromkeys(
        (f'{benchmark}, {name}', str(PUBLISHED[benchmark][name]), str(count))
        for benchmark, counts in map(published_counts, roles)
        for name, count in counts.items())
    return [('count', 'published', 'here'), *rows] if rows else []


def check_counts(role: Role) -> Iterator[Fault]:
    """Find the counts that are not the published ones.

    Args:
        role (Role): Who draws from the images to count.
    """
    benchmark, counts = published_counts(role)
    for sentence in differences(benchmark, counts):
        yield Fault('counts', sentence)
    if benchmark == 'fss-1000':
        sizes = Counter(Path(path).parent for path in role.pool.paths)
        expected = PUBLISHED[benchmark]['images of a class']
        for folder, size in sizes.items():
            if size != expected:
                yield Fault('counts', (
                    f'{folder} has {size} images, {benchmark} as published '
                    f'{expected}'))
