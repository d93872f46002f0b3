import pytest
from image_files import save_image, write_video

from mmseg_panet.errors import InputError
from mmseg_panet.inference.images.image_list import list_images
from mmseg_panet.inference.results.pictures import Pictures


def test_an_unknown_format_is_an_error():
    with pytest.raises(InputError, match="one of .*'mp4', 'webm'.*got 'gif'"):
        Pictures('gif')


def test_without_a_video_there_is_no_overlay_video(tmp_path):
    items = list_images(save_image(tmp_path / 'a.png'))
    Pictures().check(tmp_path / 'out', items)
    with pytest.raises(InputError, match='expected a video among the images'):
        Pictures('mp4').check(tmp_path / 'out', items)
    damaged = tmp_path / 'a.mp4'
    damaged.write_text('no video')
    with pytest.raises(InputError, match='a.mp4 could not be read as a video'):
        Pictures('mp4').check(tmp_path / 'out', list_images(damaged))


def test_the_output_is_never_the_input(tmp_path):
    (tmp_path / 'overlays').mkdir()
    path = write_video(tmp_path / 'overlays/a.mp4', 2)
    items = list_images(path)
    with pytest.raises(InputError, match='another file than the inputs'):
        Pictures('mp4').check(tmp_path, items)
    Pictures('webm').check(tmp_path, items)
    with pytest.raises(InputError, match='at least one image'):
        list_images(path, leave_out=tmp_path)
