"""ProductMixture: its steps against EM written out, planted components, and columns that are filled in."""

from itertools import islice, pairwise

import pytest
import torch
from laws import every_x

from genus.core import Bits, Pixels, Reals, Refused, Tokens
from genus.density import ProductMixture

HOWS = [(Bits((3,)), 0.0), (Bits((3,)), 0.5), (Pixels((3,), 4), 0.0), (Tokens(4, 3), 0.5)]


def rows(space, n=80):
    states = every_x(space).to(torch.int64 if isinstance(space, Tokens) else torch.float64)
    return states[torch.rand(len(states)).pow(3).multinomial(n, replacement=True)]


def by_hand(space, x, chances, shares, smoothing):
    """A step of EM, one row, component and column after another."""
    values = space.indices(x).flatten(1).tolist()
    count, columns, levels = len(chances), len(values[0]), space.cardinality
    sums = [[[smoothing] * levels for _ in range(columns)] for _ in range(count)]
    totals = [0.0] * count
    for row in values:
        each = [shares[k] for k in range(count)]
        for k in range(count):
            for i, v in enumerate(row):
                each[k] *= chances[k][i][v]
        whole = sum(each)
        for k in range(count):
            totals[k] += each[k] / whole
            for i, v in enumerate(row):
                sums[k][i][v] += each[k] / whole
    found = [[[v / sum(column) for v in column] for column in part] for part in sums]
    return found, [total / len(values) for total in totals]


def chances_of(model):
    """The chances of each value, [component, column, value]."""
    logits = model.products.logits.detach()
    if isinstance(model.space, Bits):
        return torch.stack([(-logits).sigmoid(), logits.sigmoid()], 2)
    return logits.softmax(2)


@pytest.mark.parametrize(("space", "smoothing"), HOWS)
def test_each_step_is_that_of_em(space, smoothing):
    torch.manual_seed(0)
    x = rows(space)
    model = ProductMixture(space, 3, smoothing, tolerance=-1.0).double()
    model.started.fill_(True)
    for p in model.parameters():
        p.data.normal_()
    chances, shares = chances_of(model).tolist(), model.logits.detach().softmax(0).tolist()
    for _ in islice(model.fit(x), 3):
        chances, shares = by_hand(space, x, chances, shares, smoothing)
    torch.testing.assert_close(chances_of(model), torch.tensor(chances).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(model.logits.softmax(0).data, torch.tensor(shares).double())


@pytest.mark.parametrize(("space", "smoothing"), HOWS)
def test_no_step_lowers_what_it_gains(space, smoothing):
    torch.manual_seed(1)
    x = rows(space)
    model = ProductMixture(space, 4, smoothing, tolerance=0.0).double()
    gains = [float(model.gained(model.log_joint(x)).detach()) for _ in islice(model.fit(x), 60)]
    assert min(b - a for a, b in pairwise(gains)) > -1e-9


def test_a_step_that_lowers_it_once_is_caught():
    class Stumbles(ProductMixture):
        def maximise(self, x, shares):
            super().maximise(x, shares)
            self.steps = getattr(self, "steps", 0) + 1
            if self.steps == 7:  # three of them begin
                self.products.logits.mul_(0.5)

    torch.manual_seed(1)
    x = rows(Bits((3,)))
    model = Stumbles(Bits((3,)), 4, 0.0, tolerance=-9.0).double()
    gains = [float(model.gained(model.log_joint(x)).detach()) for _ in islice(model.fit(x), 9)]
    assert min(b - a for a, b in pairwise(gains)) < -1e-3


def test_planted_components_are_found():
    torch.manual_seed(2)
    planted = torch.tensor([[0.9, 0.9, 0.1, 0.1, 0.5, 0.9], [0.1, 0.2, 0.9, 0.8, 0.5, 0.1]])
    which = torch.rand(6000) < 0.3
    x = torch.rand(6000, 6) < torch.where(which[:, None], planted[0], planted[1])
    model = ProductMixture(Bits((6,)), 2, 0.0, 1e-7)
    list(model.fit(x.float()))
    order = model.logits.argsort()  # the smaller one is the first
    torch.testing.assert_close(
        model.products.logits.sigmoid()[order].data, planted, rtol=0, atol=0.05
    )
    assert float(model.logits.detach().softmax(0).min()) == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("space", [Bits((4,)), Pixels((3,), 3), Tokens(3, 3)])
def test_what_is_filled_in_has_the_law_that_bayes_rule_gives_it(space):
    torch.manual_seed(3)
    model = ProductMixture(space, 3).double()
    for p in model.parameters():
        p.data.normal_()
    states = every_x(space)
    states = states if isinstance(space, Tokens) else states.double()
    known = torch.arange(space.dims) % 2 == 0
    agree = (states[:, known] == states[5][known]).all(1)
    wanted = model.log_prob(states[agree]).detach().softmax(0)
    found = model.inpaint(states[5].expand(40_000, *space.shape), known)
    for state, chance in zip(states[agree], wanted.tolist(), strict=True):
        share = (found == state).all(1).double().mean().item()
        assert abs(share - chance) < 5 * (chance * (1 - chance) / 40_000) ** 0.5 + 1e-9


def test_constant_columns_and_components_that_nothing_belongs_to():
    x = torch.ones(40, 3)
    x[:20, 0] = 0
    for smoothing in (0.0, 0.1):
        model = ProductMixture(Bits((3,)), 8, smoothing)
        list(model.fit(x))
        assert model.log_prob(torch.zeros(1, 3)).isfinite().all()
        assert float(model.log_prob(x).mean()) == pytest.approx(-0.693, abs=0.05)


def test_what_it_cannot_take_is_said():
    with pytest.raises(Refused, match="GaussianMixture with covariance diagonal"):
        ProductMixture(Reals((2,)))
    with pytest.raises(Refused, match="its sequences end"):
        ProductMixture(Tokens(3, 4, end=0))
    with pytest.raises(Refused, match="3 rows for 5 components; more rows are wanted"):
        list(ProductMixture(Bits((2,)), 5).fit(torch.ones(3, 2)))
    with pytest.raises(Refused, match="components"):
        ProductMixture(Bits((2,)), 0)
