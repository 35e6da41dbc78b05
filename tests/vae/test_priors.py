"""Learnt priors and importance-weighted bounds: against closed forms, enumeration and plain gradients."""

import math

import pytest
import torch
from torch import nn

from genus.core import Bits, Classes, Pixels, Reals
from genus.errors import Refused
from genus.nn import MLP
from genus.train.game import play
from genus.vae import IWAE, VAE, MixturePrior, Normal, VampPrior

pytestmark = pytest.mark.usefixtures("precise")


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def grid(points: int = 400, reach: float = 8.0) -> tuple[torch.Tensor, float]:
    """Points of the plane, and the area of each."""
    line = torch.linspace(-reach, reach, points)
    return torch.cartesian_prod(line, line), (2 * reach / (points - 1)) ** 2


def scattered_mixture() -> MixturePrior:
    prior = MixturePrior(2, 3)
    for p in prior.parameters():
        nn.init.normal_(p, std=0.5)
    nn.init.normal_(prior.means, std=2)
    return prior


def vamp() -> VAE:
    space = Bits((3,))
    return VAE(space, 2, MLP(3, 4, (8,)), MLP(2, 3, (8,)), prior=VampPrior(space, 4))


@pytest.mark.parametrize("kind", ["mixture", "vamp"])
def test_a_prior_sums_to_one_and_draws_what_it_says(kind):
    z, area = grid()
    if kind == "mixture":
        prior = scattered_mixture()
        log_p, drawn = prior.log_prob(z), prior.sample(40_000)
    else:
        model = vamp()
        log_p, drawn = model.log_prior(z), model.draw_prior(40_000)
    p = log_p.exp() * area
    assert abs(p.sum().item() - 1) < 1e-3
    mean = p @ z
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.06, rtol=0)
    torch.testing.assert_close(drawn.square().mean(0), p @ z.square(), atol=0.2, rtol=0.05)


def test_a_vampprior_is_the_mean_of_the_guesses_for_its_inputs():
    model, z = vamp(), torch.randn(5, 2)
    assert isinstance(model.prior, VampPrior)
    means, log_stds = model.posterior(model.prior.inputs())
    parts = torch.distributions.Normal(means, log_stds.exp()).log_prob(z[:, None]).sum(2)
    torch.testing.assert_close(model.log_prior(z), parts.logsumexp(1) - math.log(4))


@pytest.mark.parametrize("space", [Bits((3,)), Pixels((1, 2, 2), 5), Reals((2,))], ids=str)
def test_inputs_stay_in_the_range_of_x_and_can_begin_at_rows(space):
    prior = VampPrior(space, 4)
    x = torch.rand(3, *space.shape).round()
    prior.begin_at(x)
    held = prior.inputs()
    torch.testing.assert_close(held[:3], x, atol=0.06, rtol=0)
    torch.testing.assert_close(held[3], held[0])
    nn.init.normal_(prior.held, std=100)
    if not isinstance(space, Reals):
        assert prior.inputs().abs().max() <= 1


def test_with_a_prior_of_one_normal_the_bound_is_that_of_the_plain_vae():
    plain = VAE(Reals((2,)), 2, MLP(2, 4, (8,)), MLP(2, 2, (8,)))
    prior = MixturePrior(2, 1)
    nn.init.zeros_(prior.means)
    other = VAE(Reals((2,)), 2, plain.encoder, plain.decoder, plain.likelihood, prior)
    x = torch.randn(6, 2)
    draws = torch.stack([other.elbo(x) - plain.elbo(x) for _ in range(1000)])
    error = draws.std(0) / len(draws) ** 0.5
    assert (draws.mean(0).abs() <= 5 * error).all()
    torch.manual_seed(3)
    weight = plain.log_weight(x)
    torch.manual_seed(3)
    torch.testing.assert_close(other.log_weight(x), weight)


