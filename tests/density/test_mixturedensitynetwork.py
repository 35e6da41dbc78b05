"""The mixture density network beside torch.distributions, and on a problem with two answers."""

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from genus import Reals, Run, Tokens, fit
from genus.data.splits import Rows
from genus.density import MixtureDensityNetwork


def some(d=3, k=2, components=4):
    """A network with weights that are not those of the start, in double precision."""
    torch.manual_seed(0)
    model = MixtureDensityNetwork(Reals((d,)), Reals((k,)), components, hidden=(8,)).double()
    for weight in model.parameters():
        weight.data += 0.3 * torch.randn_like(weight)
    model.prepare(4 + 3 * torch.randn(200, d).double(), 9 * torch.randn(200, k).double())
    return model


def test_its_density_is_that_of_torch():
    model = some()
    x, c = 4 + 3 * torch.randn(50, 3).double(), 9 * torch.randn(50, 2).double()
    log_weight, means, factor = model.mixture(c)
    inner = MultivariateNormal(means, precision_matrix=factor.mT @ factor)
    mixture = MixtureSameFamily(Categorical(logits=log_weight), inner)
    truth = mixture.log_prob((x - model.mean) / model.std) - model.std.log().sum()
    torch.testing.assert_close(model.log_prob(x, c), truth)


def test_its_density_integrates_to_one():
    model = some(d=1)
    x = torch.linspace(-80, 80, 200_001).double()[:, None]
    p = model.log_prob(x, torch.tensor([[3.0, -5.0]]).double().expand(len(x), -1)).exp()
    assert torch.trapezoid(p, x[:, 0]).item() == pytest.approx(1, abs=1e-6)


def test_its_samples_have_the_moments_of_its_mixture():
    model, n = some(), 100_000
    c = torch.tensor([[3.0, -5.0]]).double()
    log_weight, means, factor = (part[0] for part in model.mixture(c))
    pi, cov = log_weight.exp(), torch.linalg.inv(factor.mT @ factor)
    mean = pi @ means
    second = (pi[:, None, None] * (cov + means[:, :, None] * means[:, None])).sum(0)
    true_mean = model.mean + model.std * mean
    true_cov = (second - torch.outer(mean, mean)) * torch.outer(model.std, model.std)
    x = model.sample(context=c.expand(n, -1))
    spread = true_cov.diagonal().sqrt()
    assert ((x.mean(0) - true_mean).abs() < 5 * spread / n**0.5).all()
    assert ((x.T.cov() - true_cov).abs() < 0.03 * torch.outer(spread, spread)).all()


def test_it_gives_each_answer_of_an_inverse_problem():
    """Bishop's: c = t + 0.3 sin(2 pi t) + noise. At c = 1/2, t is about 0.2, 0.5 or 0.8."""
    torch.manual_seed(0)
    t = torch.rand(4000, 1)
    c = t + 0.3 * torch.sin(2 * torch.pi * t) + 0.05 * torch.randn_like(t)
    model = MixtureDensityNetwork(Reals((1,)), Reals((1,)), 3, hidden=(32,))
    model.prepare(t, c)
    rows = Rows(t, Reals((1,)), context=c, context_space=Reals((1,)))
    fit(model, rows, Run(rounds=1500, batch=256, lr=5e-3, progress=False))
    drawn = model.sample(context=torch.full((3000, 1), 0.5))[:, 0]
    for answer in (0.18, 0.5, 0.82):
        assert ((drawn - answer).abs() < 0.08).double().mean() > 0.15
    assert ((drawn - 0.34).abs() < 0.04).double().mean() < 0.08  # between two of them


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"space": Tokens(3, 4)}, "MixtureDensityNetwork: .*Reals"),
        ({"context_space": Tokens(3, 4)}, "context.*Reals"),
        ({"components": 0}, "components is 0"),
        ({"dropout": 1.0}, "dropout is 1"),
    ],
)
def test_it_refuses(arguments, said):
    with pytest.raises(ValueError, match=said):
        MixtureDensityNetwork(**{"space": Reals((2,)), "context_space": Reals((2,)), **arguments})
