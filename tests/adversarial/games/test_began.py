"""BEGAN: its losses, its controller and its measure by hand."""

import pytest
import torch

from genus.adversarial import BEGAN, Reconstruction
from genus.core import Bits, Pixels, Reals
from genus.nn import MLP
from genus.recipes.adversarial.began import began
from genus.train.game import play
from genus.train.run import Run


def pair(**arguments):
    critic = Reconstruction(MLP(4, 2, (8,)), MLP(2, 4, (8,)), 1)
    return BEGAN(Reals((4,)), MLP(3, 4, (8,)), critic, latent=3, **arguments)


def optimizers(model, rate=0.05):
    return {
        name: torch.optim.SGD(player.parameters(), lr=rate)
        for name, player in model.players().items()
    }


def test_losses_by_hand():
    torch.set_default_dtype(torch.float64)
    model = pair()
    model.k.fill_(0.3)
    x, fake = torch.randn(2, 6, 4)
    net = model.critic
    real, error = ((net.decoder(net.encoder(rows)) - rows).abs().mean() for rows in (x, fake))
    terms = model.critic_loss(x, fake)
    torch.testing.assert_close(terms["real"], real)
    torch.testing.assert_close(terms["fake"], -0.3 * error)
    (fool,) = model.generator_loss(x, fake).values()
    torch.testing.assert_close(fool, error)


def test_controller_by_hand_round_by_round():
    """k and M from the errors that the log tells, by the paper's two lines."""
    torch.set_default_dtype(torch.float64)
    model = pair(gamma=0.6, rate=0.4)
    k, ks = 0.0, []
    for _ in range(30):
        before = model.k.item()
        assert before == pytest.approx(k)
        batch = (3 * torch.randn(16, 4),)
        state = torch.get_rng_state()
        with torch.no_grad():  # the same draw of z, before anybody moves
            x, fake = model.deal(*batch)
            real, other = model.critic(x).mean().item(), model.critic(fake).mean().item()
        torch.set_rng_state(state)
        (losses,) = play(model, [batch], optimizers(model))
        assert losses["critic/fake"].item() == pytest.approx(-k * other)
        k = min(max(k + 0.4 * (0.6 * real - other), 0.0), 1.0)
        ks.append(k)
        assert model.convergence.item() == pytest.approx(real + abs(0.6 * real - other))
    assert 0 in ks or 1 in ks or max(ks) - min(ks) > 0.1


@pytest.mark.parametrize(("errors", "end"), [((1.0, 5.0), 0.0), ((5.0, 0.1), 1.0)])
def test_k_stays_between_0_and_1(errors, end):
    model = pair(rate=0.5)
    for _ in range(5):
        model.errors.copy_(torch.tensor(errors))
        model.control()
    assert model.k.item() == end


def test_k_holds_the_two_errors_at_their_ratio():
    """A generator that does not learn: the controller moves k until fake rows have gamma's share."""
    torch.manual_seed(0)
    model = pair(gamma=0.5, rate=0.05)
    moves = optimizers(model, 0.0)
    moves["critic"] = torch.optim.Adam(model.critic.parameters(), 1e-2)
    rows = torch.randn(256, 4)
    for _ in play(model, [(rows,)] * 600, moves):
        pass
    real, other = model.errors.tolist()
    assert other / real == pytest.approx(0.5, abs=0.1)
    assert 0 < model.k.item() < 1


def test_controller_and_measure_live_in_the_state():
    model, twin = pair(rate=0.3), pair(rate=0.3)
    for _ in play(model, [(torch.randn(8, 4),)] * 4, optimizers(model)):
        pass
    twin.load_state_dict(model.state_dict())
    assert twin.k == model.k
    assert twin.convergence == model.convergence > 0


@pytest.mark.parametrize(
    ("space", "arguments", "sentence"),
    [
        (Bits((4,)), {}, r"BEGAN: space is Bits.*Reals or Pixels"),
        (Reals((4,)), {"gamma": 0.0}, r"BEGAN: gamma is 0.0; it must be in \(0, 1\]"),
        (Reals((4,)), {"gamma": 1.5}, r"BEGAN: gamma is 1.5"),
        (Reals((4,)), {"rate": 0.0}, "BEGAN: rate is 0.0; it must be above 0"),
    ],
)
def test_what_is_no_balance_is_refused(space, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        BEGAN(space, MLP(3, 4), MLP(4, 1), 3, **arguments)


def test_recipe_logs_the_measure(tmp_path):
    run = Run(rounds=4, batch=8, device="cpu", out=tmp_path / "run", evaluate_every=2)
    model = began("digits", gamma=0.7, rate=0.2, latent=5, code=3, width=4, run=run)
    assert (model.gamma, model.rate, model.latent) == (0.7, 0.2, 5)
    assert isinstance(model.space, Pixels)
    model.space.check(model.sample(3), "sample")
    log = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert f'"convergence": {model.convergence.item()}' in log
    with pytest.raises(ValueError, match=r"began on ring: space is Reals.*Pixels of \(channels"):
        began("ring", run=run)
