import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from mmseg_panet.errors import InputError
from mmseg_panet.models import DiscriminantClassifier, PANetHead
from mmseg_panet.models.bank.bank_file import read_bank, write_bank
from mmseg_panet.models.bank.bank_tensors import from_tensors, to_tensors
from mmseg_panet.models.bank.banked_image import BankedSupport
from mmseg_panet.models.bank.prototype_bank import PrototypeBank

MODEL = dict(needs=['moments'], cells='unit', rank=4)


def measured(image, channels=12, size=(6, 7), rank=4, classes=1):
    """The statistics of random features, all valid pixels first."""
    generator = torch.Generator().manual_seed(image)
    features = torch.randn(1, channels, *size, generator=generator)
    labels = torch.randint(
        0, 1 + classes, (1, 8 * size[0], 8 * size[1]), generator=generator)
    head = PANetHead(channels, classifier=dict(
        type='DiscriminantClassifier', rank=rank)).eval()
    return head.class_statistics(features, labels, classes).each(
        lambda one: one[0])


def supports_of(statistics, image, *names):
    """A support of each class that an image shows, its own class first."""
    for number, name in enumerate(names):
        others = [i for i in range(len(names)) if i != number]
        yield BankedSupport(
            name, (name, *(names[i] for i in others)),
            statistics.masks([0, 1 + number, *(1 + i for i in others)]),
            f'{image}.jpg', str(image), 'labels')


def pets(**settings):
    """Two images of a cat, and one of a dog with another cat."""
    return PrototypeBank([
        *supports_of(measured(0, **settings), 0, 'cat'),
        *supports_of(measured(1, **settings), 1, 'cat'),
        *supports_of(measured(2, classes=2, **settings), 2, 'dog', 'cat')])


def fitted(bank):
    statistics = bank.statistics().each(lambda one: one[None].to(
        torch.float32))
    return DiscriminantClassifier().fit(statistics, bank.shots)


@pytest.mark.parametrize('rank', [4, 12, None])
def test_what_is_fitted_is_the_same_before_and_after_saving(tmp_path, rank):
    bank = pets(rank=rank)
    model = dict(MODEL, rank=rank)
    write_bank(tmp_path / 'bank', bank, model)
    found = read_bank(tmp_path / 'bank', model)
    assert found.shots == bank.shots == [3, 1]
    for one, other in zip(found.supports, bank.supports, strict=True):
        assert one._replace(statistics=None) == other._replace(statistics=None)
        tensors = other.statistics.tensors()
        assert ('axes' in tensors) == (rank == 4)
        assert one.statistics.tensors().keys() == tensors.keys()
        for name, tensor in one.statistics.tensors().items():
            assert torch.equal(tensor, tensors[name]), name
    assert torch.equal(fitted(found).weight, fitted(bank).weight)
    write_bank(tmp_path / 'again', found, model)
    assert (tmp_path / 'again').read_bytes() == (
        tmp_path / 'bank').read_bytes()


def test_rounding_the_moments_changes_less_than_a_millionth():
    statistics = measured(0)
    kept = PrototypeBank(supports_of(statistics, 0, 'cat')).supports[0]
    assert kept.statistics.moments.dtype == torch.float32
    assert kept.statistics.sums.dtype == torch.float64
    moments = kept.statistics.moments
    assert torch.equal(moments, moments.mT)
    torch.testing.assert_close(
        moments.double(), statistics.moments, rtol=0,
        atol=1e-6 * float(statistics.areas.max()))


def test_the_bank_of_many_channels_has_less_than_200_kb_a_support(tmp_path):
    """1024 channels on 28 x 28 cells: 64 axes, and two masks a support."""
    bank = PrototypeBank(
        one for image in range(5) for one in supports_of(
            measured(image, 1024, (28, 28), rank=64), image,
            'cat' if image < 3 else 'dog'))
    path = tmp_path / 'bank'
    write_bank(path, bank, dict(MODEL, rank=64))
    # Areas and sums, axes, triangles; the prototypes of all are 12 kB.
    support = 2 * 1025 * 8 + 64 * 1024 * 2 + 2 * 64 * 65 // 2 * 4
    assert 5 * support < path.stat().st_size < 5 * (support + 4000)
    assert path.stat().st_size < 5 * 200_000
    assert read_bank(path, dict(MODEL, rank=64)).classes == ('cat', 'dog')


