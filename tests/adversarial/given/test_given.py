"""GAN with contexts: that it is the game one would write by hand, its critics in closed form, and cgan."""

import pytest
import torch
from torch import nn
from torch.nn.functional import silu, softplus

from genus.adversarial import GAN, BesideCritic, GivenGenerator, ProjectionCritic
from genus.core import Attributes, Classes, Reals
from genus.errors import Refused
from genus.functional.adversarial.objectives import OBJECTIVES, hinge
from genus.functional.adversarial.penalties import (
    Penalty,
    feature_matching,
    gradient_penalty,
    orthogonal,
    r1,
)
from genus.nn import MLP, Labels, SeveralLabels
from genus.recipes.adversarial.cgan import cgan
from genus.train import Run
from genus.train.game import play

K = 3


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def generator():
    return GivenGenerator(MLP(2 + K, 2, (8,)), Labels(K))


def projection():
    return ProjectionCritic(MLP(2, 6, (8,)), 6, Labels(K), K)


def beside():
    return BesideCritic(MLP(2 + K, 1, (8,)), Labels(K))


def game(critic=None, kind=GAN, **how):
    return kind(
        Reals((2,)), generator(), critic or projection(), 2, context_space=Classes(K), **how
    )


def rows(n=8):
    return torch.randn(n, 2) + 1, torch.arange(n) % K


def test_a_projection_is_its_equation():
    critic, (x, c) = projection(), rows()
    f = silu(critic.trunk(x))
    v = critic.fits.weight.T[c]
    want = f @ critic.real.weight[0] + critic.real.bias + (v * f).sum(1)
    torch.testing.assert_close(critic(x, c), want)
    torch.testing.assert_close(critic.features(x), f)


def test_beside_is_one_channel_for_each_number():
    seen = []
    net = nn.Sequential(nn.Flatten(), nn.Linear(5 * 4, 1))
    net.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    critic = BesideCritic(net, Labels(K))
    x, c = torch.randn(4, 2, 2, 2), torch.tensor([0, 2, 1, 1])
    assert critic(x, c).shape == (4,)
    assert torch.equal(seen[0][:, :2], x)
    assert torch.equal(seen[0][:, 2:].mean((2, 3)), torch.eye(K)[c])
    assert seen[0][:, 2:].std((2, 3)).max() == 0


@pytest.mark.parametrize("critic", [projection, beside])
def test_a_round_is_the_game_by_hand(critic):
    """Two rounds with R1 and a gradient penalty, against a loop that anybody would write."""
    torch.manual_seed(5)
    penalties = [Penalty(r1, 0.7), Penalty(gradient_penalty, 0.3)]
    model = game(critic(), penalties=penalties)
    torch.manual_seed(5)
    twin = game(critic(), penalties=penalties)
    batches = [rows() for _ in range(2)]

    def moves(of):
        return {n: torch.optim.Adam(p.parameters(), 0.01) for n, p in of.players().items()}

    torch.manual_seed(3)
    for _ in play(model, batches, moves(model)):
        pass

    torch.manual_seed(3)
    net, judge, steps = twin.generator, twin.critic, moves(twin)
    for x, c in batches:
        z = torch.randn(8, 2)
        fake = net(z, c)
        inside = x.clone().requires_grad_()
        (at_data,) = torch.autograd.grad(judge(inside, c).sum(), inside, create_graph=True)
        share = torch.rand(8)[:, None]
        between = (x + share * (fake.detach() - x)).requires_grad_()
        (slope,) = torch.autograd.grad(judge(between, c).sum(), between, create_graph=True)
        steps["critic"].zero_grad()
        loss = softplus(-judge(x, c)).mean() + softplus(judge(fake.detach(), c)).mean()
        loss = loss + 0.7 * 0.5 * at_data.square().sum(1).mean()
        (loss + 0.3 * (slope.norm(dim=1) - 1).square().mean()).backward()
        steps["critic"].step()
        steps["generator"].zero_grad()
        softplus(-judge(fake, c)).mean().backward()
        steps["generator"].step()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_all_objectives_take_contexts(name):
    model = game(objective=OBJECTIVES[name])
    x, c = rows()
    found = model.deal(x, c)
    assert torch.equal(found.context, c)
    for player in model.players().values():
        assert sum(player.loss(*found).values()).isfinite()
    assert len(model.judged(found).real) == 8


