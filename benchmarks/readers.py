"""The time that readers of annotations take, beside an older commit."""
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from PIL import Image

from . import REPO
from .row import Row
from .timing import in_turn, medians, ratio_of

BASE = 'b661dac'
"""Commit before the readers took files as all tools write them."""
SIZE = (480, 640)
POINTS = 30
CHILD = """
import sys, time
from mmseg_panet.annotations.formats.coco import read_coco
from mmseg_panet.annotations.formats.labelme import read_labelme

def coco():
    return read_coco('coco.json', 'images')

def labelme():
    return read_labelme('labelme', image_dir='labelme')

def rasterized(annotations):
    for task in annotations.tasks:
        annotations.rasterize(task.source)

calls = {'read coco': coco, 'rasterize coco': lambda: rasterized(coco()),
         'read labelme': labelme,
         'rasterize labelme': lambda: rasterized(labelme())}
for line in sys.stdin:
    start = time.process_time()
    calls[line.strip()]()
    print('seconds', time.process_time() - start, flush=True)
"""


def measure(polygons: int = 20_000, images: int = 200,
            rounds: int = 7) -> list[Row]:
    """Read polygons with the code of now and of :data:`BASE`, in turn.

    A process of each code stays open, so that no import is timed. Rows of
    'read and rasterize' include the reading.
    """
    rows = []
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        write_annotations(folder, polygons, images)
        ask = {name: stack.enter_context(_child(path, folder))
               for name, path in (
                   ('new', REPO), ('old', _older(folder / 'old')))}
        for what in ('read coco', 'rasterize coco', 'read labelme',
                     'rasterize labelme'):
            seconds = in_turn({
                name: lambda one=one, what=what: one(what)
                for name, one in ask.items()}, rounds)
            verb, kind = what.split()
            verbs = dict(read='read', rasterize='read and rasterize')
            rows.append(Row(
                f'{verbs[verb]} {kind}',
                f'{polygons:,} polygons of {POINTS} points in {images} images '
                f'of {SIZE[1]}x{SIZE[0]}', f'now / commit {BASE}',
                *ratio_of(seconds['new'], seconds['old']), rounds,
                under=1.1, seconds=medians(seconds)))
    return rows


def write_annotations(folder: Path, polygons: int, images: int) -> None:
    """Write ``coco.json`` with ``images``, and ``labelme`` with its images.

    Args:
        folder (Path): Folder to write to.
        polygons (int): Polygons in each of the two, of six classes.
        images (int): Images with as many polygons each.
    """
    rng = random.Random(0)
    for name in ('images', 'labelme'):
        (folder / name).mkdir()
        for i in range(images):
            Image.new('L', SIZE[::-1]).save(folder / name / f'{i}.jpg')
    annotations = []
    for i in range(images):
        outlines = [_outline(rng) for _ in range(polygons // images)]
        annotations += [
            dict(id=len(annotations) + n, image_id=i, category_id=n % 6,
                 segmentation=[sum(map(list, points), [])], iscrowd=0,
                 area=1.0, bbox=[0, 0, 9, 9])
            for n, points in enumerate(outlines)]
        (folder / f'labelme/{i}.json').write_text(json.dumps(dict(
            version='5.5.0', flags={}, imagePath=f'{i}.jpg', imageData=None,
            imageHeight=SIZE[0], imageWidth=SIZE[1], shapes=[
                dict(label=f'class {n % 6}', shape_type='polygon',
                     points=points, flags={}, group_id=None)
                for n, points in enumerate(outlines)])))
    (folder / 'coco.json').write_text(json.dumps(dict(
        images=[dict(id=i, file_name=f'{i}.jpg', height=SIZE[0],
                     width=SIZE[1]) for i in range(images)],
        categories=[dict(id=i, name=f'class {i}') for i in range(6)],
        annotations=annotations)))


def _outline(rng: random.Random) -> list[tuple[float, float]]:
    """Return the points of a round outline inside the image."""
    radius = rng.uniform(10, 60)
    x, y = (rng.uniform(radius, side - radius) for side in SIZE[::-1])
    return [(round(x + radius * math.cos(angle), 2),
             round(y + radius * math.sin(angle), 2))
            for angle in (2 * math.pi * i / POINTS for i in range(POINTS))]


def _older(folder: Path) -> Path:
    """Write the package of :data:`BASE` into a folder."""
    folder.mkdir()
    archive = subprocess.run(
        ['git', 'archive', BASE, 'mmseg_panet'], cwd=REPO, check=True,
        capture_output=True).stdout
    subprocess.run(['tar', '-x'], cwd=folder, input=archive, check=True)
    return folder


@contextmanager
def _child(code: Path, folder: Path) -> Iterator:
    """Yield the function that times a call in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, '-c', CHILD], cwd=folder, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=os.environ | dict(PYTHONPATH=str(code)))

    def ask(what: str) -> float:
        print(what, file=process.stdin, flush=True)
        while not (line := process.stdout.readline()).startswith('seconds'):
            if not line:
                raise RuntimeError(f'the process of {code} ended')
        return float(line.split()[1])

    try:
        yield ask
    finally:
        process.stdin.close()
        process.wait()