def test_supports_of_one_image_share_its_axes():
    """So they do in a bank that was read; equal axes are not shared."""
    bank = pets()
    for _ in range(2):
        tensors, entries = to_tensors(
            [one.statistics for one in bank.supports])
        # The cats of images 0, 1 and 2 come first, then the dog of image 2.
        assert [entry['axes'] for entry in entries] == [0, 1, 2, 2]
        assert tensors['axes'].shape == (3, 4, 12)
        assert tensors['axes'].dtype == torch.float16
        statistics = from_tensors(
            tensors, [dict(entry, names=one.names) for entry, one in zip(
                entries, bank.supports, strict=True)], MODEL)
        assert statistics[2].axes is statistics[3].axes
        bank = PrototypeBank(
            one._replace(statistics=of_support) for one, of_support in zip(
                bank.supports, statistics, strict=True))


def first_diagonal(tensors):
    """The moment of the first coordinate with itself."""
    tensors['moments'][0, 0] = -1


@pytest.mark.parametrize(('change', 'words'), [
    (lambda header, tensors: tensors.pop('axes'), "KeyError: 'axes'"),
    (lambda header, tensors: tensors.pop('moments'), "KeyError: 'moments'"),
    (lambda header, tensors: tensors['moments'].fill_(float('inf')),
     'expected moments as finite float32'),
    (lambda header, tensors: tensors.update(
        moments=tensors['moments'].double()), 'got torch.float64'),
    (lambda header, tensors: tensors.update(moments=tensors['moments'][1:]),
     r'numbers of .10, 10., got torch.float32 .9, 10.'),
    (lambda header, tensors: tensors.update(
        moments=tensors['moments'][:, 1:]), 'got torch.float32 .10, 9.'),
    (lambda header, tensors: first_diagonal(tensors), 'got negative ones'),
    (lambda header, tensors: tensors['axes'].fill_(float('nan')),
     'expected axes as finite float16'),
    (lambda header, tensors: tensors.update(axes=tensors['axes'].float()),
     'expected axes as finite float16'),
    (lambda header, tensors: tensors.update(axes=tensors['axes'][:, :3]),
     r'axes as .* numbers of .3, 4, 12., got torch.float16 .3, 3, 12.'),
    (lambda header, tensors: tensors.update(axes=2 * tensors['axes']),
     'orthogonal and of length 1'),
    (lambda header, tensors: tensors['axes'][0, 0].copy_(
        tensors['axes'][0, 1]), 'orthogonal and of length 1'),
    (lambda header, tensors: header['supports'][0].update(axes=7),
     'a support for each of 3 axes'),
    (lambda header, tensors: header['supports'][0].update(axes=-1),
     'a support for each of 3 axes'),
    (lambda header, tensors: header['supports'][0].pop('axes'),
     "KeyError: 'axes'"),
    (lambda header, tensors: header['model'].update(rank=5),
     'expected axes as finite'),
    (lambda header, tensors: header['model'].update(rank=None),
     r'numbers of .10, 78., got'),
    (lambda header, tensors: header['model'].update(rank='4'),
     'rank as an integer'),
])
def test_moments_and_axes_that_do_not_fit_are_refused(
        tmp_path, change, words):
    path = tmp_path / 'bank'
    write_bank(path, pets(), MODEL)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], 'little')
    header = json.loads(json.loads(
        data[8:8 + length])['__metadata__']['mmseg_panet'])
    tensors = {name: one.clone() for name, one in load_file(path).items()}
    change(header, tensors)
    save_file(
        {name: one.contiguous() for name, one in tensors.items()}, path,
        dict(mmseg_panet=json.dumps(header)))
    with pytest.raises(InputError, match=f'is not a prototype bank.*{words}'):
        read_bank(path, MODEL)


def test_a_bank_of_other_axes_is_refused(tmp_path):
    write_bank(tmp_path / 'bank', pets(), MODEL)
    with pytest.raises(
            InputError, match='another number of main axes: expected 8, got '
            '4; load it with the classifier'):
        read_bank(tmp_path / 'bank', dict(MODEL, rank=8))


def test_moments_that_are_not_needed_are_left_out(tmp_path):
    bank = pets()
    write_bank(tmp_path / 'bank', bank, MODEL)
    found = read_bank(tmp_path / 'bank', dict(cells='unit', needs=[]))
    assert {name for one in found.supports
            for name in one.statistics.tensors()} == {'areas', 'sums'}
    assert torch.equal(found.prototypes(), bank.prototypes())
    write_bank(tmp_path / 'again', found, dict(cells='unit', needs=[]))
    with pytest.raises(InputError, match='other statistics'):
        read_bank(tmp_path / 'again', MODEL)
