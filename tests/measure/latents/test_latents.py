"""What a latent tells, and the diagnosis of that: on models whose guesses are set by hand, and on logs."""

import json

import pytest
import torch

from genus.core import Bits, Reals
from genus.data import load
from genus.measure import scores
from genus.measure.diagnosis import describe, diagnose
from genus.measure.latents.diagnosis import ailments, findings
from genus.measure.latents.looks import latent_figures
from genus.nn import MLP
from genus.recipes.vae.vae_mlp import vae_mlp
from genus.train import Run
from genus.vae import DRAW, VAE, LadderVAE, MixturePrior


def by_hand(weight, log_std, prior=None):
    """q(z | x) = N(weight x, exp(log_std)^2), of two units of z for two numbers x."""
    model = VAE(Reals((2,)), 2, MLP(2, 4, ()), MLP(2, 2, ()), prior=prior)
    with torch.no_grad():
        model.encoder[0].weight.copy_(
            torch.cat([torch.diag(torch.tensor(weight)), torch.zeros(2, 2)])
        )
        model.encoder[0].bias.copy_(torch.tensor([0.0, 0.0, *log_std]))
    return model


def test_a_unit_that_tells_nothing_is_not_active():
    torch.manual_seed(0)
    x = torch.randn(500, 2)
    found = latent_figures(
        by_hand([0.6, 0.0], [-0.2231, 0.0]), x
    )  # 0.6^2 + 0.8^2 = 1: q fills the prior
    assert (found["active"], found["units"]) == (1, 2)
    kl = 0.5 * (0.36 * x[:, 0].square().mean() + 0.64 - 1) + 0.2231
    assert found["nats"] == pytest.approx(kl.item(), abs=1e-3)
    assert abs(found["apart"] - 0.5) < 0.1


def test_guesses_beside_the_prior_are_told_apart():
    torch.manual_seed(0)
    found = latent_figures(by_hand([0.1, 0.1], [-3.0, -3.0]), torch.randn(500, 2))
    assert found["active"] == 2
    assert found["apart"] > 0.85


def test_what_units_tell_does_not_depend_on_their_scale_where_the_prior_is_learnt():
    """z = a x + s e tells 1/2 log(1 + a^2 / s^2) of a normal x: here log 2 and 0."""
    torch.manual_seed(0)
    x = torch.randn(4000, 2)
    for scale in (1.0, 0.01):
        model = by_hand(
            [3**0.5 * scale, 0.0], [torch.tensor(scale).log().item(), 0.0], MixturePrior(2)
        )
        nats = model.unit_nats(x)
        assert nats[0].item() == pytest.approx(torch.tensor(2.0).log().item(), abs=0.03)
        assert nats[1].item() < 0.01


@pytest.mark.parametrize(
    "model",
    [
        lambda: DRAW(Bits((1, 2, 2)), 2, 1, 3, 2, 2),
        lambda: LadderVAE(Bits((1, 2, 2)), (2, 1), (8, 6), 1),
    ],
)
def test_units_of_layers_and_steps_tell_their_part_of_the_kl(model):
    torch.manual_seed(0)
    model = model().double()
    x = (torch.rand(4000, 1, 2, 2) < 0.5).double()
    total = model.terms(x)[1].reshape(len(x), -1).sum(1).mean().item()
    assert model.unit_nats(x).sum().item() == pytest.approx(total, rel=0.1, abs=0.01)
    assert model.draw_posterior(x).shape == (4000, model.latent)
    assert model.draw_prior(3).shape == (3, model.latent)


def test_looks_leave_the_random_stream_and_the_mode_as_they_are():
    model = by_hand([0.6, 0.0], [-0.2, 0.0]).train()
    before = torch.get_rng_state()
    latent_figures(model, torch.randn(50, 2, generator=torch.Generator().manual_seed(0)))
    assert model.training
    assert torch.equal(before, torch.get_rng_state())


def line(number, active=8, nats=10.0, apart=0.55):
    figures = {
        "latent/active": active,
        "latent/units": 8,
        "latent/nats": nats,
        "latent/apart": apart,
    }
    return {"event": "figures", "round": number, "nats": 30.0} | figures


def test_faults_are_named_after_two_looks():
    assert findings([]) == []
    assert findings([line(10)])[0].name == "undecided"
    assert findings([line(10), line(20)])[0].name == "healthy"
    collapsed = [line(n, 0, 0.001) for n in (10, 20)]
    (one,) = ailments(collapsed)
    assert (one.name, one.severity, one.since) == ("posterior collapse", "failure", 10)
    assert "0 of 8 units of z tell 0.001 nats" in one.sentence
    assert "warm_up, so that the KL counts little" in one.sentence
    assert ailments([line(n, 2, 0.4) for n in (10, 20)]) == []  # it may be young
    (weak,) = ailments([line(n, 2, 0.4) for n in (10, 20, 30)])
    assert (weak.name, weak.severity) == ("weak latent", "warning")
    (hole,) = ailments([line(n, apart=0.8) for n in (10, 20)])
    assert (hole.name, hole.severity) == ("prior hole", "warning")
    assert ailments([*collapsed, line(30)]) == []


def test_what_the_run_has_already_is_not_advised_again():
    (one,) = ailments([line(n, 0, 0.001) for n in (10, 20)], frozenset({"warm_up"}))
    assert "a longer warm_up" in one.sentence
    assert "so that the KL" not in one.sentence


def test_a_run_that_is_squeezed_is_found_to_have_collapsed(tmp_path):
    run = Run(rounds=60, batch=64, out=tmp_path / "run", evaluate_every=20, threads=1)
    vae_mlp(latent=4, width=16, beta=100.0, run=run)
    lines = [json.loads(one) for one in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert any("latent/active" in one for one in lines)
    assert "posterior collapse" in describe(diagnose(tmp_path / "run"))


def test_a_model_without_such_a_latent_has_no_figures():
    data = load("digits")
    assert latent_figures(torch.nn.Linear(1, 1), torch.zeros(50, 1)) == {}  # no model at all
    assert not any(
        name.startswith("latent/")
        for name in scores(data.validation).examine(_Plain(data.space), data.train)
    )


class _Plain(torch.nn.Module):
    def __init__(self, space):
        super().__init__()
        self.space = space

    def players(self):
        return {}