def test_penalties_on_features_and_weights_take_contexts():
    penalties = [Penalty(feature_matching, 1.0, player="generator"), Penalty(orthogonal, 1e-2)]
    model = game(objective=hinge, penalties=penalties)
    x, c = rows()
    players = model.players()
    x, fake, c = model.deal(x, c)
    gap = model.critic.features(x).mean(0) - model.critic.features(fake).mean(0)
    torch.testing.assert_close(
        players["generator"].loss(x, fake, c)["feature_matching"], gap.square().sum()
    )
    weights = [p.flatten(1) for p in model.critic.parameters() if p.dim() > 1]
    want = sum((w @ w.T - torch.diag((w @ w.T).diagonal())).square().sum() for w in weights)
    torch.testing.assert_close(players["critic"].loss(x, fake, c)["orthogonal"], 1e-2 * want)


def test_several_labels_are_a_context_too():
    embed = SeveralLabels((2, 3))
    critic = ProjectionCritic(MLP(2, 6, (8,)), 6, embed, 5)
    net = GivenGenerator(MLP(2 + 5, 2, (8,)), SeveralLabels((2, 3)))
    model = GAN(Reals((2,)), net, critic, 2, context_space=Attributes((2, 3)))
    c = torch.tensor([[0, 2], [1, 0]])
    assert model.sample(context=c).shape == (2, 2)
    with pytest.raises(Refused, match="no context was given"):
        model.sample(2)


def trained(model, rounds=300):
    """Three normals, one for each class; the share of samples at their own."""
    places = torch.tensor([[2.0, 0.0], [-2.0, 1.0], [0.0, -2.0]])
    moves = {
        name: torch.optim.Adam(player.parameters(), 0.01, (0.0, 0.99))
        for name, player in model.players().items()
    }
    c = torch.arange(96) % K
    batches = ((places[c] + 0.3 * torch.randn(96, 2), c) for _ in range(rounds))
    for _ in play(model, batches, moves):
        pass
    asked = torch.arange(300) % K
    nearest = torch.cdist(model.sample(context=asked), places).argmin(1)
    return (nearest == asked).double().mean()


class ForgetsTheClass(GAN):
    """The critic sees a class that has nothing to do with the row."""

    def look(self, context):
        return super().look(context[torch.randperm(len(context))])


@pytest.mark.parametrize("critic", [projection, beside])
def test_samples_are_of_their_class_unless_the_critic_forgets_it(critic):
    torch.manual_seed(1)
    penalties = [Penalty(r1, 0.1)]
    assert trained(game(critic(), penalties=penalties)) > 0.9
    assert trained(game(critic(), ForgetsTheClass, penalties=penalties)) < 0.7


def test_what_does_not_fit_is_refused():
    with pytest.raises(Refused, match="packing is 2, and contexts are given"):
        game(packing=2)
    with pytest.raises(Refused, match="a context was given; it takes none"):
        GAN(Reals((2,)), MLP(2, 2), MLP(2, 1), 2).sample(context=torch.zeros(2))
    with pytest.raises(Refused, match="form is 'inside'; projection or beside is wanted"):
        cgan(form="inside", run=Run(rounds=1))
    with pytest.raises(Refused, match="objective is 'best'; one of"):
        cgan(objective="best", run=Run(rounds=1))


@pytest.mark.parametrize("form", ["projection", "beside"])
def test_the_recipe_trains(form):
    torch.set_default_dtype(torch.float32)
    model = cgan(form=form, latent=4, width=2, run=Run(rounds=3, batch=8))
    assert model.sample(context=torch.arange(10)).shape == (10, 1, 8, 8)
