"""An assignment is the best of all permutations: by trying them, and by its prices."""

from itertools import permutations

import pytest
import torch

from genus.diffusion import couplings
from genus.diffusion.couplings import assignment, optimal_transport


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def total(costs, columns):
    return costs[torch.arange(len(costs)), columns].sum()


def best_of_all(costs):
    return min(total(costs, torch.tensor(p)) for p in permutations(range(len(costs))))


def is_the_best(find):
    for n in (1, 2, 3, 6):
        for costs in (torch.rand(n, n), torch.randn(n, n) - 3, torch.randint(3, (n, n)) * 1.0):
            columns = find(costs)
            assert sorted(columns.tolist()) == list(range(n))
            torch.testing.assert_close(total(costs, columns), best_of_all(costs))


def test_it_is_the_best_of_all_permutations():
    is_the_best(assignment)


def no_cycle_of_exchanges_is_cheaper(find, n=60):
    """Then the assignment is the best: there are no negative cycles (Bellman and Ford's test)."""
    x, y = torch.randn(n, 3), torch.randn(n, 3)
    costs = torch.cdist(x, y).square()
    columns = find(costs)
    gain = costs[:, columns] - costs[torch.arange(n), columns][:, None]  # i takes what j had
    length = torch.zeros(n)
    for _ in range(n):
        shorter = (length[:, None] + gain).amin(0)
        if torch.allclose(shorter, length, rtol=0, atol=1e-12):
            return
        length = torch.minimum(length, shorter)
    raise AssertionError("there is a cheaper cycle")


@pytest.mark.parametrize("n", [40, 90])
def test_no_cycle_is_cheaper(n):
    no_cycle_of_exchanges_is_cheaper(assignment, n)


def test_points_on_a_line_are_matched_in_their_order():
    x, eps = torch.randn(70, 1), torch.randn(70, 1)
    paired = optimal_transport(x, eps)
    assert torch.equal(paired[x[:, 0].argsort()], eps[eps[:, 0].argsort()])


def test_a_coupling_only_changes_the_order():
    x, eps = torch.randn(30, 2, 3, 3), torch.randn(30, 2, 3, 3)
    paired = optimal_transport(x, eps)
    assert paired.shape == eps.shape
    torch.testing.assert_close(paired.flatten(1).sum(1).sort()[0], eps.flatten(1).sum(1).sort()[0])
    assert (x - paired).square().sum() < 0.9 * (x - eps).square().sum()


def cheapest_first(costs):
    """Greedy: not the best."""
    columns, left = [], set(range(len(costs)))
    for row in costs:
        columns.append(min(left, key=lambda j: row[j].item()))
        left.remove(columns[-1])
    return torch.tensor(columns)


def keeps_the_old_prices(costs):
    index_add, torch.Tensor.index_add = torch.Tensor.index_add, lambda self, *_: self
    try:
        return couplings.assignment(costs)
    finally:
        torch.Tensor.index_add = index_add


LIARS = [
    (cheapest_first, is_the_best),
    (cheapest_first, no_cycle_of_exchanges_is_cheaper),
    (keeps_the_old_prices, no_cycle_of_exchanges_is_cheaper),
]


@pytest.mark.parametrize(("find", "law"), LIARS)
def test_the_laws_bite(find, law):
    with pytest.raises(AssertionError):
        law(find)


def test_what_cannot_be_assigned_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        assignment(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="not finite"):
        assignment(torch.tensor([[0.0, torch.nan], [1.0, 2.0]]))
