import weakref

import cv2
import numpy as np
import pytest
from image_files import save_image
from PIL import Image
from result_parts import CLASSES, PALETTE

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.results import contact_sheet
from mmseg_panet.inference.results.contact_sheet import (
    check_contact_sheet,
    write_contact_sheet,
)
from mmseg_panet.inference.results.mask_file import (
    mask_path,
    write_prediction,
)
from mmseg_panet.inference.results.prediction import Prediction
from mmseg_panet.visualization.overlay import OverlayStyle
from mmseg_panet.visualization.segmentation_plot import PLAIN_STYLE


@pytest.fixture
def items(tmp_path):
    """Forty-one images with masks, each of a size of its own."""
    (tmp_path / 'photos').mkdir()
    for i in range(41):
        image = np.full((20 + i, 40, 3), 100, np.uint8)
        cv2.imwrite(str(tmp_path / f'photos/{i:02d}.png'), image)
    found = list_images(tmp_path / 'photos')
    for item in found:
        labels = np.ones((20 + int(item.name), 40), np.uint8)
        write_prediction(mask_path(tmp_path / 'out', item.name), Prediction(
            labels, np.ones(labels.shape, np.float32), CLASSES), PALETTE)
    return found


def write(tmp_path, items, style=PLAIN_STYLE):
    write_contact_sheet(tmp_path / 'out', items, CLASSES, PALETTE, style)
    return sorted((tmp_path / 'out/contact_sheets').iterdir())


def test_a_page_has_twenty_images_and_pages_of_earlier_runs_go(
        tmp_path, items):
    pages = write(tmp_path, items)
    assert [page.name for page in pages] == ['001.jpg', '002.jpg', '003.jpg']
    sizes = [Image.open(page).size for page in pages]
    assert sizes[0][0] == 5 * (256 + 8)
    assert sizes[2][0] < 300
    assert [page.name for page in write(tmp_path, items[:20])] == ['001.jpg']
    (tmp_path / 'out/contact_sheets/2024.jpg').write_bytes(b'of the user')
    pages = write(tmp_path, items[:1])
    assert [page.name for page in pages] == ['001.jpg', '2024.jpg']


def test_the_legend_can_be_left_out(tmp_path, items):
    heights = [
        Image.open(write(tmp_path, items[:5], style)[0]).height
        for style in (OverlayStyle(), OverlayStyle(legend=False))]
    assert heights[0] > heights[1] + 30


def test_one_image_at_a_time_is_in_memory(tmp_path, items, monkeypatch):
    """An image is released before the next one is read."""
    images = []
    read = contact_sheet.read_image

    def watched(*args):
        assert sum(one() is not None for one in images) <= 1
        image = read(*args)
        images.append(weakref.ref(image))
        return image

    monkeypatch.setattr(contact_sheet, 'read_image', watched)
    write(tmp_path, items)
    assert len(images) == 41


def test_files_from_elsewhere_are_not_written_over(tmp_path):
    save_image(tmp_path / 'contact_sheets/mine.jpg')
    with pytest.raises(InputError, match='were not written here'):
        check_contact_sheet(tmp_path)
    (tmp_path / 'made_with.txt').touch()
    check_contact_sheet(tmp_path)
