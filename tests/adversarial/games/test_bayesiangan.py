"""Bayesian GAN: losses by hand, walks that do not touch, and a posterior that it samples."""

import math

import pytest
import torch
from laws import Rows

from genus.adversarial import GAN, BayesianGAN
from genus.core import Bits, Reals
from genus.functional.adversarial.langevin import SGHMC
from genus.functional.adversarial.relativistic import relativistic
from genus.nn import MLP
from genus.recipes import find
from genus.train.fit import Run, fit

PLANE = Reals((2,))


def several(count, d_in, d_out):
    return [MLP(d_in, d_out, (8,)) for _ in range(count)]


def game(generators=3, critics=2, **given):
    torch.manual_seed(0)
    return BayesianGAN(PLANE, several(generators, 3, 2), several(critics, 2, 1), 3, 50, **given)


def test_one_of_each_is_a_gan_with_a_prior():
    ours = game(1, 1, prior_std=2.0)
    theirs = GAN(PLANE, ours.generators[0], ours.critics[0], 3)
    x, fakes = ours.deal(torch.randn(16, 2))
    for name, player in ours.players().items():
        terms = player.loss(x, fakes)
        truth = sum(theirs.players()[name[:-1]].loss(x, fakes[0]).values())
        weights = torch.cat([p.flatten() for p in player.parameters()])
        torch.testing.assert_close(terms["prior"], weights.square().sum() / 8 / 50)
        torch.testing.assert_close(sum(terms.values()) - terms["prior"], truth)


@pytest.mark.parametrize("objective", [None, relativistic])
def test_losses_are_marginal_over_the_other_side(objective):
    ours = game(3, 2, **({"objective": objective} if objective else {}))
    x, fakes = ours.deal(torch.randn(16, 2))
    likelihood = fool = 0.0
    losses = {}
    for k, critic in enumerate(ours.critics):
        for j in range(3):
            real, fake = critic(x), critic(fakes[j])
            losses[k, j] = (
                sum(ours.objective.critic(real, fake).values()),
                sum(ours.objective.generator(real, fake).values()),
            )
    for k in range(2):
        likelihood += math.log(sum(losses[k, j][0].exp().item() for j in range(3)) / 3)
    for j in range(3):
        fool += math.log(sum(losses[k, j][1].exp().item() for k in range(2)) / 2)
    assert ours.critic_loss(x, fakes)["likelihood"].item() == pytest.approx(likelihood, rel=1e-5)
    assert ours.generator_loss(x, fakes)["fool"].item() == pytest.approx(fool, rel=1e-5)


def test_a_generators_gradient_is_its_own():
    """With the others left out, it is the same: no walk is slowed by how many there are."""
    ours = game(3, 2)
    x, fakes = ours.deal(torch.randn(16, 2))
    weights = list(ours.generators[1].parameters())
    whole = torch.autograd.grad(ours.generator_loss(x, fakes)["fool"], weights, retain_graph=True)
    torch.manual_seed(0)
    alone = BayesianGAN(PLANE, ours.generators[1:2], ours.critics, 3, 50)
    lone = torch.autograd.grad(alone.generator_loss(x, fakes[1:2])["fool"], weights)
    for a, b in zip(whole, lone, strict=True):
        torch.testing.assert_close(a, b)


def test_rows_come_from_all_generators_alike():
    ours = game(4, 1)
    with torch.no_grad():
        for k, generator in enumerate(ours.generators):
            for p in generator.parameters():
                p.zero_()
            generator[-1].bias.fill_(float(k))
    counts = ours.sample(8000)[:, 0].long().bincount(minlength=4).double()
    assert ((counts - 2000).abs() < 5 * (8000 * 0.25 * 0.75) ** 0.5).all()


def test_a_flat_critic_leaves_the_generators_to_their_prior():
    """Where nothing is learned from data, walks by SGHMC have the prior's own spread."""
    torch.manual_seed(1)
    ours = BayesianGAN(PLANE, several(20, 2, 2), several(1, 2, 1), 2, rows=50, prior_std=0.5)
    with torch.no_grad():
        for p in ours.critics[0].parameters():
            p.zero_()
    walk = SGHMC(ours.makers.parameters(), lr=2.0, rows=50, friction=0.3)
    spreads = []
    for t in range(300):
        walk.zero_grad()
        sum(ours.generator_loss(*ours.deal(torch.randn(2, 2))).values()).backward()
        walk.step()
        if t >= 100:
            weights = torch.cat([p.detach().flatten() for p in ours.makers.parameters()])
            spreads.append(weights.double().square())
    means = torch.stack(spreads).mean(0)  # over time, one for each of the weights, which are apart
    curvature = 1 / 0.5**2 / 50
    truth = 0.5**2 / (1 - 2.0 * curvature / (4 - 0.6))
    assert (means.mean() - truth).abs() < 5 * means.std() / len(means) ** 0.5


def test_a_run_of_walks_goes_on_bit_for_bit(tmp_path):
    torch.manual_seed(5)
    data = Rows(PLANE, None, (torch.randn(64, 2),))

    def run(rounds, out, resume=False):
        fit(
            game(),
            data,
            Run(rounds, batch=8, seed=1, out=out, resume=resume, device="cpu"),
            optimizers=lambda name, weights: SGHMC(weights, 0.01, 64),
        )

    run(5, tmp_path / "straight")
    run(2, tmp_path / "pieces")
    run(5, tmp_path / "pieces", resume=True)
    file = "model.safetensors"
    assert (tmp_path / "straight" / file).read_bytes() == (tmp_path / "pieces" / file).read_bytes()


@pytest.mark.parametrize(
    ("name", "value"), [("rows", 0), ("prior_std", 0.0), ("space", Bits((2,))), ("critics", ())]
)
def test_what_makes_no_sense_is_refused(name, value):
    given = {
        "space": PLANE,
        "generators": several(1, 3, 2),
        "critics": several(1, 2, 1),
        "latent": 3,
        "rows": 9,
    }
    with pytest.raises(ValueError, match=name):
        BayesianGAN(**given | {name: value})


def test_the_recipe_wants_vectors():
    with pytest.raises(ValueError, match="bayesiangan on digits: space is Pixels"):
        find("bayesiangan")(data="digits")
