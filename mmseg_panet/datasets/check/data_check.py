"""All checks of the data of a config."""
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from mmengine.config import Config

from ..benchmarks.published import PUBLISHED, differences
from ..class_index import Fault
from ..episode_rules import images_showing
from ..folds import hold_out
from .checked_pool import CheckedPool, overlaps, unused_masks
from .report import NOTE, DataReport
from .stage import Stage, check_stages

_NAMES = 5
"""Maximum number of names that a message lists."""


def check_data(cfg: Config, decode: bool = False) -> DataReport:
    """Check the data of a config, and collect all faults.

    Args:
        cfg (Config): Config with an ``EpisodicDataset`` for training,
            validation or the test.
        decode (bool): Whether to decode the images completely, and not only
            their headers. Defaults to False.

    Returns:
        DataReport: All faults; the first one does not end the search.

    Raises:
        InputError: If the config itself cannot be used.
    """
    stages, found = check_stages(cfg, decode)
    pools = list(dict.fromkeys(stage.pool for stage in stages))
    trainings, tests = (
        [stage for stage in stages if stage.name.startswith(name)]
        for name in ('training', 'test'))
    trained_on = list(dict.fromkeys(stage.pool for stage in trainings))
    for pool in pools:
        found += _check_images(pool)
        if pool not in trained_on:
            for other in trained_on:
                found += overlaps(other, pool)
    masks = sorted({mask for pool in pools for mask in unused_masks(pool)})
    if masks:
        found.append(Fault(
            NOTE, f'{len(masks)} masks have no image: {_some(masks)}'))
    for stage in stages:
        found += [
            *_check_folds(stage), *_check_few(stage), *_check_counts(stage)]
    for training in trainings:
        found += _check_leak(training, tests[0] if tests else None)
        for test in tests:
            found += _check_shared(training, test)
    if stages and not decode:
        found.append(Fault(NOTE, (
            'only the headers of the images were read; --decode reads the '
            'complete images')))
    return DataReport(
        [pool.summary() for pool in pools], _class_table(stages),
        # Two stages may find the same fault.
        _count_table(stages), list(dict.fromkeys(found)))


def _check_images(pool: CheckedPool) -> Iterator[Fault]:
    yield from pool.faults
    empty = np.flatnonzero(~pool.has_class.any(1) & (pool.index.areas > 0))
    if len(empty):
        yield Fault(NOTE, (
            f'{pool.name}: {len(empty)} images show no class: '
            + _some([Path(pool.paths[i]).name for i in empty])))
    for name, times in Counter(pool.classes).items():
        if times > 1:
            yield Fault('classes', (
                f"{pool.name}: the data set has the class '{name}' {times} "
                'times; give every id a different name'))


def _check_folds(stage: Stage) -> Iterator[Fault]:
    """Find classes that are in only one of the folds and the data set."""
    pool = stage.pool
    in_folds = [name for names in stage.rules.all_folds for name in names]
    for name, times in Counter(in_folds).items():
        if times > 1:
            yield Fault('classes', (
                f"class '{name}' is {times} times in the folds: it would be "
                'base and novel; list it once'))
    wanted = in_folds or stage.rules.classes
    lacking = sorted(set(wanted) - set(pool.classes))
    if lacking:
        yield Fault('classes', (
            f'{pool.name}: the data set lacks {lacking}, which the config '
            f'samples; it has {pool.classes}'))
    rest = [name for name in pool.names if name not in wanted]
    if in_folds and rest:
        yield Fault(NOTE, (
            f'{pool.name}: {len(rest)} classes are in no fold and never '
            f'sampled: {_some(rest)}'))


def _check_few(stage: Stage) -> Iterator[Fault]:
    rules, pool = stage.rules, stage.pool
    folds = defaultdict(list)
    for in_fold in rules.in_all_folds():
        found = in_fold.images_of(pool.classes, pool.index, rules.min_area)
        for name, images in found.items():
            if len(images) < rules.images_needed:
                folds[name, len(images)].append(str(in_fold.fold))
    for (name, count), where in folds.items():
        of_folds = rules.fold is not None and (
            f" as a {rules.split} class of fold {', '.join(where)}")
        remedy = count == 0 and pool.index.absence_remedy(
            pool.classes.index(name), name)
        yield Fault('few', (
            f"class '{name}' has {count} images in which it covers at least "
            f"{rules.least_area} for {stage.name}{of_folds or ''}, but "
            f'{rules.needs}; '
            f'{remedy or "add images, or lower these or min_area"}'))


