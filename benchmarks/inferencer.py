"""A running inferencer, and the start of `mmseg-panet segment`."""
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.datasets.toy.toy_dataset import make_toy_examples

from . import REPO
from .row import Row
from .runners import WEIGHTS
from .timing import default_rounds, in_turn, medians, ratio_of, timed

CONFIG = 'configs/panet/panet_r18-d8_1xb4-600iters_msrc7i-225x225.py'
OF_RANDOM_WEIGHTS = 'configs/panet/panet_r18-d8_1xb4-800iters_toy3i-128x128.py'
"""The same network; it needs no weights, and does not resize."""
SIZE = 320
"""The size of the images, as in MSRC; CONFIG resizes them to 225 x 225."""


def measure(data: Path, work_dir: Path, device: torch.device) -> list[Row]:
    """Time both on toy images, with weights of ImageNet if there are any."""
    weights = data / WEIGHTS
    model = (CONFIG, str(weights)) if weights.is_file() else (
        OF_RANDOM_WEIGHTS, None)
    make_toy_examples(work_dir / 'toy_examples', size=SIZE)
    return [
        _running(work_dir / 'toy_examples', *model, device),
        *_starting(work_dir / 'toy_examples', *model, device)]


def _running(folder: Path, config: str, weights: str | None,
             device: torch.device) -> Row:
    """Compare the road from files to class maps with the encoder alone."""
    inferencer = FewShotInferencer(
        REPO / config, weights, str(device), show_progress=False,
        classifier='config')
    inferencer.fit(folder / 'examples')
    model = inferencer.model
    inputs = model.data_preprocessor(dict(inputs=[
        inferencer.pipeline(dict(img=np.zeros((SIZE, SIZE, 3), np.uint8)))[
            'inputs']]))['inputs']
    images = 4 * sorted((folder / 'photos').iterdir())

    @torch.no_grad()
    def encode() -> None:
        for _ in images:
            model.extract_feat(inputs)

    rounds = default_rounds(device)
    seconds = in_turn({
        'inferencer': timed(lambda: inferencer(images), device),
        'encoder': timed(encode, device)}, rounds)
    running, alone = seconds.values()
    value, low, high = (
        100 * (ratio - 1) for ratio in ratio_of(running, alone))
    return Row(
        'all but the encoder in a running inferencer',
        f'ResNet-18, {len(images)} JPEG files of {SIZE}x{SIZE}, 3 classes',
        '(inferencer - encoder) / encoder', value, low, high, rounds,
        unit='%', under=15, seconds=medians(seconds))


def _starting(folder: Path, config: str, weights: str | None,
              device: torch.device, rounds: int = 5) -> list[Row]:
    """Time a new process, with its files in the cache of the system."""

    def imports() -> float:
        # The end of the process takes another second and is not timed.
        start = time.time()
        code = 'import mmseg_panet.apis, time; print(time.time())'
        run = subprocess.run(
            [sys.executable, '-c', code], cwd=REPO, check=True,
            capture_output=True, text=True)
        return float(run.stdout.split()[-1]) - start

    def first_mask() -> float:
        with tempfile.TemporaryDirectory() as out:
            start = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, '-m', 'mmseg_panet', 'segment', config,
                 weights or 'none', '--support', str(folder / 'examples'),
                 '--images', str(folder / 'photos'), '--out', out,
                 '--device', str(device)],
                cwd=REPO, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            while not list(Path(out).glob('masks/[!.]*.png')):
                if process.poll():
                    raise RuntimeError('mmseg-panet segment failed')
                time.sleep(0.02)
            seconds = time.perf_counter() - start
            process.wait()
        return seconds

    seconds = in_turn({'first mask': first_mask, 'imports': imports}, rounds)
    middle = medians(seconds)
    return [
        Row(figure, 'ResNet-18, 5 examples of 3 classes', compared,
            middle[name], min(seconds[name]), max(seconds[name]), rounds,
            unit=' s', under=under)
        for name, figure, compared, under in (
            ('first mask', 'first mask of tools/segment.py', 'the command',
             15),
            ('imports', 'of which imports', 'import mmseg_panet.apis', 8))]
