"""Autoregressive maps: the ways back are one, and an inverse one learns both ways."""

import math

import pytest
import torch

import genus.flow.maps.autoregressive as module
from genus.core import Classes, Reals
from genus.density import GaussianMixture
from genus.flow import (
    Affine,
    Autoregressive,
    Flow,
    Inverse,
    Permutation,
    Spline,
    Standard,
)
from genus.nn import Labels


def shaken(module: torch.nn.Module, scale: float = 0.3) -> None:
    with torch.no_grad():
        for p in module.parameters():
            p.add_(scale * torch.randn_like(p))


class StopsOnePassTooEarly(Autoregressive):
    """A liar: features that hang on a chain of all others are not there yet."""

    @torch.no_grad()
    def decode_at_once(self, z, context=None):
        x = z
        for _ in range(self.features - 1):
            raw = self.net(x[..., None], context=context)
            x = self.transform.decode(z, raw)
        return x


def both_ways_back_are_one(step: Autoregressive) -> None:
    z = torch.randn(40, step.features)
    context = torch.randn(40, step.context) if step.context else None
    in_turn, at_once = step.decode_in_turn(z, context), step.decode_at_once(z, context)
    torch.testing.assert_close(at_once, in_turn, rtol=0, atol=1e-9)
    torch.testing.assert_close(step.encode_with_logdet(at_once, context)[0], z)


@pytest.mark.parametrize("transform", [Affine(), Spline(6, 3.0)])
@pytest.mark.parametrize("options", [{}, {"flip": True}, {"context": 3}])
def test_all_at_once_is_one_after_the_other(transform, options):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    step = Autoregressive(12, transform, (32, 32), **options)
    shaken(step)
    both_ways_back_are_one(step)


def test_that_law_bites():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    step = StopsOnePassTooEarly(6, hidden=(64, 64))
    shaken(step)
    with pytest.raises(AssertionError):
        both_ways_back_are_one(step)


def test_what_overflows_before_its_time_does_no_harm():
    """Steep scales: a feature that is far off in the first passes would be infinite."""
    torch.manual_seed(0)
    step = Autoregressive(8, Affine(60.0), (32,))
    shaken(step, 1.0)
    x = torch.randn(50, 8)
    z = step.encode_with_logdet(x)[0]
    z[:, 1:] = 1e30 * z[:, 1:]
    back = step.decode_at_once(z)
    assert back.isfinite().all()
    torch.testing.assert_close(back[:, 0], x[:, 0])


def test_the_way_back_is_chosen_by_size(monkeypatch):
    step, ways = Autoregressive(module.MANY), []
    for name in ("decode_in_turn", "decode_at_once"):
        monkeypatch.setattr(step, name, lambda z, c, name=name: ways.append(name) or z)
    with torch.no_grad():
        step.decode(torch.zeros(module.FEW, module.MANY))
        step.decode(torch.zeros(module.FEW + 1, module.MANY))
    assert ways == ["decode_at_once", "decode_in_turn"]


def iaf(d: int, hidden=(16,)) -> Flow:
    steps = [Inverse(Autoregressive(d, hidden=hidden, flip=i % 2 == 1)) for i in range(3)]
    return Flow(Reals((d,)), steps)


def test_what_an_inverse_flow_draws_it_also_scores():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = iaf(3)
    shaken(model)
    x, log_prob = model.sample_with_log_prob(50)
    torch.testing.assert_close(log_prob, model.log_prob(x))
    torch.manual_seed(1)
    again = model.sample_with_log_prob(7)[0]
    torch.manual_seed(1)
    torch.testing.assert_close(model.sample(7), again)


def test_a_conditional_flow_scores_what_it_draws():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    steps = [Inverse(Autoregressive(2, hidden=(8,), context=3)), Permutation(2)]
    model = Flow(Reals((2,)), [Standard((2,)), *steps], context_space=Classes(3), embed=Labels(3))
    shaken(model)
    labels = torch.arange(9) % 3
    x, log_prob = model.sample_with_log_prob(context=labels)
    torch.testing.assert_close(log_prob, model.log_prob(x, labels))


def test_an_inverse_flow_learns_a_density_by_sampling():
    """A bent normal whose constant is known: the divergence goes to 0, and no x is ever solved for."""
    torch.manual_seed(0)
    model = iaf(2, (32,))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3, fused=True)

    def target(x):
        bent = x[:, 1] - x[:, 0].square()
        return -0.5 * x[:, 0].square() - 2 * bent.square() - math.log(math.pi)

    for _ in range(400):
        optimizer.zero_grad()
        x, log_prob = model.sample_with_log_prob(256)
        (log_prob - target(x)).mean().backward()
        optimizer.step()
    with torch.no_grad():
        x, log_prob = model.sample_with_log_prob(20_000)
    assert (log_prob - target(x)).mean() < 0.05
    assert abs(x[:, 1].mean().item() - 1) < 0.1


def test_an_inverse_flow_learns_from_data():
    """The same density from samples: each x is solved for, and the gradient goes through."""
    torch.manual_seed(0)
    model = iaf(2, (32,))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3, fused=True)

    def draw(n):
        e = torch.randn(n, 2)
        return torch.stack([e[:, 0], e[:, 0] ** 2 + 0.5 * e[:, 1]], 1)

    for _ in range(400):
        optimizer.zero_grad()
        (-model.log_prob(draw(256)).mean()).backward()
        optimizer.step()
    entropy = math.log(2 * math.pi * math.e) + math.log(0.5)
    with torch.no_grad():
        loss = -model.log_prob(draw(20_000)).mean().item()
    assert entropy - 0.05 < loss < entropy + 0.08


def test_refusals():
    base = GaussianMixture(Reals((2,)), components=3)
    with pytest.raises(ValueError, match="base is GaussianMixture, whose samples have no gradient"):
        Flow(Reals((2,)), [Autoregressive(2)], base).sample_with_log_prob(3)
    with pytest.raises(
        ValueError, match=r"dropout is 0.5; it must be 0 to train through the inverse"
    ):
        Autoregressive(2, dropout=0.5).decode(torch.zeros(1, 2))
