import json

import pytest
import torch
from inference_parts import banked, negative
from safetensors.torch import load_file, save_file

from mmseg_panet.errors import InputError
from mmseg_panet.models import SupportStatistics
from mmseg_panet.models.bank.bank_file import read_bank, write_bank
from mmseg_panet.models.bank.prototype_bank import PrototypeBank

MODEL = dict(
    weights_sha256='12ab', network=dict(depth=18),
    preprocessing=dict(pipeline=[]), pooling=dict(pool_at='image'),
    matching=dict(scale=20.0))


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'pets.safetensors'


def pets():
    return PrototypeBank(
        [banked('cat'), banked('cat', shot=1), banked('dog', 'cat')])


def header_of(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], 'little')
    return json.loads(json.loads(
        data[8:8 + length])['__metadata__']['mmseg_panet'])


def test_a_bank_comes_back_as_it_was(path):
    write_bank(path, pets(), MODEL)
    found = read_bank(path, MODEL)
    assert found.classes == ('cat', 'dog')
    assert_equal_supports(found, pets())
    assert torch.equal(found.prototypes(), pets().prototypes())


def assert_equal_supports(found, bank):
    for one, other in zip(found.supports, bank.supports, strict=True):
        assert one._replace(statistics=None) == (
            other._replace(statistics=None))
        tensors = other.statistics.tensors()
        assert one.statistics.tensors().keys() == tensors.keys()
        for name, tensor in one.statistics.tensors().items():
            assert torch.equal(tensor, tensors[name])


NEEDS = dict(MODEL, needs=['moments', 'cells'])


def weights_of(number, size, generator):
    """Sample weights of masks, of which the first contains the others."""
    weights = torch.rand(1, number, *size, generator=generator).double()
    weights[:, 0] += weights[:, 1:].sum(1)
    return weights


def with_moments_and_cells():
    """Make supports, each with another number of cells."""
    supports = []
    for cells, one in zip((20, 6, 15), pets().supports, strict=True):
        generator = torch.Generator().manual_seed(cells)
        supports.append(one._replace(statistics=SupportStatistics.from_weights(
            torch.randn(1, 6, 1, cells, generator=generator).double(),
            weights_of(1 + len(one.names), (1, cells), generator),
            ('moments', 'cells')).each(lambda one: one[0])))
    return PrototypeBank(supports)


def test_moments_and_cells_come_back_as_they_were(path):
    bank = with_moments_and_cells()
    write_bank(path, bank, NEEDS)
    found = read_bank(path, NEEDS)
    assert_equal_supports(found, bank)
    assert found.statistics().cells.shape == (3, 20, 6)
    with pytest.raises(InputError, match='made with other statistics'):
        read_bank(path, MODEL)


@pytest.mark.parametrize(('change', 'words'), [
    (lambda header, tensors: tensors.pop('cells'), "KeyError: 'cells'"),
    (lambda header, tensors: tensors.pop('weights'), "KeyError: 'weights'"),
    (lambda header, tensors: tensors.pop('moments'), "KeyError: 'moments'"),
    (lambda header, tensors: tensors['cells'].fill_(float('nan')),
     'expected cells as finite float64'),
    (lambda header, tensors: tensors['weights'].neg_(),
     'expected weights as finite float64'),
    (lambda header, tensors: tensors.update(cells=tensors['cells'][:, :5]),
     'expected cells as finite'),
    (lambda header, tensors: tensors.update(moments=tensors['moments'][0]),
     'expected moments as finite'),
    (lambda header, tensors: tensors.update(cells=tensors['cells'].float()),
     'got torch.float32'),
    (lambda header, tensors: header['supports'][0].update(cells=0),
     'expected cells as finite'),
])
def test_statistics_that_do_not_fit_are_refused(path, change, words):
    write_bank(path, with_moments_and_cells(), NEEDS)
    header, tensors = header_of(path), {
        name: one.clone() for name, one in load_file(path).items()}
    change(header, tensors)
    save_file(
        {name: one.contiguous() for name, one in tensors.items()}, path,
        dict(mmseg_panet=json.dumps(header)))
    with pytest.raises(InputError, match=f'is not a prototype bank.*{words}'):
        read_bank(path, NEEDS)


