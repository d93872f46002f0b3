"""Uploaded images: their names, their limits and their previews."""
import io

import cv2
import numpy as np
import pytest
from inference_parts import RESIZE, image_of, small_inferencer
from PIL import Image

from mmseg_panet.app.limits import SessionLimits
from mmseg_panet.app.loaded_image import preview, safe_name
from mmseg_panet.app.session import Session
from mmseg_panet.errors import InputError
from mmseg_panet.inference.shared_inferencer import SharedInferencer

HOSTILE = '<img src=x onerror=alert(1)>.jpg'
IMAGE = cv2.imencode('.jpg', image_of((9, 9, 200))[0])[1].tobytes()


@pytest.fixture(scope='module')
def shared():
    return SharedInferencer(small_inferencer(RESIZE))


@pytest.fixture
def session(shared):
    one = Session(shared)
    yield one
    one.close()


@pytest.mark.parametrize('given, expected', [
    ('cat.jpg', 'cat.jpg'),
    ('../../etc/passwd', 'passwd'),
    ('C:\\photos\\cat.jpg', 'cat.jpg'),
    ('/etc/', 'etc'),
    ('..', 'image'), ('', 'image'), ('.', 'image'), ('  ', 'image'),
    ('.hidden.png', 'hidden.png'),
    ('a\0b\nc\u202e.jpg', 'a_b_c_.jpg'),
    ('\ud800.jpg', '_.jpg'),
    (HOSTILE, HOSTILE),
    ('猫.jpg', '猫.jpg'),
    ('a' * 999 + '.jpg', 'a' * 196 + '.jpg'),
    ('é' * 999, 'é' * 100),
    (None, 'None')])
def test_a_name_stays_in_its_folder(given, expected):
    assert safe_name(given, ()) == expected


def test_a_name_that_is_taken_gets_a_number():
    assert safe_name('cat.jpg', ['CAT.jpg', 'cat_2.jpg']) == 'cat_3.jpg'


@pytest.mark.parametrize('name', [
    '../../../escaped.jpg', '/tmp/escaped.jpg', HOSTILE, 'a/b\0.mp4', '.',
    'x' * 5000 + '.jpg', 'list.txt', 'photo.heic'])
def test_a_file_of_any_name_is_written_into_the_folder(session, name):
    """The type is that of the content."""
    before = {*session.folder.parent.iterdir()}
    image = session.image(session.add_image(IMAGE, name))
    assert image.path.read_bytes() == IMAGE
    assert image.path.parent == session.folder / 'images'
    assert image.size == (60, 80)
    assert {*session.folder.parent.iterdir()} == before


def test_files_of_one_name_are_distinguished(session):
    for _ in range(3):
        session.add_image(IMAGE, 'cat.jpg')
    assert [one.name for one in session.images] == [
        'cat.jpg', 'cat_2.jpg', 'cat_3.jpg']


def test_the_pixels_are_red_green_blue_and_upright(session):
    picture = Image.new('RGB', (40, 20), (200, 10, 30))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    file = io.BytesIO()
    picture.save(file, 'PNG', exif=exif)
    image = session.image(session.add_image(file.getvalue(), 'red.png'))
    assert image.size == image.pixels.shape[:2] == (40, 20)
    assert image.pixels[0, 0].tolist() == [200, 10, 30]


@pytest.mark.parametrize('content, name', [
    (b'', 'empty.jpg'), (b'<svg onload=alert(1)>', 'picture.svg'),
    (b'GIF89a', 'cut.gif'), (IMAGE[:300], 'cut.jpg'),
    (b'<script>alert(1)</script>', 'page.jpg'),
    (b'PK\3\4' + bytes(100), 'archive.png')])
def test_what_is_no_image_is_refused_by_its_content(session, content, name):
    with pytest.raises(InputError, match=name):
        session.add_image(content, name)
    assert not session.images
    assert not any(session.folder.iterdir())


def test_limits_are_checked(shared, tmp_path):
    bomb = io.BytesIO()
    Image.new('1', (3000, 3000)).save(bomb, 'PNG')
    assert len(bomb.getvalue()) < 5000
    megabytes = (len(IMAGE) + 10) / 1e6
    path = tmp_path / 'large.jpg'
    path.write_bytes(IMAGE + bytes(100))
    session = Session(shared, SessionLimits(
        max_images=2, max_megapixels=8, max_megabytes=megabytes,
        max_total_megabytes=1.5 * megabytes))
    for content, words in [
            (bomb.getvalue(), 'large.jpg of'),
            (path, 'save it smaller'), (IMAGE + bytes(100), 'save it')]:
        with pytest.raises(InputError, match=words):
            session.add_image(content, 'large.jpg')
    session.add_image(IMAGE, '1.jpg')
    with pytest.raises(InputError, match='in total.*remove an image first'):
        session.add_image(IMAGE, '2.jpg')
    session.close()
    session = Session(shared, SessionLimits(max_images=2, max_megapixels=8))
    with pytest.raises(InputError, match='of 3000x3000; make it smaller'):
        session.add_image(bomb.getvalue(), 'bomb.png')
    for name in '12':
        session.add_image(IMAGE, name)
    with pytest.raises(InputError, match='at most 2 images'):
        session.add_image(IMAGE, '3')
    session.remove_image(session.images[0].id)
    session.add_image(IMAGE, '3')
    session.close()


def test_a_large_image_is_reduced():
    image = np.zeros((3000, 4000, 3), np.uint8)
    assert preview(image, 1024 * 768).shape == (768, 1024, 3)
    assert preview(image[:768, :1024], 1024 * 768).shape == (768, 1024, 3)
    assert preview(image[:1], 100).shape == (1, 632, 3)
