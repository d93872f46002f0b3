from image_files import save_image, write_video

from mmseg_panet.inference.images.image_list import list_images


def names(*paths):
    return [item.name for item in list_images(list(paths))]


def test_the_frames_of_two_videos_of_one_name_are_in_two_folders(tmp_path):
    """They differ in length, so that most frames would be unique anyway."""
    for path, number in (
            ('a.mp4', 2), ('a.avi', 3), ('deep/a.avi', 1)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        write_video(tmp_path / 'part.avi', number).rename(tmp_path / path)
    assert names(tmp_path / 'a.mp4', tmp_path / 'a.avi',
                 tmp_path / 'deep/a.avi') == [
        'a.mp4/000000', 'a.mp4/000001',
        'a.avi/000000', 'a.avi/000001', 'a.avi/000002', 'a.avi_1/000000']


def test_a_video_beside_an_image_of_the_name_of_a_frame_keeps_its_suffix(
        tmp_path):
    video = write_video(tmp_path / 'a.avi', 2)
    image = save_image(tmp_path / 'a/000001.png')
    found = names(video, str(tmp_path / '**/*.png'))
    assert found == ['a.avi/000000', 'a.avi/000001', 'a/000001']
    assert names(video, image) == ['a/000000', 'a/000001', '000001']


def test_every_nth_frame_keeps_its_number(tmp_path):
    video = write_video(tmp_path / 'a.avi', 7)
    assert [item.name for item in list_images(video, frame_step=3)] == [
        'a/000000', 'a/000003', 'a/000006']
