import numpy as np
from PIL import Image

from mmseg_panet.datasets.toy.toy_examples import make_toy_examples
from mmseg_panet.inference.supports import read_supports


def test_examples_are_a_support_folder_of_the_novel_classes(tmp_path):
    make_toy_examples(tmp_path, num_shots=2, num_photos=4, size=48)
    supports = read_supports(tmp_path / 'examples')
    assert set(supports) == {
        'striped disc', 'checked square', 'dotted triangle'}
    for name, shots in supports.items():
        assert len(shots) == 2
        for shot in shots:
            labels = shot.rasterize((48, 48))
            assert shot.names == (name,) and (labels == 1).any()
    assert len(list((tmp_path / 'photos').iterdir())) == 4


def test_examples_are_the_same_each_time(tmp_path):
    for folder in ('a', 'b'):
        make_toy_examples(
            tmp_path / folder, num_shots=1, num_photos=1, size=48)
    one, other = (
        {path.relative_to(tmp_path / folder): path.read_bytes()
         for path in (tmp_path / folder).rglob('*.*')}
        for folder in ('a', 'b'))
    assert one == other and len(one) == 3 * 2 + 1


def test_photos_differ_from_the_examples(tmp_path):
    make_toy_examples(tmp_path, num_shots=1, num_photos=3, size=48)
    pictures = [
        np.asarray(Image.open(path)) for path in tmp_path.rglob('*.jpg')]
    assert len({picture.tobytes() for picture in pictures}) == 6
