"""The resize of a graph is that of OpenCV to the bit."""
import cv2
import numpy as np
import pytest
import torch

from mmseg_panet.export.image_resize import resize_images


@pytest.mark.parametrize('size', [
    (1, 1), (2, 3), (30, 41), (64, 96), (128, 192), (65, 300), (250, 99)])
def test_noise_is_resized_as_by_opencv(size):
    """Enlarged, reduced, by exactly 2, and not at all along an axis."""
    images = np.random.default_rng(0).integers(
        0, 256, (2, *size, 3), dtype=np.uint8)
    found = resize_images(torch.from_numpy(images), (64, 96)).numpy()
    for image, one in zip(images, found, strict=True):
        expected = cv2.resize(image, (96, 64)).astype(int)
        # Other builds of OpenCV may round differently.
        assert abs(one - expected).max() <= 1
        assert (one != expected).mean() < 0.01


def test_a_pixel_between_two_by_hand():
    """Halfway, (10 * 1024 + 21 * 1024) / 2048 = 15.5, rounded up."""
    images = torch.tensor([10, 21], dtype=torch.uint8).view(1, 1, 2, 1)
    assert resize_images(images, (1, 1)).item() == 16
    assert resize_images(images, (1, 4)).flatten().tolist() == [10, 13, 18, 21]
