import torch

from mmseg_panet.models.symmetric import pack, unpack


def test_the_upper_triangle_is_kept_row_by_row():
    matrix = torch.tensor([[1., 2, 3], [2, 4, 5], [3, 5, 6]])
    assert pack(matrix).tolist() == [1, 2, 3, 4, 5, 6]
    assert torch.equal(unpack(pack(matrix)), matrix)


def test_leading_dimensions_and_the_dtype_do_not_change():
    some = torch.arange(2 * 3 * 16.).double().view(2, 3, 4, 4)
    matrices = some + some.mT
    packed = pack(matrices)
    assert packed.shape == (2, 3, 10) and packed.dtype == torch.float64
    assert torch.equal(unpack(packed), matrices)


def test_any_size_is_deduced_from_the_length_of_its_triangle():
    for size in (0, 1, 2, 64, 1024):
        assert unpack(torch.zeros(size * (size + 1) // 2)).shape == (
            size, size)
