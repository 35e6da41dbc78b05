"""BS-GAN: what its gradient is, by counting every draw there is."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from genus.adversarial import BSGAN
from genus.core import Bits, Reals, Tokens
from genus.nn import MLP
from genus.recipes.adversarial.bsgan import bsgan
from genus.train.run import Run


class Fixed(nn.Module):
    """A generator that ignores z: its logits are its only weights."""

    def __init__(self, size):
        super().__init__()
        self.at = nn.Parameter(torch.randn(size))

    def forward(self, z):
        return self.at.expand(len(z), -1)


class TableOf(nn.Module):
    """A critic with any score for each of the states."""

    def __init__(self, states):
        super().__init__()
        self.states = states.flatten(1).double()
        self.at = nn.Parameter(torch.randn(len(states)))

    def forward(self, x):
        same = (x.flatten(1)[:, None] == self.states).all(2).double()
        return same @ self.at


def bits(samples):
    states = torch.tensor(list(product([0.0, 1.0], repeat=2)))
    return BSGAN(Bits((2,)), Fixed(2), TableOf(states), 1, samples), states


def tokens(samples):
    states = torch.tensor(list(product(range(3), repeat=2)))
    shown = nn.functional.one_hot(states, 3)
    return BSGAN(Tokens(3, 2), Fixed(6), TableOf(shown), 1, samples), states


def law(model, states):
    """g(x) of each state, (states,)."""
    logits = model.conditional(torch.zeros(1, 1))
    return model.log_conditional(states[None].to(states.dtype), logits)[0].exp()


def gradient(model, fake):
    """Of the generator's loss, with these rows drawn, (1, samples, ...)."""
    log_g = model.log_conditional(fake, model.conditional(torch.zeros(len(fake), 1)))
    (loss,) = model.generator_loss(fake[:, 0], fake, log_g).values()
    return torch.autograd.grad(loss, model.generator.at)[0]


@pytest.mark.parametrize("make", [bits, tokens])
def test_conditional_is_a_distribution_and_rows_follow_it(make):
    torch.set_default_dtype(torch.float64)
    model, states = make(2)
    g = law(model, states).detach()
    assert g.sum().item() == pytest.approx(1.0)
    drawn = model.rows(model.conditional(torch.zeros(1, 1)), 40_000)[0]
    for state, p in zip(states, g.tolist(), strict=True):
        share = (drawn == state).all(1).double().mean().item()
        assert abs(share - p) <= 5 * (p * (1 - p) / 40_000) ** 0.5


@pytest.mark.parametrize("make", [bits, tokens])
@pytest.mark.parametrize("samples", [2, 3])
def test_expected_gradient_is_that_of_the_kl_for_every_m(make, samples):
    """Summed over all draws of M rows: grad KL(p_M || g) with p_M held fixed, to the last digit."""
    torch.set_default_dtype(torch.float64)
    model, states = make(samples)
    g = law(model, states)
    heavy = model.critic.at.detach().exp()
    target, mean = torch.zeros(len(states)), torch.zeros_like(model.generator.at)
    for drawn in product(range(len(states)), repeat=samples):
        index = torch.tensor(drawn)
        chance = g[index].prod().detach()
        target.index_add_(0, index, chance * heavy[index] / heavy[index].sum())
        mean += chance * gradient(model, states[index][None])
    assert target.sum().item() == pytest.approx(1.0)
    (true,) = torch.autograd.grad((target * (target.log() - g.log())).sum(), model.generator.at)
    torch.testing.assert_close(mean, true)
    assert true.abs().max() > 0.01


def test_drawn_gradients_average_to_the_kl_of_the_weighted_target():
    """With many rows p_M is exp(D) g / alpha: 3,000 rounds of the game against its exact gradient."""
    torch.set_default_dtype(torch.float64)
    model, states = bits(400)
    g = law(model, states)
    heavy = model.critic.at.detach().exp()
    target = (heavy * g / (heavy * g).sum()).detach()
    (true,) = torch.autograd.grad(-(target * g.log()).sum(), model.generator.at)
    found = []
    for _ in range(3000):
        (loss,) = model.generator_loss(*model.deal(torch.zeros(1, 2))).values()
        found.append(torch.autograd.grad(loss, model.generator.at)[0])
    found = torch.stack(found)
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - true).abs() <= 5 * error + 2 / 400).all()
    assert (true.abs() > 50 * error).any()


