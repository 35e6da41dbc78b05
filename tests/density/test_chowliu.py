"""ChowLiu: against all trees, against a planted one, and its messages against enumeration."""

from itertools import product

import pytest
import torch
from laws import every_x, probability_sums_to_one

from genus.core import Bits, Pixels, Refused, Tokens
from genus.density import ChowLiu
from genus.density.chowliu import spanning_tree


def chain(n: int, stays: float = 0.9) -> torch.Tensor:
    """Four bits of which each is mostly the one before it, in the order 2, 0, 3, 1."""
    x = torch.zeros(n, 4, dtype=torch.float64)
    x[:, 2] = torch.rand(n).round()
    for before, here in ((2, 0), (0, 3), (3, 1)):
        same = torch.rand(n) < stays
        x[:, here] = torch.where(same, x[:, before], 1 - x[:, before])
    return x


def fitted(model: ChowLiu, x: torch.Tensor) -> ChowLiu:
    list(model.fit(x))
    return model


def every_tree(d: int) -> list[list[int]]:
    """Parents of all nodes, of all trees whose root is node 0."""
    found = []
    for parents in product(range(d), repeat=d - 1):
        tree = [0, *parents]
        if all(_reaches_the_root(tree, i) for i in range(d)):
            found.append(tree)
    return found


def _reaches_the_root(parents: list[int], node: int) -> bool:
    for _ in parents:
        node = parents[node]
    return node == 0


def test_no_tree_is_more_likely():
    torch.manual_seed(0)
    x = chain(200, stays=0.7)
    model = fitted(ChowLiu(Bits((4,)), smoothing=0.0).double(), x)
    best = model.log_prob(x).mean().item()
    trees = every_tree(4)
    assert len(trees) == 16  # Cayley: 4^2
    found = []
    for parents in trees:
        other = 0.0
        for i, parent in enumerate(parents):
            for a, b in product((0.0, 1.0), repeat=2):
                both = ((x[:, i] == b) & (x[:, parent] == a)).double().mean().item()
                above = (x[:, parent] == a).double().mean().item() if i else 1.0
                if both:
                    other += both * torch.tensor(both / above).log().item()
        found.append(other)
    assert max(found) == pytest.approx(best, abs=1e-6)


def test_a_planted_tree_is_found():
    torch.manual_seed(1)
    model = fitted(ChowLiu(Bits((4,))), chain(2000))
    links = {frozenset((i, int(p))) for i, p in enumerate(model.parents) if i}
    assert links == {frozenset(pair) for pair in ((2, 0), (0, 3), (3, 1))}
    x = model.sample(20_000)
    assert float((x[:, 3] == x[:, 0]).float().mean()) == pytest.approx(0.9, abs=0.02)


@pytest.mark.parametrize("space", [Bits((5,)), Pixels((4,), 3), Tokens(3, 4)])
def test_what_is_filled_in_has_the_law_that_bayes_rule_gives_it(space):
    torch.manual_seed(2)
    states = every_x(space)
    rows = states[torch.rand(len(states)).pow(3).multinomial(300, replacement=True)]
    model = fitted(ChowLiu(space, smoothing=0.5).double(), rows)
    known = torch.zeros(space.shape, dtype=torch.bool)
    known[1], known[3] = True, True
    x = states[7]
    agree = (states[:, known] == x[known]).all(1)
    wanted = model.log_prob(states[agree]).softmax(0)
    found = model.inpaint(x.expand(40_000, *space.shape), known)
    for state, chance in zip(states[agree], wanted.tolist(), strict=True):
        share = (found == state).flatten(1).all(1).double().mean().item()
        assert abs(share - chance) < 5 * (chance * (1 - chance) / 40_000) ** 0.5 + 1e-9


def test_rows_that_are_added_evenly_are_what_smoothing_is():
    """Counts of all states, once each, are L^(d - 2) of each pair of values."""
    torch.manual_seed(3)
    space = Tokens(3, 3)
    states = every_x(space)
    rows = states[torch.randint(len(states), (50,))]
    smooth = fitted(ChowLiu(space, smoothing=3.0).double(), rows)
    plain = fitted(ChowLiu(space, smoothing=0.0).double(), torch.cat([rows, states]))
    torch.testing.assert_close(smooth.log_prob(states), plain.log_prob(states), rtol=0, atol=1e-5)


def test_a_tree_with_a_circle_is_caught():
    torch.manual_seed(4)
    model = fitted(ChowLiu(Bits((3,)), smoothing=1.0).double(), chain(300)[:, :3])
    probability_sums_to_one(model, every_x(model.space))
    model.parents.copy_(torch.tensor([0, 2, 1]))
    with pytest.raises(AssertionError):
        probability_sums_to_one(model, every_x(model.space))


def test_the_spanning_tree_of_a_graph_that_is_known():
    weights = torch.tensor([[0.0, 5, 1, 1], [5, 0, 1, 4], [1, 1, 0, 3], [1, 4, 3, 0]])
    parents, depths = spanning_tree(weights)
    assert parents.tolist() == [0, 0, 3, 1]
    assert depths.tolist() == [0, 1, 3, 2]


def test_a_column_that_never_changes_one_column_and_one_row():
    x = chain(100)
    x[:, 1] = 1.0
    model = fitted(ChowLiu(Bits((4,)), smoothing=0.0), x)
    assert model.log_prob(x).isfinite().all()
    assert (model.sample(50)[:, 1] == 1).all()
    one = fitted(ChowLiu(Bits((1,)), smoothing=0.0).double(), torch.tensor([[1.0], [0], [1], [1]]))
    assert one.log_prob(torch.ones(1, 1)).exp().item() == pytest.approx(0.75, abs=1e-5)
    assert fitted(ChowLiu(Bits((4,))), x[:1]).sample(3).shape == (3, 4)


def test_what_it_cannot_take_is_said():
    with pytest.raises(Refused, match="its sequences end"):
        ChowLiu(Tokens(3, 4, end=0))
    with pytest.raises(
        Refused, match="columns of 256 values; columns times values must be at most"
    ):
        ChowLiu(Pixels((1, 28, 28)))
    with pytest.raises(Refused, match="smoothing"):
        ChowLiu(Bits((4,)), smoothing=-1.0)
