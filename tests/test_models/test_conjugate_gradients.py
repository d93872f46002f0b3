import pytest
import torch

from mmseg_panet.models.conjugate_gradients import (
    Solution,
    conjugate_gradients,
)


def equations(dtype, channels=40, number=3):
    """Create systems with their matrices A and their complete matrices."""
    generator = torch.Generator().manual_seed(0)

    def noise(*size):
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    root = noise(number, channels, channels)
    matrix = root @ root.mT / channels + 0.1 * torch.eye(channels)
    factor = torch.tensor([1, 0.8, 0.5])[:, None, None].double()
    shift = torch.tensor([0, -0.02, 3])[:, None, None].double()
    rows, right = noise(number, 7, channels), noise(number, 2, channels)
    weights = torch.tensor([[0.0] * 7, [0.5] * 7, [2, 1, 0, 0, 1, 1, -1e-3]])
    given = (matrix.inverse(), factor, shift, rows, weights, right)
    complete = factor * matrix + shift * torch.eye(channels) + (
        rows * weights[..., None]).mT @ rows
    return [one.to(dtype) for one in given], matrix, complete


@pytest.mark.parametrize(('dtype', 'rtol'), [
    (torch.float64, 1e-10), (torch.float32, 2e-4)])
@pytest.mark.parametrize('warm', [False, True])
def test_the_solution_is_that_of_the_complete_matrix(dtype, rtol, warm):
    given, matrix, complete = equations(dtype)
    right = given[-1].double()
    start = torch.linalg.solve(matrix, right, left=False) if warm else (
        torch.zeros_like(right))
    found = conjugate_gradients(*given, Solution(
        start.to(dtype), (start @ matrix).to(dtype)))
    expected = torch.linalg.solve(complete, right, left=False)
    assert found.solution.dtype == dtype
    for one, other in ((found.solution, expected),
                       (found.product, expected @ matrix)):
        assert ((one - other).norm() / other.norm()).item() < rtol


def test_a_solution_is_not_changed():
    given, matrix, complete = equations(torch.float64)
    given[-1] = torch.zeros_like(given[-1])
    start = Solution(given[-1], given[-1])
    found = conjugate_gradients(*given, start)
    assert torch.equal(found.solution, start.solution)


def test_a_system_that_is_not_finite_does_not_affect_the_others():
    given, matrix, complete = equations(torch.float64)
    right = given[-1].clone()
    given[-1][0] = torch.nan
    zeros = torch.zeros_like(right)
    found = conjugate_gradients(*given, Solution(zeros, zeros)).solution
    assert found[0].isnan().all()
    torch.testing.assert_close(found[1:], torch.linalg.solve(
        complete, right, left=False)[1:])


def test_a_recorded_graph_has_a_fixed_number_of_steps(monkeypatch):
    """As many steps as unknowns solve any system."""
    module = 'mmseg_panet.models.conjugate_gradients'
    monkeypatch.setattr(f'{module}.is_recording', lambda: True)
    given, matrix, complete = equations(torch.float64)
    start = Solution(given[-1] @ given[0], given[-1])
    expected = torch.linalg.solve(complete, given[-1], left=False)
    errors = []
    for steps in (1, 45):
        monkeypatch.setattr(f'{module}._RECORDED_STEPS', steps)
        found = conjugate_gradients(*given, start).solution
        errors.append(((found - expected).norm() / expected.norm()).item())
    assert errors[0] > 1e-3 and errors[1] < 1e-6
