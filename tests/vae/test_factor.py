"""FactorVAE: its losses by hand, the shuffle, and a critic whose best logit is known."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from genus.core import Bits
from genus.errors import Refused
from genus.train.game import adam, play
from genus.vae import FactorVAE
from genus.vae.factor import shuffle

pytestmark = pytest.mark.usefixtures("precise")


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def test_the_losses_are_the_ones_of_the_paper():
    model, x = FactorVAE(Bits((3,)), 2, gamma=4.0), torch.rand(8, 3).round()
    dealt = model.deal(x)
    parts = model.model_loss(*dealt)
    whole = -(model.likelihood.log_prob(x, model.numbers(dealt.z)) - dealt.kl).mean()
    torch.testing.assert_close(parts["reconstruction"] + parts["kl"], whole)
    chance = model.critic(dealt.z)[:, 0].sigmoid()
    ratio = (chance / (1 - chance)).log()
    torch.testing.assert_close(parts["total_correlation"], 4 * ratio.mean())

    torch.manual_seed(3)
    loss = model.cross_entropy(dealt.z)
    torch.manual_seed(3)
    apart = shuffle(dealt.z[4:])
    logits = model.critic(torch.cat([dealt.z[:4], apart]))[:, 0]
    answers = torch.tensor([1.0] * 4 + [0.0] * 4)
    torch.testing.assert_close(loss, binary_cross_entropy_with_logits(logits, answers))


def test_each_player_moves_its_own():
    model, x = FactorVAE(Bits((3,)), 2), torch.rand(8, 3).round()
    players = model.players()
    owned = [set(map(id, player.parameters())) for player in players.values()]
    assert not owned[0] & owned[1]
    assert owned[0] | owned[1] == set(map(id, model.parameters()))
    (loss,) = model.critic_loss(*model.deal(x)).values()
    loss.backward()
    assert all(p.grad is None for p in players["model"].parameters())


def test_the_shuffle_keeps_what_each_unit_does_alone():
    z = torch.randn(500, 3)
    apart = shuffle(z)
    assert torch.equal(apart.sort(0)[0], z.sort(0)[0])
    assert not torch.equal(apart, z)
    orders = torch.stack([shuffle(torch.arange(3.0)[:, None])[:, 0] for _ in range(6000)])
    _, counts = orders.unique(dim=0, return_counts=True)
    assert len(counts) == 6
    assert (counts - 1000).abs().max() < 5 * 30  # five deviations of a count


def test_one_row_has_losses():
    model = FactorVAE(Bits((3,)), 2)
    assert model.cross_entropy(torch.randn(1, 2)).isfinite()


def test_the_critic_learns_the_log_ratio():
    """Of two units with correlation 0.8 it is known at each z, and its mean is the total correlation."""
    rho, model = 0.8, FactorVAE(Bits((3,)), 2, hidden=(64, 64))
    scale = torch.tensor([[1.0, 0.0], [rho, (1 - rho**2) ** 0.5]])
    optimizer = torch.optim.Adam(model.critic.parameters(), 3e-3)
    for _ in range(600):
        loss = model.cross_entropy(torch.randn(512, 2) @ scale.T)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    z = torch.randn(4000, 2) @ scale.T
    truth = -0.5 * torch.tensor(1 - rho**2).log()
    found = model.log_ratio(z).mean().item()
    assert found == pytest.approx(truth.item(), abs=0.1)
    alone = model.log_ratio(torch.randn(4000, 2)).mean().item()  # -KL the other way round
    assert alone < -0.3


def test_warm_up_counts_rounds():
    model, x = FactorVAE(Bits((3,)), 2, warm_up=4), torch.rand(8, 3).round()
    optimizers = {
        name: adam(0.0)(name, player.parameters()) for name, player in model.players().items()
    }
    seen = [model.warming.share(x).item() for _ in play(model, [(x,)] * 4, optimizers)]
    assert seen == [0.5, 0.75, 1.0, 1.0]


@pytest.mark.parametrize("how", [{"gamma": -1.0}, {"warm_up": -1}, {"latent": 0}])
def test_what_makes_no_sense_is_refused(how):
    with pytest.raises(Refused, match=next(iter(how))):
        FactorVAE(Bits((3,)), **how)
