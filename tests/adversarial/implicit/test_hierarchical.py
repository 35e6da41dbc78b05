"""Hierarchical implicit models: posteriors in closed form, a ratio that is known, and liars."""

import math
import re

import pytest
import torch
from laws import within
from torch import nn

import genus
from genus.adversarial import FullNormal, HierarchicalImplicitModel, NetworkSimulator
from genus.core import Bits, Reals, Tokens, promise
from genus.functional.adversarial.sides import HasJudged
from genus.nn import MLP
from genus.train.game import play

A = torch.tensor([[1.0, 0.5], [-0.3, 0.8]], dtype=torch.float64)  # x = A beta + NOISE eps
NOISE = 0.7


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def of_shared(beta):
    """x given beta, which all rows share."""
    return beta @ A.T + NOISE * torch.randn(len(beta), 2)


def of_latent(beta):
    """x, and z, which each row has for itself."""
    z = torch.randn(len(beta), 2)
    return of_shared(z), z


class Quadratic(nn.Module):
    """All that a ratio of normals can be: r = v' a v + b' v + c."""

    def __init__(self, d):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.zeros(d, d)), nn.Parameter(torch.zeros(d))
        self.c = nn.Parameter(torch.zeros(()))

    def forward(self, v):
        return ((v @ self.a) * v).sum(1) + v @ self.b + self.c


class Exact(nn.Module):
    """r* of `of_shared`, but for what does not depend on beta, times a sign."""

    def __init__(self, sign=1.0):
        super().__init__()
        self.sign = sign

    def forward(self, rows):
        x, beta = rows.split([2, 2], 1)
        return self.sign * -(x - beta @ A.T).square().sum(1) / (2 * NOISE**2)


def learn(model, rows, rounds, lr, batch=128, only=None):
    """By the one loop, with rates that fall to 0; `only` names the player that moves."""
    players = {name: p for name, p in model.players().items() if only in (None, name)}
    model.players = lambda: players
    adam = {
        name: torch.optim.Adam(player.parameters(), lr=lr, betas=(0.5, 0.99))
        for name, player in players.items()
    }
    falls = [torch.optim.lr_scheduler.LambdaLR(a, lambda k: 1 - k / rounds) for a in adam.values()]
    batches = ((rows[torch.randint(len(rows), (batch,))],) for _ in range(rounds))
    for _ in play(model, batches, adam):
        for fall in falls:
            fall.step()


def posterior_of_shared(x):
    """Mean and covariance of beta given all rows, with the prior N(0, I)."""
    covariance = (torch.eye(2) + len(x) * A.T @ A / NOISE**2).inverse()
    return covariance @ A.T @ x.sum(0) / NOISE**2, covariance


def shared(rows=12, kind=HierarchicalImplicitModel, critic=None, **given):
    return kind(Reals((2,)), of_shared, critic or Exact(), shared=2, rows=rows, **given)


def latent(critic=None, **given):
    return HierarchicalImplicitModel(
        Reals((2,)), of_latent, critic or Quadratic(4), 2, nn.Linear(4, 2), 2, **given
    )


# --- posteriors in closed form ----------------------------------------------------------------


def pulls(kind=HierarchicalImplicitModel, critic=None, rows=4):
    """How hard the loss pulls at the true posterior, each gradient in its own standard errors.

    With the exact ratio there is nothing to gain there, so that every pull is noise.
    """
    x = of_shared(torch.tensor([[0.8, -0.5]]).expand(rows, 2))
    model = shared(rows, kind, critic)
    mean, covariance = posterior_of_shared(x)
    scale = torch.linalg.cholesky(covariance)
    with torch.no_grad():
        model.guess.mean.copy_(mean)
        model.guess.log_diagonal.copy_(scale.diag().log())
        model.guess.below.copy_(scale.tril(-1))
    found = []
    for _ in range(60):
        loss = model.guess_loss(*model.deal(x.repeat(100, 1)))
        gradient = torch.autograd.grad(
            torch.stack([*loss.values()]).sum(), [*model.guess.parameters()]
        )
        found.append(torch.cat([gradient[0], gradient[1], gradient[2][1:, 0]]))
    found = torch.stack(found)
    return (found.mean(0) / found.std(0) * len(found) ** 0.5).abs()


def test_with_the_exact_ratio_nothing_pulls_at_the_true_posterior():
    assert pulls().max() < 5


class ForgetsThePrior(HierarchicalImplicitModel):
    def guess_loss(self, *dealt):
        return {k: v for k, v in super().guess_loss(*dealt).items() if k != "prior"}


class ForgetsItsEntropy(HierarchicalImplicitModel):
    def guess_loss(self, *dealt):
        return {k: v for k, v in super().guess_loss(*dealt).items() if k != "entropy"}


class CountsThePriorInEveryRow(HierarchicalImplicitModel):
    def guess_loss(self, *dealt):
        losses = super().guess_loss(*dealt)
        return losses | {"prior": losses["prior"] * self.rows}


