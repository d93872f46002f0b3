"""All measurements, by name."""
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import torch

from . import (
    REPO,
    absent,
    backbones,
    calibration,
    classifiers,
    episodes,
    evaluation,
    export,
    gpu,
    imports,
    inferencer,
    loading,
    memory,
    page,
    pooling,
    profiles,
    readers,
    resume,
    service,
    soak,
    training,
    video,
)
from .case import Case
from .row import Row

WAYS_AND_SHOTS = ((1, 1), (1, 5), (2, 5), (5, 5))
BATCHES = (1, 4, 8)
SIZES = (('VGG-16', 417), ('ResNet-50', 473))
LIMIT = 15 * 60
"""Seconds that the rounds of one size may take."""


class Job(NamedTuple):
    """A measurement and whether it is one of the quick set."""

    measure: Callable[[], list[Row]]
    quick: bool = False


def jobs(device: torch.device, data: Path, work_dir: Path) -> dict[str, Job]:
    """List what can be measured on a device, in the order of the table.

    Args:
        device (torch.device): The CPU or a GPU.
        data (Path): Folder that may have ``msrc_v2`` and ``weights``.
        work_dir (Path): Where toy data are made otherwise.
    """
    on_gpu = device.type == 'cuda'
    # The required size, and one that is also quick on a CPU.
    large, small = Case(), Case(size=225, ways=1, shots=1)
    found = {'pooling': Job(partial(pooling.measure, device), True)}
    for name, case in (('1way1shot', small), ('2way5shot', large)):
        quick, required = on_gpu or case is small, case is large
        found[f'training-{name}'] = Job(
            partial(training.measure, case, device, required), quick)
        found[f'evaluation-{name}'] = Job(
            partial(evaluation.measure, case, device,
                    1.8 if required else None), quick)
        found[f'memory-{name}'] = Job(
            partial(memory.measure, case, device), quick)
    for shots, least in ((5, 30), (1, 10)):
        found[f'episodes-{shots}shot'] = Job(partial(
            episodes.measure_reuse, data, work_dir, device, shots, least))
    found['episodes-growth'] = Job(
        partial(episodes.measure_growth, data, work_dir, device))
    for net, under in (('ResNet-18', 30), ('ResNet-50', 15)):
        found[f'classifiers-{net.lower()}'] = Job(partial(
            classifiers.measure, net, data, device, under),
            net == 'ResNet-18')
    found['imports'] = Job(imports.measure, True)
    found['resume'] = Job(partial(resume.measure, work_dir), True)
    found['inferencer'] = Job(
        partial(inferencer.measure, data, work_dir, device), True)
    for name in calibration.SOURCES:
        found[f'calibration-{name}'] = Job(
            partial(calibration.measure, data, device, name))
        found[f'absent-{name}'] = Job(
            partial(absent.measure, data, device, name))
    if not on_gpu:
        found['export'] = Job(partial(export.measure, data, work_dir))
    if on_gpu:
        for ways, shots in ((1, 1), (1, 5)):
            found[f'gpu-{ways}way{shots}shot'] = Job(partial(
                gpu.measure, Case('ResNet-50', 473, ways, shots, 8),
                device), True)
    else:
        found['backbones'] = Job(backbones.measure)
        found['readers'] = Job(readers.measure)
        found['page-first-mask'] = Job(
            partial(page.measure_first_mask, data))
        found['page-change'] = Job(
            partial(page.measure_change, data, work_dir))
        found['soak-page'] = Job(partial(page.measure_soak, data, work_dir))
        found['loading'] = Job(partial(loading.measure, data, work_dir), True)
        found['service'] = Job(partial(service.measure, data, work_dir))
        found['soak-service'] = Job(
            partial(service.measure_growth, data, work_dir))
    found['soak-training'] = Job(partial(soak.measure_training, work_dir))
    for name, reuse in (('episodes', False), ('images', True)):
        found[f'soak-{name}'] = Job(
            partial(soak.measure_evaluation, work_dir, reuse))
    found['soak-inferencer'] = Job(
        partial(soak.measure_inferencer, work_dir, device))
    found |= _videos(data, device)
    found['profile'] = Job(partial(
        profiles.measure, large, device, REPO / 'benchmarks'))
    return found | _sizes(device)


def _videos(data: Path, device: torch.device) -> dict[str, Job]:
    found = {
        f'video-smoothing-{half}-{speed}': Job(partial(
            video.measure_smoothing, data, device, half, speed))
        for half, speed in product(('first', 'second'), video.SPEEDS)}
    return found | {
        f'video-memory-{frames}': Job(
            partial(video.measure_memory, device, frames))
        for frames in (100, 1000)}


def _sizes(device: torch.device) -> dict[str, Job]:
    found = {}
    for (net, size), batch, (ways, shots) in product(
            SIZES, BATCHES, WAYS_AND_SHOTS):
        case = Case(net, size, ways, shots, batch)
        ending = f'{net.lower()}-{ways}way{shots}shot-batch{batch}'
        found[f'size-training-{ending}'] = Job(partial(
            training.measure_size, case, device, LIMIT))
        found[f'size-evaluation-{ending}'] = Job(partial(
            evaluation.measure, case, device, limit=LIMIT))
    return found
