"""The page in a real browser, used by scripted clicks."""
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
from page_runs import Person, served

from mmseg_panet.wording import counted

from . import REPO
from .row import Row
from .soak import Usage, growth, usage

CONFIG = 'panet_r18-d8-s23_imagenet-473x473'
WEIGHTS = 'weights/resnet18_torchvision_stages1-3_bncalib.pth'
PHOTOS = REPO / 'examples/photos'
_LIMIT = 15
_CHANGE = 2
_PERSON = dict(think=1.35, point=1.1, press=0.2, key=0.28, home=0.4)
"""Seconds of the keystroke-level model of Card, Moran and Newell, The
keystroke-level model for user performance time, 1980."""
_PAINT = 10
"""Seconds to paint over an object; the model has no figure for it."""
_SETTLED = """() => {
    const shown = () => [...document.querySelectorAll('#gallery img')].map(
        one => one.src + one.complete).join();
    window.seconds = null;
    document.addEventListener('pointerup', () => {
        const start = performance.now();
        let last = start, before = shown();
        const wait = setInterval(() => {
            const now = performance.now();
            if (shown() !== before) [before, last] = [shown(), now];
            if (now - last < 4000 || last === start) return;
            clearInterval(wait);
            window.seconds = (last - start) / 1000;
        }, 20);
    }, {once: true, capture: true});
}"""
"""It measures the time from the end of a stroke to the last new picture."""


def measure_first_mask(data: Path, rounds: int = 3) -> list[Row]:
    """Start the command, mark an object, and wait for a mask of another."""
    photos = sorted((PHOTOS / 'photos').glob('fish_*.jpg'))
    seconds = []
    with _browser() as browser:
        for _ in range(rounds):
            start = time.perf_counter()
            with _server(data) as (_, url):
                one = Person(browser.new_page(), url)
                one.upload(*photos)
                one.status(counted(len(photos), 'image'))
                one.add_class('fish')
                one.drag((0.4, 0.5), (0.6, 0.5))
                one.status('1 example')
                seconds.append(time.perf_counter() - start)
    return [Row(
        'from the command to the first mask on the page',
        f'ResNet-18, 473x473, {len(photos)} photographs, scripted clicks',
        'seconds of the machine', median(seconds), min(seconds),
        max(seconds), rounds, unit=' s', under=_LIMIT,
        remark=_person_remark())]


def _person_remark() -> str:
    """Add up the time of a person who does the same."""
    steps: dict[str, tuple[str, ...]] = {
        'open the dialog of files': ('think', 'point', 'press'),
        'choose all files': ('think', 'point', 'press', 'home', 'key', 'key',
                             'key'),
        'name the class': ('think', 'point', 'press', 'home', *['key'] * 5),
        'paint': ('think', 'home', 'point'),
        'look at the result': ('think',)}
    model = sum(_PERSON[one] for step in steps.values() for one in step)
    return (
        f'a person takes {len(steps)} steps: {", ".join(steps)}; about '
        f'{model + _PAINT:.0f} s, {model:.0f} s by the keystroke-level model '
        f'and an estimate of {_PAINT} s for the brush')


def measure_change(data: Path, work_dir: Path, images: int = 20,
                   examples: int = 10, rounds: int = 7) -> list[Row]:
    """Change one of several examples, and wait until all images show it."""
    photos = _photos(work_dir, images)
    with _browser() as browser, _server(data) as (process, url):
        one = Person(browser.new_page(), url)
        one.upload(*photos)
        one.status(counted(images, 'image'))
        for name in ('fish', 'other'):
            one.add_class(name)
        for i in range(examples):
            one.select(i)
            one.page.wait_for_timeout(500)
            one.choose_class(('fish', 'other')[i % 2])
            one.drag((0.3, 0.4), (0.6, 0.4), (0.6, 0.6), (0.3, 0.6))
            one.status(counted(i + 1, 'example'))
        seconds, busy = [], []
        for i in range(rounds):
            before = _cpu_seconds(process.pid)
            one.page.evaluate(_SETTLED)
            one.drag((0.2, 0.3 + 0.04 * i), (0.7, 0.3 + 0.04 * i))
            one.page.wait_for_function('window.seconds', timeout=120_000)
            seconds.append(one.page.evaluate('window.seconds'))
            busy.append(_cpu_seconds(process.pid) - before)
    return [Row(
        'a change of one example until all images show it',
        f'ResNet-18, 473x473, {images} photographs, {examples} examples of '
        '2 classes', 'seconds from the end of the stroke', median(seconds),
        min(seconds), max(seconds), rounds, unit=' s', under=_CHANGE,
        remark=f'the server is busy for {median(busy):.2f} s of a processor, '
        'and the page waits 0.25 s for another stroke')]


