"""Files of images and videos with known pixels."""
import cv2
import numpy as np
from PIL import Image


def ramp(height=40, width=60):
    """Create a smooth BGR image, which JPEG hardly changes."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack(
        [rows * 4, columns * 4, 200 - rows - columns], axis=2).astype(np.uint8)


def save_image(path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ramp()[..., ::-1].copy()).save(path, **options)
    return path


def write_video(path, frames):
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for i in range(frames):
        writer.write(np.full((48, 64, 3), 20 * i, np.uint8))
    writer.release()
    return path
