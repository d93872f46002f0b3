"""Plot examples with their masks, and other photographs segmented by them.

Each class has a row: its examples on the left, and on the right the
photographs, in the order of their names, as many as fill the rows.
"""
import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import mmcv
import numpy as np
from matplotlib.figure import Figure

from mmseg_panet.annotations.formats.class_folders import list_pairs
from mmseg_panet.apis import list_images
from mmseg_panet.cli.inferencer_arguments import (
    add_inferencer_arguments,
    make_inferencer,
)
from mmseg_panet.visualization import overlay


def parse_args() -> argparse.Namespace:
    """Read the arguments of the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_inferencer_arguments(parser, needs_support=True)
    parser.add_argument(
        '--images', nargs='+', required=True, metavar='PATH',
        help='images, folders or glob patterns')
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='a .jpg or .png')
    return parser.parse_args()


def plot(examples: list[list[np.ndarray]], photos: list[np.ndarray],
         titles: list[tuple[str, np.ndarray]]) -> Figure:
    """Lay out pictures in one row for each class.

    Args:
        examples (list[list[np.ndarray]]): Each class's pictures, (H, W, 3)
            uint8 RGB.
        photos (list[np.ndarray]): Pictures for the right side.
        titles (list[tuple[str, np.ndarray]]): Name and RGB of each class.
    """
    left = max(map(len, examples))
    right = -(-len(photos) // len(examples))
    figure, axes = plt.subplots(
        len(examples), left + 1 + right, squeeze=False, layout='constrained',
        figsize=(1.8 * (left + right), 1.4 * len(examples) + 0.2),
        width_ratios=[1] * left + [0.12] + [1] * right)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    for axis in axes.flat:
        axis.set_axis_off()
        axis.set_anchor('N')
    for row, pictures, (name, colour) in zip(
            axes, examples, titles, strict=True):
        for axis, picture in zip(row, pictures, strict=False):
            axis.imshow(picture, interpolation='antialiased')
        row[0].text(-0.04, 0.5, name, rotation='vertical', va='center',
                    ha='right', weight='bold', color=colour / 255,
                    transform=row[0].transAxes)
    for axis, picture in zip(axes[:, left + 1:].flat, photos, strict=False):
        axis.imshow(picture, interpolation='antialiased')
    axes[0, 0].set_title('examples and their masks', loc='left', size=10)
    axes[0, left + 1].set_title('other photographs', loc='left', size=10)
    return figure


def main() -> None:
    """Segment the photographs and write the picture."""
    args = parse_args()
    pairs_of = list_pairs(Path(args.support))
    inferencer = make_inferencer(args)
    inferencer.fit(args.support)
    palette = inferencer.palette()
    examples = [
        [overlay(mmcv.imread(image, channel_order='rgb'),
                 label * (mmcv.imread(mask, 'grayscale') > 0), palette)
         for image, mask in pairs]
        for label, pairs in enumerate(pairs_of.values(), start=1)]
    images = [item.source for item in list_images(args.images)]
    predictions = inferencer(images)['predictions']
    photos = [
        overlay(mmcv.imread(image, channel_order='rgb'), labels, palette)
        for image, labels in zip(images, predictions, strict=True)]
    titles = [(name, palette[label]) for label, name in enumerate(
        inferencer.classes, start=1)]
    plot(examples, photos, titles).savefig(
        args.out, dpi=130, pil_kwargs=dict(quality=88))


if __name__ == '__main__':
    main()