def _check_leak(training: Stage, test: Stage | None) -> Iterator[Fault]:
    """Find images of base training that show novel classes of any fold."""
    pool = training.pool
    for rules in training.rules.in_all_folds():
        novel, fold = set(rules.novel_classes), f'fold {rules.fold}: '
        if rules.fold is None:
            novel, fold = set(test.rules.classes if test else ()), ''
        sampled = {image for name in rules.classes if name in pool.classes
                   for image in training.images_of(name)}
        showing = images_showing(
            novel - set(rules.classes), pool.classes, pool.index)
        names = [Path(pool.paths[i]).name for i in showing if i in sampled]
        if not names:
            continue
        many = f'{fold}{len(names)} images of base training show novel classes'
        yield {
            'drop': Fault(NOTE, f'{many} and are excluded'),
            'ignore': Fault(NOTE, f'{many}, whose pixels are ignored'),
            'background': Fault('leak', (
                f'{many} as background: {_some(names)}; give the training '
                "folds and novel_pixels='drop' or 'ignore'")),
        }[rules.novel_pixels]


def _check_shared(training: Stage, test: Stage) -> Iterator[Fault]:
    """Find data and classes that training and test have in common."""
    if training.pool is test.pool:
        yield Fault(
            NOTE, 'training and test sample from the same data set')
    both = [name for name in test.rules.classes
            if name in training.rules.classes]
    folds = training.rules.all_folds
    if both and folds and not hold_out(folds):
        yield Fault(NOTE, (
            f'the folds hold no class out, so that {both} are trained on and '
            'tested: a result says nothing about new classes'))
    elif both:
        yield Fault('classes', (
            f'training and test sample the same classes {both}: the classes '
            'of the test must not be trained on; set the same fold for both '
            '(--fold), or other classes'))


def _class_table(stages: Sequence[Stage]) -> list[Sequence[str]]:
    """Count the images of every class for each stage over all folds."""
    folds = {
        name: str(fold) for stage in stages
        for fold, novel in enumerate(stage.rules.all_folds) for name in novel}
    counts = [
        {name: str(len(stage.images_of(name))) for name in stage.pool.names}
        for stage in stages]
    rows = [
        (name, *(column.get(name, '-') for column in (folds, *counts)))
        for name in dict.fromkeys(chain(*counts))]
    head = ('images of class', 'fold', *(
        f'{stage.name} >= {stage.rules.least_area}' for stage in stages))
    return [head, *rows] if rows else []


def _count_table(stages: Sequence[Stage]) -> list[Sequence[str]]:
    """List the published counts beside those of the data."""
    rows = dict.fromkeys(
        (f'{benchmark}, {name}', str(PUBLISHED[benchmark][name]), str(count))
        for benchmark, counts in map(_published_counts, stages)
        for name, count in counts.items())
    return [('count', 'published', 'here'), *rows] if rows else []


def _published_counts(stage: Stage) -> tuple[str, dict[str, int]]:
    """Compute the counts of a stage that its benchmark has published.

    Returns:
        tuple[str, dict[str, int]]: A key of :data:`PUBLISHED`, and counts by
        the same names; no counts for other data sets.
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


def _check_counts(stage: Stage) -> Iterator[Fault]:
    """Find the counts that differ from the published ones."""
    benchmark, counts = _published_counts(stage)
    for sentence in differences(benchmark, counts):
        yield Fault('counts', sentence)
    if benchmark == 'fss-1000':
        sizes = Counter(Path(path).parent for path in stage.pool.paths)
        expected = PUBLISHED[benchmark]['images of a class']
        for folder, size in sizes.items():
            if size != expected:
                yield Fault('counts', (
                    f'{folder} has {size} images, {benchmark} as published '
                    f'has {expected}'))


def _some(names: Sequence[str]) -> str:
    more = f' and {len(names) - _NAMES} more' if names[_NAMES:] else ''
    return ', '.join(names[:_NAMES]) + more