def measure_soak(data: Path, work_dir: Path, minutes: float = 10,
                 number: int = 8) -> list[Row]:
    """Use the page, and watch the server's memory and files."""
    photos = _photos(work_dir, number)
    samples: list[Usage] = []
    left: list[int] = []
    strokes = 0
    with _browser() as browser, tempfile.TemporaryDirectory() as folder:
        with _server(data, TMPDIR=folder) as (process, url):
            one = Person(browser.new_page(), url)
            one.upload(*photos)
            one.status(counted(number, 'image'))
            for name in ('fish', 'other'):
                one.add_class(name)
            end = time.monotonic() + 60 * minutes
            while time.monotonic() < end:
                strokes += 1
                _use(one, browser, url, strokes, photos)
                samples.append(usage(process.pid))
                left.append(sum(1 for one in Path(folder).rglob('*')
                                if one.is_file()))
        kept = sum(1 for _ in Path(folder).rglob('*'))
    part = max(1, len(left) // 10)
    size = f'{minutes:g} minutes, {strokes} rounds of clicks'
    return [
        *growth('a page', size, samples),
        Row('growth of the temporary files of a page', size,
            'files at the end - after the warm-up',
            median(left[-part:]) - median(left[part:2 * part]),
            min(left[part:]) - median(left[part:2 * part]),
            max(left[part:]) - median(left[part:2 * part]), len(left),
            unit='', remark=f'{median(left[-part:]):.0f} at the end; '
            f'{kept} after Ctrl-C')]


def _use(one: Person, browser: Any, url: str, turn: int,
         photos: list[Path]) -> None:
    """Click through one round of use."""
    number = len(photos)
    one.select(turn % number)
    one.page.wait_for_timeout(300)
    one.choose_class(('fish', 'other')[turn % 2])
    one.tool(('paint', 'box', 'scribble', 'erase')[turn % 4])
    one.drag((0.3, 0.4), (0.6, 0.4 + 0.01 * (turn % 9)), (0.4, 0.6))
    one.page.wait_for_timeout(1500)
    if turn % 3 == 0:
        one.page.fill('#threshold input[type=number]', f'0.{turn % 10}')
        one.page.keyboard.press('Tab')
    if turn % 4 == 1:
        one.download(('masks', 'coco', 'bank')[turn % 3])
    if turn % 5 == 0:
        one.page.click('#accept')
        one.page.wait_for_timeout(500)
    if turn % 7 == 0:
        one.page.once('dialog', lambda asked: asked.accept())
        one.page.click('#remove-image')
        one.status(counted(number - 1, 'image'))
        one.upload(photos[turn % number])
        one.status(counted(number, 'image'))
    if turn % 10 == 0:
        other = Person(browser.new_page(), url)
        other.upload(photos[0])
        other.status('1 image')
        other.page.close()


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # It reserves addresses far beyond the memory, see limit_memory.
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, (
                'chromium', 'chromium-browser', 'google-chrome')))),
            args=['--no-sandbox'])
        yield browser
        browser.close()


@contextmanager
def _server(data: Path, **env: str) -> Iterator[tuple[Any, str]]:
    """Start the command, with weights of ImageNet if there are any."""
    weights = data / WEIGHTS
    with served(
            '-m', 'mmseg_panet', 'app', CONFIG,
            weights if weights.is_file() else 'none', '--no-browser',
            '--port', 0, env=env) as found:
        yield found


def _photos(folder: Path, number: int) -> list[Path]:
    """Write photographs, the later ones mirrored or turned."""
    found = [cv2.imread(str(path)) for path in sorted(
        (PHOTOS / 'photos').glob('*.jpg'))]
    folder = folder / 'page-photos'
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in range(number):
        image = found[i % len(found)]
        for axis in range(i // len(found)):
            image = np.flip(image, axis)
        paths.append(folder / f'{i}.jpg')
        cv2.imwrite(str(paths[-1]), np.ascontiguousarray(image))
    return paths


def _cpu_seconds(pid: int) -> float:
    """Read the time of a process on all processors, on Linux."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
