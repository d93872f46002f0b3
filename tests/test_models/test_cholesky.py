import torch

from mmseg_panet.models.cholesky import cholesky_solve


def positive_definite(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(
        2, size + 3, size, dtype=torch.float64, generator=generator)
    return rows.mT @ rows


def test_the_solution_is_the_inverse_times_the_right_hand_side():
    matrix = positive_definite(4)
    right = torch.randn(2, 4, 3, dtype=torch.float64)
    solution, solved = cholesky_solve(matrix, right)
    assert solved.all()
    torch.testing.assert_close(solution, torch.linalg.inv(matrix) @ right)


def test_the_gradient_is_that_of_finite_differences():
    right = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    rows = torch.randn(2, 6, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda rows, right: cholesky_solve(rows.mT @ rows, right)[0],
        (rows, right))


def test_an_indefinite_matrix_has_no_solution_and_no_gradient():
    matrix = positive_definite(4)
    matrix[1] = -matrix[1]
    matrix.requires_grad_()
    right = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    solution, solved = cholesky_solve(matrix, right)
    assert solved.tolist() == [True, False]
    torch.testing.assert_close(solution[1], right[1])
    to_matrix, to_right = torch.autograd.grad(
        solution.square().sum(), (matrix, right))
    assert to_matrix[1].abs().max() == 0
    assert to_matrix[0].abs().min() > 0
    assert torch.isfinite(to_matrix).all()
    torch.testing.assert_close(to_right[1], 2 * right[1])