def test_a_learnt_prior_is_nearer_than_a_normal_one():
    """Two far groups: one normal prior has to bridge them."""
    x = torch.cat([torch.full((200, 1), -3.0), torch.full((200, 1), 3.0)]) + 0.1 * torch.randn(
        400, 1
    )

    def learnt(prior):
        torch.manual_seed(1)
        model = VAE(Reals((1,)), 1, MLP(1, 2, (16,)), MLP(1, 1, (16,)), Normal(0.5), prior)
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        batches = ((x[torch.randint(400, (100,))],) for _ in range(300))
        for _ in play(model, batches, {"model": optimizer}):
            pass
        with torch.no_grad():
            return torch.stack([model.log_weight(x) for _ in range(200)]).logsumexp(0).mean().item()

    assert learnt(MixturePrior(1, 2)) > learnt(None) + 0.1


# --- the importance-weighted bound ------------------------------------------------------------


def iwae(**how) -> IWAE:
    torch.manual_seed(0)
    return IWAE(Bits((3,)), 1, MLP(3, 2, (4,)), MLP(1, 3, (4,)), **how)


def bound(model: IWAE, draws: int = 3000) -> float:
    x = torch.tensor([[1.0, 0.0, 1.0]]).expand(draws, -1)
    with torch.no_grad():
        return -model.loss(x)["bound"].item()


def test_the_bound_rises_with_k_to_the_likelihood():
    x = torch.tensor([[1.0, 0.0, 1.0]])
    z = torch.linspace(-8, 8, 4001)[:, None]
    model = iwae()
    with torch.no_grad():
        joint = model.likelihood.log_prob(x.expand(4001, -1), model.numbers(z)) + model.log_prior(z)
    truth = joint.logsumexp(0).item() + math.log(16 / 4000)
    values = [bound(iwae(k=k)) for k in (1, 5, 50)]
    assert values[0] < values[1] < values[2] < truth + 0.005
    assert values[2] > truth - 0.02


def gradients(model: IWAE, x, repeats: int) -> torch.Tensor:
    found = []
    for _ in range(repeats):
        total = model.loss(x)["bound"]
        parts = torch.autograd.grad(total, list(model.parameters()))
        found.append(torch.cat([part.flatten() for part in parts]))
    return torch.stack(found)


def test_both_gradients_have_one_mean_and_the_doubly_one_has_less_noise_in_the_encoder():
    x = torch.tensor([[1.0, 0.0, 1.0]]).expand(50, -1)
    plain = gradients(iwae(k=8, doubly=False), x, 500)
    doubly = gradients(iwae(k=8), x, 500)
    error = ((plain.var(0) + doubly.var(0)) / 500).sqrt()
    assert ((plain.mean(0) - doubly.mean(0)).abs() <= 5 * error + 1e-12).all()
    size = sum(p.numel() for p in iwae().encoder.parameters())
    own = slice(0, size)  # of the encoder, which comes first
    assert doubly[:, own].var(0).sum() < 0.7 * plain[:, own].var(0).sum()


def test_a_gradient_that_is_weighted_once_is_caught(monkeypatch):
    """A liar: q stands still, but the way through z is weighted by v and not by v squared."""
    x = torch.tensor([[1.0, 0.0, 1.0]]).expand(50, -1)
    plain = gradients(iwae(k=8, doubly=False), x, 300)
    monkeypatch.setattr(torch.Tensor, "register_hook", lambda z, hook: None)
    wrong = gradients(iwae(k=8), x, 300)
    error = ((plain.var(0) + wrong.var(0)) / 300).sqrt()
    assert not ((plain.mean(0) - wrong.mean(0)).abs() <= 5 * error + 1e-12).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: VAE(Bits((3,)), prior=nn.Linear(2, 2)),
            "the prior is Linear; a module with log_prob",
        ),
        (lambda: VAE(Bits((3,)), 4, prior=MixturePrior(2)), r"the prior draws z of \(2,\); \(4,\)"),
        (lambda: VAE(Bits((3,)), beta=-1.0), "beta is -1.0; at least 0"),
        (lambda: IWAE(Bits((3,)), k=0), "IWAE: k is 0; at least 1"),
        (lambda: IWAE(Bits((3,)), latent=0), "IWAE: latent is 0; at least 1"),
        (lambda: VampPrior(Classes(3)), "VampPrior: space is Classes"),
        (lambda: VampPrior(Bits((3,))).begin_at(torch.zeros(0, 3)), "x has no rows; at least 1"),
        (lambda: MixturePrior(2, 0), "components is 0; at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(Refused, match=words):
        make()
