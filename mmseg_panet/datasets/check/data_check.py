"""The checks of the data of a config, one after the other."""
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config

from ...errors import InputError
from ..class_index import Fault
from .checked_pool import CheckedPool, check_pool, overlaps, unused_masks
from .published_counts import check_counts, class_table, count_table
from .report import NOTE, DataReport
from .stage import Role, mask_loader, role_settings

_NAMES = 5
"""Names in a sentence about many."""


def check_data(cfg: Config, decode: bool = False) -> DataReport:
    """Look for all that can be wrong with the data of a config.

    Args:
        cfg (Config): With an ``EpisodicDataset`` for training, validation or
            the test.
        decode (bool): Whether images are decoded whole, not their headers
            only. Defaults to False.

    Returns:
        DataReport: All that was found; no fault ends the search.

    Raises:
        InputError: If the config itself cannot be used.
    """
    roles, found = _check_pools(role_settings(cfg), decode)
    pools = list(dict.fromkeys(role.pool for role in roles))
    training, test = (
        next((role for role in roles if role.name == name), None)
        for name in ('training', 'test'))
    for pool in pools:
        found += _check_images(pool)
        if training and pool is not training.pool:
            found += overlaps(training.pool, pool)
    found += _check_masks(pools)
    for role in roles:
        found += _check_folds(role)
        found += _check_few(role)
        found += check_counts(role)
    if training:
        found += _check_leak(training, test)
        if test:
            found += _check_shared(training, test)
    if roles and not decode:
        found.append(Fault(NOTE, (
            'of the images only the headers were read; --decode reads them '
            'whole')))
    return DataReport(
        pools=[pool.summary() for pool in pools],
        classes=class_table(roles),
        counts=count_table(roles),
        # Two roles may find the same.
        found=list(dict.fromkeys(found)))


def _check_pools(settings: dict[str, dict],
                 decode: bool) -> tuple[list[Role], list[Fault]]:
    """Look at every data set once, whoever draws from it."""
    shared: list[tuple[dict, list[str]]] = []
    for name, one in settings.items():
        for dataset, names in shared:
            if dataset == one['dataset']:
                names.append(name)
                break
        else:
            shared.append((one['dataset'], [name]))
    roles, faults = [], []
    for dataset, names in shared:
        loader = mask_loader(settings[names[0]])
        try:
            pool = check_pool('/'.join(names), dataset, loader, decode)
        except InputError as error:
            faults.append(Fault('list', f"{'/'.join(names)}: {error}"))
            continue
        roles += [Role(name, settings[name], pool) for name in names]
    return roles, faults


def _check_images(pool: CheckedPool) -> Iterator[Fault]:
    yield from pool.faults
    empty = np.flatnonzero(
        ~pool.index.counts[:, pool.real_ids].any(1) & (pool.index.areas > 0))
    if len(empty):
        yield Fault(NOTE, (
            f'{pool.name}: {len(empty)} images show no class: '
            + _some([Path(pool.paths[i]).name for i in empty])))
    for name, times in Counter(pool.classes).items():
        if times > 1:
            yield Fault('classes', (
                f"{pool.name}: the data set names class '{name}' {times} "
                'times; give every id its own name'))


def _check_masks(pools: Sequence[CheckedPool]) -> Iterator[Fault]:
    masks = unused_masks(pools)
    if masks:
        yield Fault(NOTE, (
            f'{len(masks)} masks are of no image: {_some(masks)}'))


def _check_folds(role: Role) -> Iterator[Fault]:
    """Classes that a role names and its data set lacks, or names twice."""
    named = [name for names in role.novel for name in names]
    for name, times in Counter(named).items():
        if times > 1:
            yield Fault('classes', (
                f"class '{name}' is {times} times in the folds: it would be "
                'base and novel; name it once'))
    wanted = named or role.classes(None)
    lacking = [name for name in wanted if name not in role.pool.classes]
    if lacking:
        yield Fault('classes', (
            f'{role.pool.name}: the data set lacks {sorted(set(lacking))}, '
            f'which the config draws; it has {role.pool.classes}'))
    rest = [role.pool.classes[i] for i in role.pool.real_ids
            if role.pool.classes[i] not in wanted]
    if named and rest:
        yield Fault(NOTE, (
            f'{role.pool.name}: {len(rest)} classes are in no fold and never '
            f'drawn: {_some(rest)}'))


def _check_few(role: Role) -> Iterator[Fault]:
    settings = role.settings
    supports = 1 if settings['repeat_supports'] else settings['num_shots']
    needed = supports + settings['num_queries']
    folds = defaultdict(list)
    for fold in role.folds:
        dropped = role.dropped(fold)
        for name in role.classes(fold):
            if name in role.pool.classes:
                images = np.setdiff1d(role.images_of(name), dropped)
                if len(images) < needed:
                    folds[name, len(images)].append(fold)
    for (name, count), where in folds.items():
        split = settings['split']
        of_folds = (
            f" as a {split} class of fold {', '.join(map(str, where))}"
            if split else '')
        yield Fault('few', (
            f"class '{name}' has {count} images of which it covers at least "
            f'{role.least_area} for {role.name}{of_folds}, but num_shots='
            f"{settings['num_shots']} and num_queries="
            f"{settings['num_queries']} need {needed}; add images, or lower "
            'min_area, num_shots or num_queries'))


def _check_leak(training: Role, test: Role | None) -> Iterator[Fault]:
    """Images of base training that show novel classes, in every fold."""
    if training.settings['split'] == 'novel':
        return
    for fold in training.folds:
        base = training.classes(fold)
        if fold is not None:
            novel = training.novel[fold]
        else:
            novel = test.classes(test.fold) if test else []
        drawn = {
            image for name in base if name in training.pool.classes
            for image in training.images_of(name)}
        leaked = [
            Path(training.pool.paths[image]).name
            for image in training.images_showing(set(novel) - set(base))
            if image in drawn]
        if not leaked:
            continue
        of_fold = '' if fold is None else f'fold {fold}: '
        many = (
            f'{of_fold}{len(leaked)} images of base training show novel '
            'classes')
        # Without folds the setting has no effect.
        what = 'background' if fold is None else (
            training.settings['novel_pixels'])
        if what == 'drop':
            yield Fault(NOTE, f'{many} and are left out')
        elif what == 'ignore':
            yield Fault(NOTE, f'{many}, whose pixels are ignored')
        else:
            yield Fault('leak', (
                f'{many} as background: {_some(leaked)}; give '
                "train_dataloader.dataset folds and novel_pixels='drop' or "
                "'ignore'"))


def _check_shared(training: Role, test: Role) -> Iterator[Fault]:
    """What the test is to have of its own."""
    if training.pool is test.pool:
        yield Fault(NOTE, (
            'training and test draw from one and the same data set, as the '
            'config says'))
    trained = training.classes(training.fold)
    both = [name for name in test.classes(test.fold) if name in trained]
    if both:
        yield Fault('classes', (
            f'training and test draw the same classes {both}: the test is to '
            'be of classes never trained on; give both one fold (--fold), or '
            'other classes'))


def _some(names: Sequence[str]) -> str:
    more = f' and {len(names) - _NAMES} more' if names[_NAMES:] else ''
    return ', '.join(names[:_NAMES]) + more
