"""The PNG of a mask."""
import io

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo


def encode_mask(labels: np.ndarray, palette: bytes,
                text: PngInfo | None = None) -> bytes:
    """Encode a mask as a PNG.

    It has 8 bits and a palette, or 16 bits and is grey.

    Args:
        labels (np.ndarray): Labels of the pixels, (H, W) uint8 or uint16.
        palette (bytes): RGB colours of up to 256 labels, three bytes each.
            Those of uint16 are not stored.
        text (PngInfo, optional): Text chunks to store in the file. Defaults
            to None.

    Returns:
        bytes: The file.
    """
    mask = Image.fromarray(labels)
    if labels.dtype == np.uint8:
        mask.putpalette(palette)
    data = io.BytesIO()
    mask.save(data, 'PNG', pnginfo=text)
    return data.getvalue()