@pytest.mark.parametrize(
    ("kind", "critic"),
    [
        (ForgetsThePrior, None),
        (ForgetsItsEntropy, None),
        (CountsThePriorInEveryRow, None),
        (HierarchicalImplicitModel, Exact(-1.0)),
    ],
    ids=["prior", "entropy", "prior in every row", "sign of the ratio"],
)
def test_a_liar_is_pulled_away_from_the_true_posterior(kind, critic):
    assert pulls(kind, critic).max() > 10


def test_with_the_exact_ratio_the_guess_finds_the_posterior():
    """Its mean within a tenth of the standard deviation, and its covariance, in those units, within 0.15."""
    x = of_shared(torch.tensor([[0.8, -0.5]]).expand(12, 2))
    model = shared()
    learn(model, x, 400, 6e-2, only="guess")
    mean, covariance = posterior_of_shared(x)
    whiten = torch.linalg.cholesky(covariance).inverse()
    away, spread = whiten @ (model.guess.mean - mean), whiten @ model.guess.scale
    assert away.abs().max() < 0.1
    assert (spread @ spread.T - torch.eye(2)).abs().max() < 0.15


def test_a_critic_and_a_guess_find_each_rows_posterior_together():
    """z alone, with a linear encoder: each entry of its slopes within 0.08, and of its covariance within 0.15."""
    model = latent(critic_rounds=3)
    learn(model, of_latent(torch.zeros(50_000, 0))[0], 1500, 3e-2, batch=256)
    slope = A.T @ (A @ A.T + NOISE**2 * torch.eye(2)).inverse()
    of_x, of_noise = model.encoder.weight.split(2, 1)
    assert (of_x - slope).abs().max() < 0.08
    assert (of_noise @ of_noise.T - (torch.eye(2) - slope @ A)).abs().max() < 0.15
    assert model.encoder.bias.abs().max() < 0.08


def test_a_critic_and_a_guess_find_what_all_rows_share_together():
    """beta alone, from 12 rows: its mean within 0.4 of its standard deviation, its variances within 40 %."""
    x = of_shared(torch.tensor([[0.8, -0.5]]).expand(12, 2))
    model = shared(12, critic=Quadratic(4), critic_rounds=3)
    learn(model, x, 1500, 3e-2)
    mean, covariance = posterior_of_shared(x)
    found = model.guess.scale @ model.guess.scale.T
    assert ((model.guess.mean - mean) / covariance.diag().sqrt()).abs().max() < 0.4
    assert (found.diag() / covariance.diag()).log().abs().max() < math.log(1.4)


# --- the ratio --------------------------------------------------------------------------------


def test_the_critic_learns_the_exact_log_ratio_of_two_normals():
    """The simulator's x ~ N(beta, 1), and data ~ N(0.5, 2^2), with beta held where the guess begins."""

    def near(beta):
        return beta + torch.randn(len(beta), 1)

    model = HierarchicalImplicitModel(Reals((1,)), near, Quadratic(2), shared=1)
    learn(model, 0.5 + 2 * torch.randn(50_000, 1), 800, 2e-2, only="critic")
    x, beta = torch.meshgrid(torch.linspace(-1.5, 1.5, 7), torch.linspace(-1, 1, 5), indexing="ij")
    x, beta = x.reshape(-1, 1), beta.reshape(-1, 1)
    one = torch.distributions.Normal(beta, 1.0).log_prob(x)
    other = torch.distributions.Normal(0.5, 2.0).log_prob(x)
    found = model.log_ratio(x, x.new_empty(len(x), 0), beta)
    torch.testing.assert_close(found, (one - other)[:, 0], atol=0.12, rtol=0)


def test_what_is_judged_is_high_for_data():
    model = latent()
    x = of_latent(torch.zeros(20_000, 0))[0] + 3
    learn(model, x, 100, 5e-2, only="critic")
    assert promise(model, HasJudged)
    found = model.judged(model.deal(x[:500]))
    assert found.logits
    assert found.real.mean() > found.fake.mean() + 1


# --- who moves --------------------------------------------------------------------------------


def gradients(loss, modules):
    loss = torch.stack([*loss.values()]).sum()
    weights = [p for module in modules for p in module.parameters()]
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    return [g for g in found if g is not None and g.abs().sum() > 0]


def test_each_loss_moves_its_own_side():
    """The critic's has no gradient in the guess; the guess's has one, through a critic that it does not own."""
    model = HierarchicalImplicitModel(
        Reals((2,)),
        NetworkSimulator(MLP(4, 2), 1, noise=1),
        MLP(5, 1),
        1,
        MLP(6, 1),
        2,
        shared=2,
        rows=5,
    )
    dealt = model.deal(torch.randn(16, 2))
    guesses = [model.guess, model.encoder]
    assert not gradients(model.critic_loss(*dealt), guesses)
    assert gradients(model.critic_loss(*dealt), [model.critic])
    assert all(gradients(model.guess_loss(*model.deal(torch.randn(16, 2))), [g]) for g in guesses)
    players = model.players()
    owned = {name: {*map(id, player.parameters())} for name, player in players.items()}
    assert not owned["critic"] & owned["guess"]
    assert not {*map(id, model.simulator.parameters())} & (owned["critic"] | owned["guess"])


