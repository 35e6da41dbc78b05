"""Scores of rows in the units of their file, mixed over classes, and their errors."""

import math

import pytest
import torch

from genus.core import Classes, GenerativeModel, Reals, RowDraws
from genus.data.meaning import Meaning
from genus.data.tables.columns import Columns
from genus.density import Gaussian
from genus.errors import Refused
from genus.functional.densities.estimates import mean_error
from genus.measure.anomalies.scorer import Scorer, errors

SHARES = (0.2, 0.0, 0.8)


class ByClass(GenerativeModel):
    """N(3 c, 1) of class c; a random bound of it, or weights, where that is asked for."""

    def __init__(self, promised="log_prob", noise=1.0):
        super().__init__()
        self.promised, self.width = promised, noise
        self.space, self.context_space = Reals((1,)), Classes(3)
        self.scale = torch.nn.Parameter(torch.ones((), dtype=torch.float64))

    def promises(self):
        return {"sample", self.promised}

    def sample(self, n=None, context=None):
        return 3 * context[:, None] + self.noise(self.sample_count(n, context), 1)

    def log_prob(self, x, context):
        return torch.distributions.Normal(3.0 * context, 1.0).log_prob(x[:, 0])

    def elbo(self, x, context):
        """Below log p by noise^2 / 2 in expectation; E exp(elbo) = p."""
        noise = self.width * torch.randn(len(x), dtype=x.dtype)
        return self.log_prob(x, context) + noise - self.width**2 / 2

    log_weight = elbo


def meaning(model, **more):
    return Meaning("x", model.space, model.context_space, **more)


def truth(x):
    parts = [
        math.log(share) + ByClass().log_prob(x, torch.full((len(x),), c))
        for c, share in enumerate(SHARES)
        if share
    ]
    return torch.stack(parts).logsumexp(0)


X = torch.linspace(-2, 8, 11, dtype=torch.float64)[:, None]


def test_classes_are_mixed_by_their_shares():
    model = ByClass()
    scorer = Scorer(model, meaning(model, shares=SHARES))
    found = scorer(X)
    assert torch.allclose(found.value, truth(X), rtol=1e-12)
    assert found.error is None
    assert "mixed over the classes by their training shares" in scorer.how
    told = Scorer(model, meaning(model, shares=SHARES), labels=True)
    label = torch.arange(11) % 3
    assert torch.allclose(told(X, label).value, model.log_prob(X, label))
    assert told.settings == "exact, labelled"


@pytest.mark.parametrize("draws", [1, 2, 400])
def test_a_mixed_bound_is_a_bound_in_expectation(draws):
    model = ByClass("elbo", noise=1.5)
    scores = [
        Scorer(model, meaning(model, shares=SHARES), draws, seed)(X).value for seed in range(60)
    ]
    mean, error = torch.stack(scores).mean(0), torch.stack(scores).std(0) / math.sqrt(60)
    assert (mean <= truth(X) + 5 * error).all()
    if draws == 400:  # all classes lose as much, so the bound is tight but for that
        assert torch.allclose(mean, truth(X) - 1.5**2 / 2, atol=0.05)


def test_mixed_weights_tend_to_the_truth():
    model = ByClass("log_weight", noise=0.5)
    found = Scorer(model, meaning(model, shares=SHARES), draws=2000)(X)
    assert ((found.value - truth(X)).abs() < 5 * found.error).all()
    assert (found.error < 0.05).all()


def test_errors_are_those_of_independent_draws():
    draws = torch.randn(400, 64, dtype=torch.float64)
    found = errors(RowDraws("bound", draws, "elbo"))
    usual = torch.tensor([mean_error(row)[1] for row in draws], dtype=torch.float64)
    assert math.isclose(found.square().mean(), usual.square().mean(), rel_tol=0.02)
    assert errors(RowDraws("bound", draws[:, :1], "elbo")).isnan().all()
    assert errors(RowDraws("exact", draws[:, :1], "log_p")) is None


def test_errors_do_not_count_what_is_spread_on_purpose():
    """f(t) + noise at 32 evenly spread t, all moved by one number: most of the spread of f averages out."""
    at = (torch.arange(32) / 32 + torch.rand(5000, 1, dtype=torch.float64)) % 1
    draws = 10 * at + 0.5 * torch.randn(5000, 32, dtype=torch.float64)
    found = errors(RowDraws("bound", draws, "elbo")).square().mean().sqrt()
    true = draws.mean(1).std()
    assert true < found < 2 * true
    assert draws.std(1).mean() / math.sqrt(32) > 4 * true


def columns_of(step):
    """A column that was divided by 1000: the density of a litre is a thousandth of that of x."""
    scale = {"mean": 0.0, "deviation": 1000.0}
    return Columns.from_json([{"name": "a", "kind": "number", "scale": scale, "step": step}])


def test_scores_are_in_the_units_of_the_file():
    model = Gaussian(Reals((1,))).double()
    plain = Scorer(model, meaning(model))
    scorer = Scorer(model, meaning(model, columns=columns_of(None)))
    assert torch.allclose(scorer(X).value, plain(X).value - math.log(1000))
    assert (plain.name, scorer.name) == ("log_p", "log_p")


def test_rows_of_a_looser_view_are_scored_by_a_bound():
    """The mass of a bin of one unit, a thousandth of z, under a standard normal distribution."""
    model = Gaussian(Reals((1,))).double()
    scorer = Scorer(model, meaning(model, columns=columns_of(1.0)))
    x = torch.tensor([[0.0], [1.5]], dtype=torch.float64)
    found = scorer(x)
    ends = (x[:, 0] + torch.tensor([[-5e-4], [5e-4]], dtype=torch.float64)).double()
    low, high = torch.special.ndtr(ends)
    assert scorer.name == "elbo"
    assert torch.allclose(found.value, (high - low).log(), atol=5e-3)
    assert torch.equal(found.value[1:], scorer(x[1:]).value)


def test_labels_are_refused_where_there_are_none():
    model = Gaussian(Reals((1,)))
    with pytest.raises(Refused, match="Gaussian takes no labels; leave them out"):
        Scorer(model, meaning(model), labels=True)