def test_a_bank_without_the_classifier_is_one_of_prototypes(path):
    """The first versions wrote such banks."""
    model = dict(MODEL, classifier='PrototypeClassifier', cells='raw')
    write_bank(path, pets(), MODEL)
    assert_equal_supports(read_bank(path, model), pets())
    with pytest.raises(InputError, match='another classifier.*Other, got Pr'):
        read_bank(path, dict(model, classifier='Other'))


def test_the_same_bank_gives_the_same_bytes(path, tmp_path):
    write_bank(path, pets(), MODEL)
    write_bank(tmp_path / 'again', read_bank(path, MODEL), MODEL)
    assert (tmp_path / 'again').read_bytes() == path.read_bytes()


def test_other_programs_find_prototypes_and_a_json_header(path):
    write_bank(path, pets(), MODEL)
    tensors = load_file(path)
    assert torch.equal(
        tensors['prototypes'], pets().prototypes().float())
    # 2 rows for each cat, 3 for the dog whose labels show a cat.
    assert tensors['sums'].shape == (2 + 2 + 3, 6 + 1)
    header = header_of(path)
    assert header['classes'] == ['cat', 'dog'] and header['shots'] == [2, 1]
    assert header['model'] == MODEL
    assert header['supports'][2] == dict(
        class_name='dog', names=['dog', 'cat'], image='dog0.jpg',
        image_sha256='dog0', labels_sha256='labels')


@pytest.mark.parametrize(('key', 'words'), [
    ('weights_sha256', "another model's weights: expected other, got 12ab"),
    ('network', 'another network'),
    ('preprocessing', 'prepared otherwise'),
    ('pooling', 'another pooling'),
    ('matching', 'another matching')])
def test_the_bank_of_another_model_is_refused(path, key, words):
    write_bank(path, pets(), MODEL)
    with pytest.raises(InputError, match=f'{path}.*{words}.*fit the exam'):
        read_bank(path, MODEL | {key: 'other'})


def test_what_is_no_bank_is_refused(path):
    with pytest.raises(InputError, match='pets.* cannot be read .No such'):
        read_bank(path, MODEL)
    path.write_bytes(b'not a bank')
    with pytest.raises(InputError, match='is not a prototype bank'):
        read_bank(path, MODEL)
    save_file(dict(sums=torch.ones(2, 3)), path)
    with pytest.raises(InputError, match='is not a prototype bank .KeyError'):
        read_bank(path, MODEL)
    torch.save(dict(sums=torch.ones(2, 3)), path)  # a pickle
    with pytest.raises(InputError, match='is not a prototype bank'):
        read_bank(path, MODEL)


@pytest.mark.parametrize('length', [20, 500, -8])
def test_half_a_file_is_refused(path, length):
    write_bank(path, pets(), MODEL)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match='is not a prototype bank'):
        read_bank(path, MODEL)


@pytest.mark.parametrize(('change', 'words'), [
    (lambda header, sums: header.update(format=2), 'expected format 1, got 2'),
    (lambda header, sums: header['classes'].append('cow'), 'classes are'),
    (lambda header, sums: header['supports'].pop(), 'classes are'),
    (lambda header, sums: header['supports'][0].update(names=['dog']),
     "support of 'cat' shows"),
    (lambda header, sums: header['supports'][0].update(image=7), 'image of'),
    (lambda header, sums: sums.fill_(float('nan')), 'finite sums'),
    (lambda header, sums: header['supports'][0]['names'].append('x'), 'split'),
])
def test_a_header_that_does_not_fit_is_refused(path, change, words):
    write_bank(path, pets(), MODEL)
    header, sums = header_of(path), load_file(path)['sums'].clone()
    change(header, sums)
    save_file(dict(sums=sums), path, dict(mmseg_panet=json.dumps(header)))
    with pytest.raises(InputError, match=f'is not a prototype bank.*{words}'):
        read_bank(path, MODEL)


def test_nothing_is_left_of_a_bank_that_cannot_be_written(path):
    with pytest.raises(InputError, match='no class is registered'):
        write_bank(path, PrototypeBank(), MODEL)
    assert not list(path.parent.iterdir())
    with pytest.raises(InputError, match='cannot be written'):
        write_bank(path.parent, pets(), MODEL)


def pets_and_negatives(share=0.25):
    return PrototypeBank(
        pets().supports, [negative(0), negative(1)], share)


def assert_equal_negatives(found, bank):
    for one, other in zip(found.negatives, bank.negatives, strict=True):
        assert one[1:] == other[1:]
        for name, tensor in other.statistics.tensors().items():
            assert torch.equal(one.statistics.tensors()[name], tensor)