def test_nothing_flows_through_the_simulator():
    model = latent()
    dealt = model.deal(torch.randn(4, 2))
    assert not dealt.drawn_x.requires_grad
    assert not dealt.drawn_z.requires_grad
    assert dealt.z.requires_grad


def test_both_sides_have_the_same_beta():
    """A simulator without noise gives it away."""
    model = HierarchicalImplicitModel(Reals((2,)), lambda beta: 3 * beta, MLP(4, 1), shared=2)
    dealt = model.deal(torch.zeros(8, 2))
    torch.testing.assert_close(dealt.drawn_x, 3 * dealt.beta)


# --- the parts --------------------------------------------------------------------------------


def test_a_full_normal_is_what_torch_says_it_is():
    normal = FullNormal(3)
    with torch.no_grad():
        for p in normal.parameters():
            p.normal_()
    truth = torch.distributions.MultivariateNormal(normal.mean, scale_tril=normal.scale)
    beta = normal.rsample(20_000)
    torch.testing.assert_close(normal.log_prob(beta), truth.log_prob(beta))
    for k in range(3):
        within(beta[:, k].detach(), normal.mean[k].item())
    gap = (beta - normal.mean).detach()
    within(gap[:, 0] * gap[:, 2], truth.covariance_matrix[0, 2].item())


def test_a_prior_of_ones_own_weighs():
    prior = FullNormal(2)
    with torch.no_grad():
        prior.mean.fill_(3.0)
    model = shared(prior=prior)
    beta = torch.randn(5, 2)
    torch.testing.assert_close(model.log_prior(beta), prior.log_prob(beta))
    assert not {*map(id, prior.parameters())} & {
        id(p) for player in model.players().values() for p in player.parameters()
    }


def test_samples_are_of_the_posterior_predictive():
    model = shared()
    with torch.no_grad():
        model.guess.mean.copy_(torch.tensor([2.0, 1.0]))
        model.guess.log_diagonal.fill_(math.log(0.1))
    x = model.sample(20_000)
    truth = A @ model.guess.mean.detach()
    for k in range(2):
        within(x[:, k], truth[k].item())
    within((x[:, 0] - truth[0]).square(), (0.1**2 * A[0].square().sum() + NOISE**2).item())


def test_a_latent_is_drawn_where_there_is_one():
    assert "draw_posterior" not in shared().promises()
    assert latent().draw_posterior(torch.randn(5, 2)).shape == (5, 2)
    assert shared().draw_beta(4).shape == (4, 2)


def test_a_function_of_ones_own_is_saved_by_its_name(tmp_path):
    """And loaded only where that is allowed."""
    genus.save(latent(MLP(4, 1)), tmp_path)
    name = f"{of_latent.__module__}.of_latent"
    with pytest.raises(ValueError, match=re.escape(f"wants {name}, which is outside genus")):
        genus.load(tmp_path)
    assert genus.load(tmp_path, allow=[name]).simulator is of_latent


def test_a_simulator_without_a_name_cannot_be_saved(tmp_path):
    model = HierarchicalImplicitModel(Reals((2,)), lambda beta: beta, MLP(4, 1), shared=2)
    with pytest.raises(TypeError, match="named functions"):
        genus.save(model, tmp_path)


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"shared": 0}, "latent and shared are both 0, so nothing is to be guessed"),
        ({"latent": 2}, "encoder NoneType and encoder_noise 0; with such a latent a module"),
        ({"latent": 2, "encoder": MLP(4, 2)}, "encoder_noise 0; with such a latent a module"),
        ({"encoder": MLP(4, 2), "encoder_noise": 1}, "latent None and 0 are wanted"),
        ({"space": Tokens(3, 2)}, "Tokens"),
        ({"rows": 0}, "rows"),
        ({"critic_rounds": 0}, "critic_rounds"),
        ({"guess": MLP(2, 2)}, "guess is MLP, without log_prob and rsample"),
        ({"prior": MLP(2, 2)}, "prior is MLP, without log_prob; .* such as FullNormal"),
        (
            {
                "shared": 0,
                "prior": FullNormal(2),
                "latent": 1,
                "encoder": MLP(3, 1),
                "encoder_noise": 1,
            },
            "prior is FullNormal, and shared is 0, so there is no beta",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changed, words):
    given = {"space": Reals((2,)), "simulator": of_shared, "critic": MLP(4, 1), "shared": 2}
    with pytest.raises(ValueError, match=words):
        HierarchicalImplicitModel(**given | changed)


def test_a_simulator_of_other_shapes_is_refused():
    model = shared()
    model.simulator = of_latent
    with pytest.raises(ValueError, match=r"z of shape \(3, 2\) for 3 rows of beta; .* are wanted"):
        model.sample(3)


def test_bits_are_simulated_too():
    def coins(beta):
        return torch.bernoulli(beta.sigmoid())

    model = HierarchicalImplicitModel(Bits((2,)), coins, MLP(4, 1), shared=2, rows=6)
    x = torch.tensor([[1.0, 0.0]]).repeat(6, 1)
    learn(model, x, 3, 1e-2, batch=6)
    assert {*model.sample(50).unique().tolist()} <= {0.0, 1.0}
