"""Toy examples of classes, and toy images to segment by them."""
import os
from pathlib import Path

from PIL import Image

from .toy_dataset import TOY_CLASSES, write_toy_image

_NOVEL = 3
"""Classes of fold 0 of toy-3i, the first ones."""
_FIRST = 1200000
"""Past all images of a data set; image i has class i modulo 12 in front."""


def make_toy_examples(out_dir: str | os.PathLike,
                      num_shots: int = 5,
                      num_photos: int = 12,
                      size: int = 128,
                      seed: int = 0) -> None:
    """Render supports of the three classes that fold 0 holds out, and images.

    Writes ``examples/<class>/*.jpg`` with a mask of the same name as PNG, 1
    the class, 255 a border of one pixel, and ``photos/*.jpg``, which show the
    classes in turn; over files of the same names.

    Args:
        out_dir (str | os.PathLike): A folder.
        num_shots (int): Of each class. Defaults to 5.
        num_photos (int): Defaults to 12.
        size (int): Height and width in pixels. Defaults to 128.
        seed (int): Of the images. Defaults to 0.
    """
    classes, out_dir = len(TOY_CLASSES), Path(out_dir)
    for way, name in enumerate(TOY_CLASSES[:_NOVEL]):
        for shot in range(num_shots):
            path = out_dir / 'examples' / name / f'{shot}.jpg'
            labels = write_toy_image(
                path, seed, _FIRST + classes * shot + way, size)
            labels[labels != 255] = labels[labels != 255] == 1 + way
            Image.fromarray(labels).save(path.with_suffix('.png'))
    for number in range(num_photos):
        round_, way = divmod(number, _NOVEL)
        write_toy_image(
            out_dir / f'photos/{number:02}.jpg', seed,
            _FIRST + classes * (num_shots + round_) + way, size)
