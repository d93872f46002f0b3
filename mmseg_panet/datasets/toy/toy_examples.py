"""Toy examples of classes, and toy images to segment by them."""
import os
from pathlib import Path

from PIL import Image

from .toy_image import TOY_CLASSES, render_toy_image

_NOVEL = 3
"""Classes of fold 0 of toy-3i, the first ones."""
_FIRST = 1200000
"""Past all images of a data set; image i has class i modulo 12 in front."""


def make_toy_examples(out_dir: str | os.PathLike,
                      num_shots: int = 5,
                      num_photos: int = 12,
                      size: int = 128,
                      seed: int = 0) -> None:
    """Draw supports of the three classes that fold 0 holds out, and images.

    Writes ``examples/<class>/*.jpg`` with a mask of the same name as PNG, 1
    the class, 255 a border of one pixel, and ``photos/*.jpg``, which show the
    classes in turn; over files of the same names.

    Args:
        out_dir (str | os.PathLike): A folder.
        num_shots (int): Of each class. Defaults to 5.
        num_photos (int): Defaults to 12.
        size (int): Height and width in pixels. Defaults to 128.
        seed (int): Of the drawing. Defaults to 0.
    """
    classes = len(TOY_CLASSES)
    for label, name in enumerate(TOY_CLASSES[:_NOVEL], start=1):
        folder = Path(out_dir, 'examples', name)
        folder.mkdir(parents=True, exist_ok=True)
        for shot in range(num_shots):
            image, labels = render_toy_image(
                seed, _FIRST + classes * shot + label - 1, size)
            labels[(labels != label) & (labels != 255)] = 0
            labels[labels == label] = 1
            Image.fromarray(image).save(folder / f'{shot}.jpg', quality=95)
            Image.fromarray(labels).save(folder / f'{shot}.png')
    folder = Path(out_dir, 'photos')
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num_photos):
        round_, label = divmod(number, _NOVEL)
        image, _ = render_toy_image(
            seed, _FIRST + classes * (num_shots + round_) + label, size)
        Image.fromarray(image).save(folder / f'{number:02}.jpg', quality=95)
