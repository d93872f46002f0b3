"""The HTTP service under load, against the plain loop in one process."""
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch

from mmseg_panet.apis import FewShotInferencer
from mmseg_panet.files import StrPath
from mmseg_panet.images.decoder import decode_image
from mmseg_panet.inference.results.mask_file import encode_prediction

from . import REPO
from .export import CONFIG
from .inferencer import OF_RANDOM_WEIGHTS
from .row import Row
from .runners import WEIGHTS
from .soak import growth, usage
from .timing import in_turn, medians, ratio_of

PHOTOS = REPO / 'examples/photos'
CLIENTS = 8


class Service:
    """The command `mmseg-panet serve` in a process of its own.

    Args:
        *arguments (object): Its arguments besides the port.
        log (str | os.PathLike): File of what it writes to stderr. Defaults
            to nowhere.
        **settings (Any): Other arguments of Popen.
    """

    def __init__(self, *arguments: object, log: StrPath = '/dev/null',
                 **settings: Any) -> None:
        with open(log, 'w') as file:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'mmseg_panet', 'serve',
                 *map(str, arguments), '--port', '0'],
                stdout=subprocess.PIPE, stderr=file, text=True, **settings)
        assert self.process.stdout is not None
        # The log of the classifier comes first.
        self.sentence = next(
            (line for line in self.process.stdout if 'http' in line), '')
        found = re.search(r'http://\S+:\d+', self.sentence)
        if found is None:
            raise RuntimeError('mmseg-panet serve failed')
        self.url = found[0]
        address = urlsplit(self.url)
        self.address = address.hostname or '', address.port or 0
        self._clients = threading.local()

    def ask(self, method: str, path: str,
            body: bytes | None = None) -> tuple[int, bytes]:
        """Send a request by the connection of this thread.

        Returns:
            tuple[int, bytes]: The status and the content of the answer.
        """
        if not hasattr(self._clients, 'connection'):
            self._clients.connection = HTTPConnection(
                *self.address, timeout=600)
        self._clients.connection.request(method, path, body)
        answer = self._clients.connection.getresponse()
        return answer.status, answer.read()

    def stop(self) -> str:
        """End the service as a system does, and return its last sentence."""
        assert self.process.stdout is not None
        self.process.terminate()
        sentence = self.process.stdout.readline()
        # Python takes a second to leave torch.
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        return sentence


def send(service: Service, contents: Sequence[bytes], number: int,
         pool: ThreadPoolExecutor) -> tuple[list[int], list[float]]:
    """Send images from the threads of a pool, each of which is a client.

    Returns:
        tuple[list[int], list[float]]: The status of each answer, and the
        seconds until it came.
    """

    def one(index: int) -> tuple[int, float]:
        start = perf_counter()
        status, _ = service.ask(
            'POST', '/segment', contents[index % len(contents)])
        return status, perf_counter() - start

    statuses, seconds = zip(*pool.map(one, range(number)), strict=True)
    return list(statuses), list(seconds)


def measure(data: Path, work_dir: Path, requests: int = 200,
            rounds: int = 3) -> list[Row]:
    """Send photographs from eight clients at once."""
    contents, inferencer, arguments = _prepare(data, work_dir)
    size = (f'ResNet-18, 3 classes, {requests} photographs of 320x240, '
            f'{CLIENTS} clients')
    answers = []

    def loop() -> float:
        start = perf_counter()
        for index in range(requests):
            image = decode_image(contents[index % len(contents)], 'a')
            found, = inferencer.predict([image])
            encode_prediction(found, inferencer.palette())
        return perf_counter() - start

    def load() -> float:
        start = perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers.append(send(service, contents, requests, pool))
        return perf_counter() - start

    service = Service(*arguments)
    try:
        seconds = in_turn({'plain loop': loop, 'service': load}, rounds)
    finally:
        service.stop()
    middle = medians(seconds)
    lost = sum(status != 200 for statuses, _ in answers
               for status in statuses)
    rows = [
        Row('requests lost by the service', size, 'without the status 200',
            lost, lost, lost, len(answers), unit='', under=1),
        Row('requests per second of the service', size,
            'the service / decode, predict and encode in one process',
            *ratio_of(seconds['plain loop'], seconds['service']), rounds,
            seconds=middle, remark=f"{requests / middle['service']:.1f} "
            'requests per second')]
    for percent in (50, 95):
        found = [float(np.percentile(waits, percent))
                 for _, waits in answers[1:]]
        rows.append(Row(
            f'answer of the service, percentile {percent}', size,
            'from the request to the mask', float(np.median(found)),
            min(found), max(found), rounds, unit=' s'))
    return rows


def measure_growth(data: Path, work_dir: Path,
                   requests: int = 500) -> list[Row]:
    """Sample what the process uses while it answers requests."""
    contents, _, arguments = _prepare(data, work_dir)
    return soak(Service(*arguments), contents, requests)


def soak(service: Service, contents: Sequence[bytes],
         requests: int) -> list[Row]:
    """Compare the end of many requests with their beginning, and stop it."""
    samples = []
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            for _ in range(requests // CLIENTS):
                statuses, _ = send(service, contents, CLIENTS, pool)
                if {*statuses} != {200}:
                    raise RuntimeError(
                        f'expected the status 200, got {statuses}')
                samples.append(usage(service.process.pid))
    finally:
        service.stop()
    return growth('the service', f'{requests} requests', samples)


def _prepare(data: Path, work_dir: Path
             ) -> tuple[list[bytes], FewShotInferencer, list[object]]:
    """Register the classes of the photographs of the repository."""
    bank = work_dir / 'service.safetensors'
    work_dir.mkdir(parents=True, exist_ok=True)
    config, weights = CONFIG, data / WEIGHTS
    if not weights.is_file():
        config = str(REPO / OF_RANDOM_WEIGHTS)
        weights = work_dir / 'random.pth'
        torch.save(FewShotInferencer(
            config, None, 'cpu', show_progress=False).model.state_dict(),
            weights)
    inferencer = FewShotInferencer(
        config, weights, 'cpu', show_progress=False).fit(PHOTOS / 'support')
    inferencer.save(bank)
    contents = [
        path.read_bytes() for path in sorted((PHOTOS / 'photos').iterdir())]
    return contents, inferencer, [
        config, weights, '--bank', bank, '--device', 'cpu']
