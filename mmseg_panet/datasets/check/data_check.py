"""The checks of the data of a config, one after the other."""
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config

from ..class_index import Fault
from ..episode_rules import images_showing
from .checked_pool import CheckedPool, overlaps, unused_masks
from .published_counts import check_counts, class_table, count_table
from .report import NOTE, DataReport
from .stage import Stage, check_stages

_NAMES = 5
"""Names in a sentence about many."""


def check_data(cfg: Config, decode: bool = False) -> DataReport:
    """Look for all that can be wrong with the data of a config.

    Args:
        cfg (Config): With an ``EpisodicDataset`` for training, validation or
            the test.
        decode (bool): Whether images are decoded completely, not their
            headers only. Defaults to False.

    Returns:
        DataReport: All that was found; no fault ends the search.

    Raises:
        InputError: If the config itself cannot be used.
    """
    stages, found = check_stages(cfg, decode)
    pools = list(dict.fromkeys(stage.pool for stage in stages))
    by_name = {stage.name: stage for stage in stages}
    training, test = by_name.get('training'), by_name.get('test')
    for pool in pools:
        found += _check_images(pool)
        if training and pool is not training.pool:
            found += overlaps(training.pool, pool)
    masks = sorted({mask for pool in pools for mask in unused_masks(pool)})
    if masks:
        found.append(Fault(
            NOTE, f'{len(masks)} masks are of no image: {_some(masks)}'))
    for stage in stages:
        found += [
            *_check_folds(stage), *_check_few(stage), *check_counts(stage)]
    if training:
        found += _check_leak(training, test)
        if test:
            found += _check_shared(training, test)
    if stages and not decode:
        found.append(Fault(NOTE, (
            'only the headers of the images were read; --decode reads all')))
    return DataReport(
        [pool.summary() for pool in pools], class_table(stages),
        # Two stages may find the same.
        count_table(stages), list(dict.fromkeys(found)))


def _check_images(pool: CheckedPool) -> Iterator[Fault]:
    yield from pool.faults
    empty = np.flatnonzero(~pool.shown.any(1) & (pool.index.areas > 0))
    if len(empty):
        yield Fault(NOTE, (
            f'{pool.name}: {len(empty)} images show no class: '
            + _some([Path(pool.paths[i]).name for i in empty])))
    for name, times in Counter(pool.classes).items():
        if times > 1:
            yield Fault('classes', (
                f"{pool.name}: the data set names class '{name}' {times} "
                'times; give every id its own name'))


def _check_folds(stage: Stage) -> Iterator[Fault]:
    """Find classes that the folds and the data set do not share."""
    pool = stage.pool
    in_folds = [name for names in stage.rules.all_folds for name in names]
    for name, times in Counter(in_folds).items():
        if times > 1:
            yield Fault('classes', (
                f"class '{name}' is {times} times in the folds: it would be "
                'base and novel; name it once'))
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
        of_folds = rules.split and (
            f" as a {rules.split} class of fold {', '.join(where)}")
        yield Fault('few', (
            f"class '{name}' has {count} images of which it covers at least "
            f"{rules.least_area} for {stage.name}{of_folds or ''}, but "
            f'{rules.needs}; add images, or lower min_area, num_shots or '
            'num_queries'))


def _check_leak(training: Stage, test: Stage | None) -> Iterator[Fault]:
    """Find images of base training that show novel classes, in any fold."""
    pool = training.pool
    for rules in training.rules.in_all_folds():
        novel, of_fold = rules.novel_classes, f'fold {rules.fold}: '
        if rules.fold is None:
            novel, of_fold = list(test.rules.classes) if test else [], ''
        sampled = {image for name in rules.classes if name in pool.classes
                   for image in training.images_of(name)}
        leaked = [
            Path(pool.paths[image]).name for image in images_showing(
                set(novel) - set(rules.classes), pool.classes, pool.index)
            if image in sampled]
        if not leaked:
            continue
        many = (
            f'{of_fold}{len(leaked)} images of base training show novel '
            'classes')
        yield {
            'drop': Fault(NOTE, f'{many} and are left out'),
            'ignore': Fault(NOTE, f'{many}, whose pixels are ignored'),
            'background': Fault('leak', (
                f'{many} as background: {_some(leaked)}; give '
                "train_dataloader.dataset folds and novel_pixels='drop' or "
                "'ignore'"))}[rules.novel_pixels]


def _check_shared(training: Stage, test: Stage) -> Iterator[Fault]:
    """Find what the test must not share with the training."""
    if training.pool is test.pool:
        yield Fault(
            NOTE, 'training and test sample from one and the same data set')
    both = [name for name in test.rules.classes
            if name in training.rules.classes]
    if both:
        yield Fault('classes', (
            f'training and test sample the same classes {both}: the test is '
            'to be of classes never trained on; give both one fold (--fold), '
            'or other classes'))


def _some(names: Sequence[str]) -> str:
    more = f' and {len(names) - _NAMES} more' if names[_NAMES:] else ''
    return ', '.join(names[:_NAMES]) + more