def test_the_best_critic_gives_rows_the_weights_of_the_data():
    """Its loss is flat where D = log p - log q; and there weights turn q into p."""
    torch.set_default_dtype(torch.float64)
    model, states = bits(5000)
    q = law(model, states).detach()
    p = torch.tensor([0.5, 0.05, 0.15, 0.3])
    model.critic.at.data = p.log() - q.log()
    scores = model.score(states)
    loss = (p * nn.functional.softplus(-scores) + q * nn.functional.softplus(scores)).sum()
    (slope,) = torch.autograd.grad(loss, model.critic.at)
    torch.testing.assert_close(slope, torch.zeros(4))

    def recovered():
        fake = model.rows(model.conditional(torch.zeros(1, 1)), model.samples)
        weights = model.score(fake[0]).softmax(0)
        return ((fake[0][:, None] == states).all(2) * weights[:, None]).sum(0)

    with torch.no_grad():
        found = torch.stack([recovered() for _ in range(200)])
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - p).abs() <= 5 * error + 2 / 5000).all()


def test_weighing_against_each_other_is_quieter_than_reinforce():
    """Same rows, same limit: each row paid by its weight alone, or by w~, or by w~ - 1/M."""
    torch.set_default_dtype(torch.float64)
    model, states = bits(20)
    p = torch.tensor([0.5, 0.05, 0.15, 0.3])
    model.critic.at.data = p.log() - law(model, states).detach().log()
    spread = {"reinforce": [], "weighed": [], "centred": []}
    for _ in range(600):
        _, fake, log_g = model.deal(torch.zeros(1, 2))
        scores = model.score(fake[0]).detach()
        paid = {"reinforce": scores.exp() / 20, "weighed": scores.softmax(0)}
        for name, weights in paid.items():
            loss = -(weights * log_g[0]).sum()
            spread[name].append(torch.autograd.grad(loss, model.generator.at, retain_graph=True)[0])
        (loss,) = model.generator_loss(fake[:, 0], fake, log_g).values()
        spread["centred"].append(torch.autograd.grad(loss, model.generator.at)[0])
    noise = {name: torch.stack(rows).var(0).sum() for name, rows in spread.items()}
    assert noise["centred"] < 0.7 * noise["reinforce"]
    assert noise["weighed"] < noise["reinforce"]
    model.critic.at.data.zero_()  # it cannot tell rows apart: nothing is left to learn, nor any noise
    assert gradient(model, fake).abs().max() < 1e-12


def test_tokens_are_shown_as_indicators():
    seen = {}

    class Watch(nn.Linear):
        def forward(self, x):
            seen["x"] = x
            return super().forward(x)

    model = BSGAN(Tokens(3, 2), MLP(1, 6), Watch(6, 1), 1, 2)
    assert model.score(torch.tensor([[2, 0]])).shape == (1,)
    expected = torch.tensor([[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]])
    assert torch.equal(seen["x"], expected)


@pytest.mark.parametrize(
    ("space", "samples", "sentence"),
    [
        (
            Reals((2,)),
            20,
            r"BSGAN: space is Reals.*Bits or Tokens are wanted; for Reals and Pixels take GAN",
        ),
        (Bits((2,)), 1, "BSGAN: samples is 1; at least 2 are wanted"),
    ],
)
def test_what_cannot_be_learnt_is_refused(space, samples, sentence):
    with pytest.raises(ValueError, match=sentence):
        BSGAN(space, MLP(1, 2), MLP(2, 1), 1, samples)


def test_recipe_refuses_what_has_a_slope():
    with pytest.raises(ValueError, match=r"bsgan: ring is of Reals.*tokens, or bits or pixels"):
        bsgan("ring", run=Run(rounds=1, device="cpu"))


@pytest.mark.parametrize("data", ["digits", "bars", "grammar"])
def test_recipe_makes_rows_of_each_kind(data):
    model = bsgan(data, samples=3, latent=5, width=8, run=Run(rounds=2, batch=8, device="cpu"))
    assert (model.samples, model.latent) == (3, 5)
    model.space.check(model.sample(4), "sample")


def test_recipe_learns_vectors_of_bits(tmp_path):
    """Bits that are all equal: a fair mixture of two rows, which no factorial law can be."""
    rows = np.repeat(np.array([[False] * 6, [True] * 6]), 500, 0)
    np.save(tmp_path / "equal.npy", rows)
    run = Run(rounds=400, batch=64, lr=3e-3, device="cpu")
    model = bsgan(str(tmp_path / "equal.npy"), samples=20, latent=8, width=32, run=run)
    x = model.sample(1000)
    equal = (x == x[:, :1]).all(1)
    assert equal.double().mean() > 0.9
    assert 0.2 < x[equal][:, 0].mean() < 0.8
