"""Make the pictures of docs/app.md: use the page in a browser, as a person.

It needs Playwright and a Chromium, such as Debian's packages `chromium` and
`python3-playwright`. The objects of examples/photos/support are painted over
with the mouse.
"""
import argparse
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from scipy.ndimage import binary_erosion

PHOTOS = Path('examples/photos')
PAINTED = {
    'windmill': 'khokhlovka', 'fish': 'pandora', 'solar panel': 'tracker'}
"""Support that is painted for each class."""
SHOWN = 'windmill_chesterton'
"""Photograph whose result is shown."""
WINDOWS = {'app.jpg': (1280, 1380), 'app_narrow.jpg': (390, 1560)}
BRUSH = 0.025
"""Radius of the brush, as a share of the longer side."""


def parse_args() -> argparse.Namespace:
    """Read the arguments of the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument(
        '--out', default='docs', metavar='DIR', help='folder of the pictures; '
        'defaults to docs')
    parser.add_argument(
        '--chromium', default='/usr/bin/chromium', metavar='FILE')
    return parser.parse_args()


def paint(page: Page, mask: np.ndarray) -> None:
    """Paint over the object of a mask, (H, W) bool, with the mouse."""
    height, width = mask.shape
    radius = BRUSH * max(mask.shape)
    inside = binary_erosion(mask, iterations=round(radius))
    canvas = page.locator('#marker canvas.marks')
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    scale = box['width'] / width
    for row in range(0, height, round(radius)):
        columns = np.flatnonzero(np.diff(inside[row], prepend=0, append=0))
        for left, right in columns.reshape(-1, 2):
            y = box['y'] + scale * (row + 0.5)
            page.mouse.move(box['x'] + scale * left, y)
            page.mouse.down()
            page.mouse.move(box['x'] + scale * right, y, steps=3)
            page.mouse.up()


def use(page: Page, url: str) -> None:
    """Add the photographs, and paint an object of each class."""
    files = [
        *sorted(PHOTOS.glob('support/*/*.jpg')),
        *sorted(PHOTOS.glob('photos/*.jpg'))]
    names = [path.stem for path in files]
    status = page.locator('#status')
    page.goto(url)
    status.get_by_text('0 images').wait_for()
    page.set_input_files('#upload input[type=file]', files)
    status.get_by_text(f'{len(files)} images').wait_for()
    for i, (name, stem) in enumerate(PAINTED.items(), 1):
        page.fill('#class-name :is(input, textarea)', name)
        page.click('#add-class')
        page.locator('#marker .chip', has_text=name).wait_for()
        select(page, names.index(stem))
        with Image.open(PHOTOS / f'support/{name}/{stem}.png') as mask:
            paint(page, np.asarray(mask) > 0)
        plural = 's' * (i > 1)
        status.get_by_text(f', {i} example{plural}').wait_for()
    select(page, names.index(SHOWN))
    page.wait_for_timeout(4000)  # The last results of all images arrive.


def select(page: Page, index: int) -> None:
    """Select an image of the gallery."""
    page.locator('#gallery button:has(img)').nth(index).click()
    page.wait_for_timeout(1500)


def main() -> None:
    """Run the command."""
    args = parse_args()
    server = subprocess.Popen(
        [sys.executable, '-m', 'mmseg_panet', 'app', args.config,
         args.checkpoint, '--port', '0', '--no-browser'],
        stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = next(line.split()[4].rstrip(';') for line in server.stdout
                   if line.startswith('the page is at '))
        with sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path=args.chromium, args=['--no-sandbox'])
            for name, (width, height) in WINDOWS.items():
                page = browser.new_page(
                    viewport=dict(width=width, height=height))
                page.set_default_timeout(120_000)
                use(page, url)
                page.evaluate('scrollTo(0, 0)')
                picture = Image.open(io.BytesIO(page.screenshot()))
                picture.convert('RGB').save(
                    Path(args.out) / name, quality=65)
    finally:
        server.terminate()
        server.wait()


if __name__ == '__main__':
    main()
