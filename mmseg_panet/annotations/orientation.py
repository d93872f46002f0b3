"""The camera's orientation of a photograph, and of its labels."""
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from ..errors import InputError
from .image_files import opened


def seen_as(labels: np.ndarray, image: Path) -> np.ndarray:
    """Turn labels as the camera's orientation turns the photograph.

    Images are decoded with their EXIF orientation applied. Labels that have
    the size of the image as it is seen are left alone, those of its size as
    stored are turned. Where both sizes are the same, labels are taken to be
    of the image as it is seen, which is what annotation tools show.

    Args:
        labels (np.ndarray): (H, W), uint8.
        image (Path): Path of the image.

    Returns:
        np.ndarray: (H, W) of the decoded image.

    Raises:
        InputError: If the image cannot be read or neither size fits.
    """
    with opened(image) as picture:
        stored = picture.size[::-1]  # (H, W)
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    seen = stored[::-1] if orientation in range(5, 9) else stored
    if labels.shape == seen:
        return labels
    if labels.shape == stored:
        mask = Image.fromarray(labels)
        mask.getexif()[ExifTags.Base.Orientation] = orientation
        return np.asarray(ImageOps.exif_transpose(mask))
    raise InputError(
        f'{image} is {seen[1]}x{seen[0]}, but it was annotated as '
        f'{labels.shape[1]}x{labels.shape[0]}; annotate it again, or put '
        'back the image that was annotated')