def test_negatives_and_their_share_come_back_as_they_were(path, tmp_path):
    bank = pets_and_negatives()
    write_bank(path, bank, MODEL)
    found = read_bank(path, MODEL)
    assert found.negative_share == 0.25
    assert_equal_supports(found, bank)
    assert_equal_negatives(found, bank)
    assert torch.equal(found.prototypes(), bank.prototypes())
    assert torch.equal(
        load_file(path)['prototypes'], bank.prototypes().float())
    write_bank(tmp_path / 'again', found, MODEL)
    assert (tmp_path / 'again').read_bytes() == path.read_bytes()
    header = header_of(path)
    assert header['format'] == 2
    assert header['negatives'][1] == dict(
        image='none1.jpg', image_sha256='none1')


def test_moments_and_axes_of_negatives_come_back_as_they_were(path):
    """They are left out for a classifier that needs none."""
    model = dict(MODEL, needs=['moments'], rank=3)
    generator = torch.Generator().manual_seed(0)

    def measured(one):
        names = getattr(one, 'names', ())
        return one._replace(statistics=SupportStatistics.from_weights(
            torch.randn(1, 6, 3, 4, generator=generator).double(),
            weights_of(1 + len(names), (3, 4), generator),
            ('moments',), rank=3).each(lambda one: one[0]))

    bank = pets_and_negatives().copy(measured)
    write_bank(path, bank, model)
    found = read_bank(path, model)
    assert_equal_supports(found, bank)
    assert_equal_negatives(found, bank)
    assert found.negatives[0].statistics.moments.shape == (1, 3, 3)
    plain = read_bank(path, MODEL)
    assert plain.negative_share == 0.25
    assert [*plain.negatives[1].statistics.tensors()] == ['areas', 'sums']
    torch.testing.assert_close(plain.prototypes(), bank.prototypes())


def test_a_bank_without_negatives_is_as_it_was_before_there_were_any(path):
    bank = pets_and_negatives()
    bank.remove_negatives()
    write_bank(path, bank, MODEL)
    header = header_of(path)
    assert header['format'] == 1
    assert not {'negatives', 'negative_share'} & header.keys()


@pytest.mark.parametrize(('change', 'words'), [
    (lambda header, sums: header.update(format=1), 'expected format 2, got 1'),
    (lambda header, sums: header.pop('negatives'), 'expected format 1, got 2'),
    (lambda header, sums: header['negatives'].pop(), 'split'),
    (lambda header, sums: header.pop('negative_share'), 'negative_share'),
    (lambda header, sums: header.update(negative_share=1.5),
     'negative_share.*1.5'),
    (lambda header, sums: header.update(negatives=[7, 7]), 'TypeError'),
    (lambda header, sums: header['negatives'][0].update(image_sha256=7),
     'image_sha256 of a negative is 7'),
    (lambda header, sums: header['negatives'][1].pop('image'), 'image'),
    (lambda header, sums: sums[-1].neg_(), 'areas of 0 or more'),
])
def test_negatives_that_do_not_fit_are_refused(path, change, words):
    write_bank(path, pets_and_negatives(), MODEL)
    header, sums = header_of(path), load_file(path)['sums'].clone()
    change(header, sums)
    save_file(dict(sums=sums), path, dict(mmseg_panet=json.dumps(header)))
    with pytest.raises(InputError, match=f'is not a prototype bank.*{words}'):
        read_bank(path, MODEL)


def test_a_bank_is_not_written_under_the_suffix_of_another_format(tmp_path):
    bank = PrototypeBank([banked('cat')])
    for name in ('bank.pth', 'bank.npz'):
        with pytest.raises(InputError, match=f'file, got .*{name}; end the'):
            write_bank(tmp_path / name, bank, {})
    assert not list(tmp_path.iterdir())


def test_a_bank_whose_prototypes_overflow_is_not_written(path):
    write_bank(path, pets(), MODEL)
    before = path.read_bytes()
    one = banked('dog')
    tensors = one.statistics.tensors()
    big = SupportStatistics(**tensors | dict(sums=tensors['sums'] * 1e60))
    bank = PrototypeBank([banked('cat'), one._replace(statistics=big)])
    with pytest.raises(
            InputError, match='expected a finite prototype of the background '
            'for the bank .*pets.safetensors, got infinite values or nan'):
        write_bank(path, bank, MODEL)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
