"""The sampling-based bound: against mixtures and chains whose log p(x) is known."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from genus.core import Bits, Reals, Refused, Space
from genus.data import load
from genus.energy import GSN, RBM
from genus.functional.densities.densities import log_bernoulli
from genus.measure import scores
from genus.measure.likelihood import samplebound
from genus.measure.likelihood.likelihood import QUICK, likelihoods
from genus.measure.likelihood.samplebound import sample_bound


def every(d: int) -> Tensor:
    return torch.tensor(list(product([0.0, 1.0], repeat=d)), dtype=torch.float64)


def each(x: Tensor, logits: Tensor) -> Tensor:
    """log P(x | h) for all rows, (n, d), and all draws, (s, d): (n, s)."""
    return torch.stack([log_bernoulli(x, one.expand_as(x)) for one in logits], 1)


class Mixture:
    """Bits whose latent state is one of a few, all as likely."""

    def __init__(self, logits: Tensor, shape: tuple[int, ...] | None = None):
        self.space: Space = Bits(shape or (logits.shape[1],))
        self.logits = logits

    def conditionals(self, n: int) -> Tensor:
        drawn = self.logits[torch.randint(len(self.logits), (n,))]
        return drawn.reshape(n, *self.space.shape)


class InTurn(Mixture):
    """One that gives its latent states one after another, and never twice."""

    def conditionals(self, n: int) -> Tensor:
        given, self.logits = self.logits[:n], self.logits[n:]
        return given


class Hidden:
    """An RBM as a chain of two steps: h first, and x given h."""

    def __init__(self, rbm: RBM):
        self.rbm, self.space = rbm, rbm.space

    @torch.no_grad()
    def conditionals(self, n: int) -> Tensor:
        v = self.rbm.sample(n)
        h = (v @ self.rbm.W + self.rbm.b).sigmoid().bernoulli()
        return h @ self.rbm.W.T + self.rbm.a


@pytest.fixture
def mixture() -> Mixture:
    return Mixture(2 * torch.randn(5, 4, dtype=torch.float64))


def log_truth(mixture: Mixture) -> Tensor:
    return each(every(4), mixture.logits).logsumexp(1) - math.log(len(mixture.logits))


def repeated(model, x: Tensor, draws: int, repeats: int = 300) -> tuple[Tensor, Tensor]:
    """Mean and standard error of the bound, (n,) each."""
    found = torch.stack([sample_bound(model, x, draws) for _ in range(repeats)])
    return found.mean(0), found.std(0) / repeats**0.5


def test_it_tends_to_the_truth(mixture):
    truth, n = log_truth(mixture), 20_000
    spread = (each(every(4), mixture.logits) - truth[:, None]).exp().std(1, correction=0)
    found = sample_bound(mixture, every(4), n)
    assert found.dtype == torch.float64
    assert ((found - truth).abs() <= 5 * spread / n**0.5).all()


def test_it_is_a_bound_that_rises_with_the_draws(mixture):
    truth = log_truth(mixture)
    low, _ = repeated(mixture, every(4), 2)
    middle, _ = repeated(mixture, every(4), 8)
    high, error = repeated(mixture, every(4), 64)
    assert (low < middle).all()
    assert (middle < high).all()
    assert (high <= truth + 5 * error).all()
    assert (truth - high).max() < 0.1


def sums_to_one(log_p: Tensor) -> bool:
    return abs(log_p.exp().sum().item() - 1) < 1e-12


@pytest.mark.parametrize("draws", [1, 7])
def test_with_any_draws_it_is_a_distribution(mixture, draws):
    assert sums_to_one(sample_bound(mixture, every(4), draws))


def test_the_liar_that_takes_the_best_draw_is_none(mixture):
    best = each(every(4), mixture.conditionals(7)).amax(1)
    assert best.exp().sum() > 1.2
    assert not sums_to_one(best)


def test_the_liar_whose_chains_begin_at_the_rows_reads_above_the_truth():
    """By enumeration of a chain that moves little: P(x | h) with h drawn given x, and not of itself."""
    torch.set_default_dtype(torch.float64)
    model = GSN(Bits((4,)), (6,), corruption=0.2, burn_in=200)
    with torch.no_grad():
        model.W[0].normal_(0, 1.0)
    x = every(4)
    logits = (x @ model.W[0] + model.b[1]).tanh() @ model.W[0].T + model.b[0]
    apart = (x[:, None] != x).sum(2)
    move = (0.1**apart * 0.9 ** (4 - apart)) @ each(x, logits).T.exp()
    p = torch.linalg.matrix_power(move, 5000)[0].detach()
    truth = p @ p.log()
    (begun,) = model.chain(x.repeat(500, 1), 1)
    near = log_bernoulli(x.repeat(500, 1), begun.logits).reshape(500, 16)
    liar = p @ (near.logsumexp(0) - math.log(500)).detach()
    assert abs(liar - p @ move.diagonal().log()) < 0.05
    assert liar > truth + 0.5
    found, error = repeated(model, x, 100, 20)
    assert truth - 0.3 < p @ found <= truth + 5 * (p @ error)


def test_of_a_boltzmann_machine_it_is_below_the_likelihood_and_near():
    torch.set_default_dtype(torch.float64)
    rbm = RBM(Bits((5,)), hidden=4, chains=0, burn_in=40)
    torch.nn.init.normal_(rbm.W)
    x = every(5)
    truth = (-rbm.energy(x)).log_softmax(0).detach()
    mean, error = repeated(Hidden(rbm), x, 200, 30)
    assert (mean <= truth + 5 * error).all()
    assert (truth - mean).max() < 0.2


def test_blocks_of_rows_and_draws_are_all_of_them(monkeypatch):
    monkeypatch.setattr(samplebound, "ROWS", 6)
    monkeypatch.setattr(samplebound, "DRAWS", 4)
    logits = 30 * torch.randn(10, 4, dtype=torch.float64)
    found = sample_bound(InTurn(logits), every(4), 10)
    torch.testing.assert_close(found, each(every(4), logits).logsumexp(1) - math.log(10))


def test_small_chances_do_not_vanish():
    """In single precision exp would be 0 below -104: here log p is about -2,000."""
    model = Mixture(torch.full((3, 1000), 2.0), (10, 10, 10))
    found = sample_bound(model, torch.zeros(2, 10, 10, 10), 5)
    exact = -1000 * math.log1p(math.exp(2.0))
    torch.testing.assert_close(found, torch.full((2,), exact, dtype=torch.float64))


def test_no_rows_have_no_bound(mixture):
    assert sample_bound(mixture, every(4)[:0], 3).shape == (0,)


def test_it_is_the_score_of_a_model_without_a_density():
    bars = load("bars")
    model = GSN(bars.space, (4,), burn_in=3).eval()
    (found,) = likelihoods(model, bars.test.first(20), bars.train.first(20)[0], QUICK)
    assert found.sign == "<="
    assert found.estimator == {"name": "samples", "settings": {"draws": QUICK.betas}}
    assert 0 < scores(bars.validation)(model)["nats"] < 16 * math.log(2) + 5


def test_it_refuses(mixture):
    with pytest.raises(Refused, match="draws is 0; at least 1"):
        sample_bound(mixture, every(4), 0)
    with pytest.raises(Refused, match=r"sample_bound: x has shape \(32, 5\)"):
        sample_bound(mixture, every(5), 3)
    with pytest.raises(Refused, match="values other than 0 and 1"):
        sample_bound(mixture, every(4) / 2, 3)
    mixture.space = Reals((4,))
    with pytest.raises(Refused, match="Bits are wanted"):
        sample_bound(mixture, every(4), 3)
