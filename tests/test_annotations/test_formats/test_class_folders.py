import numpy as np
import pytest
from PIL import Image

from mmseg_panet.errors import InputError
from mmseg_panet.inference.supports import read_supports

SIZE = (12, 16)


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'not decoded')
    return folder


def names_of(supports):
    return {
        name: [support.image.rsplit('/', 1)[1] for support in those]
        for name, those in supports.items()}


def test_a_folder_of_classes_needs_no_list(tmp_path):
    mask = np.zeros(SIZE, np.uint8)
    mask[2:5, 3:9] = 1
    touch(tmp_path, 'dog/a.jpg', 'cat/b.webp')
    for path in ('dog/a.png', 'cat/b.png'):
        Image.fromarray(mask).save(tmp_path / path)
    supports = read_supports(tmp_path)
    assert list(supports) == ['cat', 'dog']
    for name, (support,) in supports.items():
        assert support.class_name == name
        assert support.names == (name,)
        assert (support.rasterize(SIZE) == mask).all()


def test_images_and_masks_are_paired_by_their_names(tmp_path):
    touch(tmp_path / 'cat', 'a.jpg', 'a.png', 'b.JPG', 'b_mask.png',
          'c.png', 'c_mask.png', 'd_mask.jpg', 'd_mask.png', 'e.v2.tif',
          'e.v2.png', '.f.jpg', 'Thumbs.db', 'notes.txt', 'more/g.txt')
    touch(tmp_path, '.hidden/a.jpg', 'readme.txt', 'info.json')
    assert names_of(read_supports(str(tmp_path))) == {
        'cat': ['a.jpg', 'b.JPG', 'c.png', 'd_mask.jpg', 'e.v2.tif']}


@pytest.mark.parametrize(('files', 'sentence'), [
    (['cat/a.jpg', 'cat/b.jpg', 'cat/b.png'],
     r'cat/a\.jpg: expected its mask a\.png beside it, got none'),
    (['cat/a.png'], r'a\.png: .* mask a_mask\.png beside it, or the image'),
    (['cat/a_mask.png'], r'a_mask\.png: .*, or the image that it is the mask'),
    (['cat/a.png', 'cat/a_mask.png', 'cat/a_mask_mask.png'],
     r'a_mask_mask\.png: expected an image for this mask'),
    (['cat/a.jpg', 'cat/a.png', 'cat/a_mask.png'],
     r'got a\.png and a_mask\.png'),
    (['cat/a.jpg', 'cat/a.webp', 'cat/a.png'], r'got a\.png and a\.jpg'),
    (['cat/a.txt'], 'cat: expected images of the class'),
    (['cat/a.jpg', 'cat/a.png', 'a.jpg'],
     r'/a\.jpg: expected images in the folder of their class'),
    (['background/a.jpg', 'background/a.png'],
     "expected names of classes, got 'background'"),
    (['cat /a.jpg', 'cat /a.png'], "got 'cat '; rename"),
    (['a.jpg'], 'expected a folder <class>/ for each class, got only images; '
     'move them into a folder with the name of their class, or give the fol'),
    (['cat/b.jpg', 'cat/b_mask.jpg'], r'b\.jpg: expected its mask as b_mask'
     r'\.png beside it, got b_mask\.jpg; a mask must be a PNG'),
    (['cat/b.png', 'cat/b_mask.webp'], 'got b_mask.webp; a mask must be'),
    (['animals/cat/a.jpg', 'animals/cat/a.png'],
     r"animals: .* got the folders \['cat'\]; classes must lie directly in "
     '.*/in, so move .*/in/animals$'),
    (['images/a.jpg', 'masks/a.png'],
     'in: expected classes.txt beside images/ and masks/, got none; write it'),
    ([], 'expected a folder <class>/ for each class'),
])
def test_unpaired_files_raise_an_input_error(tmp_path, files, sentence):
    folder = touch(tmp_path / 'in', *files)
    folder.mkdir(exist_ok=True)
    with pytest.raises(InputError, match=sentence) as caught:
        read_supports(folder)
    assert '\n' not in str(caught.value)


def test_what_a_mac_leaves_is_no_class(tmp_path):
    touch(tmp_path, 'cat/a.jpg', 'cat/a.png', 'cat/._a.jpg', '._cat',
          '__MACOSX/cat/._a.jpg', '__MACOSX/._cat', 'cat/__MACOSX/._a.jpg')
    assert names_of(read_supports(tmp_path)) == {'cat': ['a.jpg']}
