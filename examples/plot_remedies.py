"""Plot what helps when a class is found in the wrong places.

The first row has one example of one class; the others have a second example,
negatives, and all classes at once. The columns are photographs.
"""
import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import mmcv
import numpy as np

from mmseg_panet.annotations.formats.class_folders import list_pairs
from mmseg_panet.apis import FewShotInferencer, list_images
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
        '--class', dest='name', required=True, metavar='NAME',
        help='class of the first three rows')
    parser.add_argument(
        '--images', nargs='+', required=True, metavar='PATH',
        help='images, folders or glob patterns')
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='a .jpg or .png')
    return parser.parse_args()


def segment_by_each(
        inferencer: FewShotInferencer, support: Path, name: str,
        images: list[str]) -> dict[str, list[np.ndarray]]:
    """Segment the images by more and more examples.

    Args:
        inferencer (FewShotInferencer): Inferencer without classes.
        support (Path): Folder with examples of several classes.
        name (str): Class that is registered first.
        images (list[str]): Images to segment.

    Returns:
        dict[str, list[np.ndarray]]: Labels (H, W) of the images, as ids in
        the order of the folders, by what was given.
    """
    pairs = list_pairs(support)
    others = [image for other, those in pairs.items() if other != name
              for image, _ in those]
    found = {}
    for title, settings in {
            f'one example of a {name}': dict(
                supports={name: pairs[name][:1]}),
            'two examples': dict(supports={name: pairs[name]}),
            f'and {len(others)} negatives': dict(
                supports={name: pairs[name]}, negatives=others),
            f'two examples of each of {len(pairs)} classes': dict(
                supports=pairs)}.items():
        inferencer.fit(**settings)
        ids = np.array([0, *(
            list(pairs).index(one) + 1 for one in inferencer.classes)])
        found[title] = [
            ids[labels] for labels in inferencer(images)['predictions']]
    return found


def main() -> None:
    """Segment the photographs and write the picture."""
    args = parse_args()
    inferencer = make_inferencer(args)
    images = [item.source for item in list_images(args.images)]
    found = segment_by_each(
        inferencer, Path(args.support), args.name, images)
    palette = inferencer.palette()
    pixels = [mmcv.imread(image, channel_order='rgb') for image in images]
    figure, axes = plt.subplots(
        len(found), len(images), squeeze=False, layout='constrained',
        figsize=(1.9 * len(images), 1.6 * len(found)))
    for row, (title, labels) in zip(axes, found.items(), strict=True):
        row[0].set_title(title, loc='left', size=10)
        for axis, image, ids in zip(row, pixels, labels, strict=True):
            axis.imshow(overlay(image, ids, palette),
                        interpolation='antialiased')
            axis.set_axis_off()
    figure.savefig(args.out, dpi=110, pil_kwargs=dict(quality=88))


if __name__ == '__main__':
    main()
