"""Plot the two pictures of docs/demo.md from the files of the demo.

``demo.jpg`` shows the first episode of each class of the test, and
``segmented.jpg`` the first segmented images, with a legend.
"""
import argparse
from pathlib import Path

import mmcv
import numpy as np
from PIL import Image

from mmseg_panet.annotations.class_list import read_class_list
from mmseg_panet.visualization import overlay
from mmseg_panet.visualization.legend import legend_entries, plot_legend

IMAGES = 6
WHITE = (255, 255, 255)
GAP = 6
"""White pixels between the images."""
FONT = 15
"""Height of the letters of the legend, in pixels."""


def parse_args() -> argparse.Namespace:
    """Read the arguments of the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--demo', default='work_dirs/demo', metavar='DIR',
        help='folder of `mmseg-panet demo`; defaults to work_dirs/demo')
    parser.add_argument(
        '--images', default='data/toy/photos', metavar='DIR',
        help='the images it segmented; defaults to data/toy/photos')
    parser.add_argument(
        '--out', default='docs', metavar='DIR',
        help='folder for the pictures; defaults to docs')
    return parser.parse_args()


def plot_episodes(folder: Path) -> np.ndarray:
    """Stack the first picture of each class, (H, W, 3) RGB."""
    first: dict[str, Path] = {}
    for path in sorted(folder.glob('*.png')):  # run-episode-query_class.png
        first.setdefault(path.stem.split('_', 1)[1], path)
    strips = [np.asarray(Image.open(path).convert('RGB'))
              for path in first.values()]
    width = max(strip.shape[1] for strip in strips)
    return np.vstack([
        mmcv.impad(strip, shape=(len(strip), width), pad_val=WHITE)
        for strip in strips])


def plot_segmented(folder: Path, images: Path) -> np.ndarray:
    """Plot images above their overlays, and a legend, (H, W, 3) RGB."""
    classes = read_class_list(folder / 'classes.txt')
    palette = classes.palette()
    masks = sorted(folder.glob('masks/*.png'))[:IMAGES]
    labels = [np.asarray(Image.open(mask)) for mask in masks]
    columns = []
    for mask, of_image in zip(masks, labels, strict=True):
        image = mmcv.imread(
            images / f'{mask.stem}.jpg', channel_order='rgb')
        columns.append(np.vstack([
            mmcv.impad(one, padding=(0, 0, GAP, GAP), pad_val=WHITE)
            for one in (image, overlay(image, of_image, palette))]))
    pictures = np.hstack(columns)
    entries = legend_entries(labels, classes.names[1:], palette)
    return np.vstack([
        pictures, plot_legend(entries, pictures.shape[1], FONT)])


def main() -> None:
    """Write both pictures."""
    args = parse_args()
    demo, out = Path(args.demo), Path(args.out)
    pictures = dict(
        demo=plot_episodes(demo / 'pictures'),
        segmented=plot_segmented(demo / 'segmented', Path(args.images)))
    for name, picture in pictures.items():
        Image.fromarray(picture).save(out / f'{name}.jpg', quality=88)


if __name__ == '__main__':
    main()
