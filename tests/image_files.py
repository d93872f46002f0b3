"""Files of images and videos with known pixels."""
import struct
import zlib

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


def write_huge_png(path, side=20000):
    """Write the start of a PNG of many pixels."""
    def chunk(kind, data):
        return (struct.pack('>I', len(data)) + kind + data
                + struct.pack('>I', zlib.crc32(kind + data)))
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(bytes(10 * (1 + side)))))
