"""Profiles of a training step, as text."""
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from .case import Case, build_model, noise_batch
from .row import Row
from .training import Call, our_step, peer_step


def top_operations(call: Call, device: torch.device) -> str:
    """Tabulate the 15 operations that take the most time."""
    call()
    activities, key = [ProfilerActivity.CPU], 'self_cpu_time_total'
    if device.type == 'cuda':
        activities.append(ProfilerActivity.CUDA)
        key = 'self_cuda_time_total'
    with profile(activities=activities) as trace:
        call()
    return trace.key_averages().table(
        sort_by=key, row_limit=15, max_name_column_width=40)


def measure(case: Case, device: torch.device, folder: Path) -> list[Row]:
    """Write ``profile_peer.txt`` and ``profile_ours.txt``, and no rows."""
    batch = noise_batch(case)
    ending = '_gpu.txt' if device.type == 'cuda' else '.txt'
    for name, channels_last in (('peer', False), ('ours', None)):
        model = build_model(case, channels_last, device)
        step = (peer_step(model, batch, case) if name == 'peer'
                else our_step(model, batch))
        (folder / f'profile_{name}{ending}').write_text(
            f'Training step, {name}: {case}\n\n'
            f'{top_operations(step, device)}\n')
    return []
