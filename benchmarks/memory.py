"""Peak memory of a training step."""
import json
import tempfile
from itertools import accumulate
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from .case import Case, build_model, noise_batch
from .row import Row
from .training import Call, backbone_alone, our_step, prepared


def peak_bytes(call: Call, device: torch.device) -> int:
    """Return the most bytes of live tensors while a callable runs.

    On a GPU all that is allocated; on the CPU what the call allocates.
    """
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    with profile(
            activities=[ProfilerActivity.CPU], profile_memory=True) as trace:
        call()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'trace.json'
        trace.export_chrome_trace(str(path))
        events = json.loads(path.read_text())['traceEvents']
    changes = [event for event in events if event['name'] == '[memory]']
    changes.sort(key=lambda event: event['ts'])
    live = accumulate(event['args']['Bytes'] for event in changes)
    return max(live, default=0)


def measure(case: Case, device: torch.device) -> list[Row]:
    """Compare the peak of a step with that of the backbone alone.

    Both turn the uint8 images into floats, and both count the parameters.
    """
    model, batch = build_model(case, None, device), noise_batch(case)
    parameters = 0 if device.type == 'cuda' else sum(
        p.nbytes for p in model.parameters())
    calls = {
        'step': our_step(model, batch),
        'backbone': lambda: backbone_alone(
            model, prepared(model, batch)[0])(),
    }
    peaks = {}
    for name, call in calls.items():
        call()  # what the first step leaves is not counted
        peaks[name] = parameters + peak_bytes(call, device)
    ratio = peaks['step'] / peaks['backbone']
    text = ' / '.join(f'{peak / 1e9:.3f}' for peak in peaks.values())
    return [Row(
        'peak memory of a training step', str(case),
        'step / backbone forward + backward', ratio, ratio, ratio, 1,
        under=1.03, remark=f'{text} GB of live tensors')]
