from mmseg_panet.inference.images.image_list import ImageItem
from mmseg_panet.inference.results.coco_export import coco_images


def test_files_of_one_name_are_named_by_their_paths(tmp_path):
    items = [
        ImageItem('a.jpg', str(tmp_path / 'x/a.jpg')),
        ImageItem('b', str(tmp_path / 'y/b.jpg')),
        ImageItem('a.jpg_2', str(tmp_path / 'y/z/a.jpg')),
        ImageItem('c', 'https://x.org/c.jpg'),
        ImageItem('d', 'https://y.org/c.jpg')]
    rows = list(coco_images((item, (2, 3)) for item in items))
    assert [row['file_name'] for row in rows] == [
        'x/a.jpg', 'y/b.jpg', 'y/z/a.jpg', 'c.jpg', 'c.jpg']
    assert rows[2] == dict(id=3, file_name='y/z/a.jpg', height=2, width=3)
    rows = coco_images((item, (2, 3)) for item in items[1:])
    assert [row['file_name'] for row in rows] == [
        'b.jpg', 'a.jpg', 'c.jpg', 'c.jpg']
