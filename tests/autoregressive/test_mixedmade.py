"""MixedMADE beside enumeration, quadrature, closed forms and least squares."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, logistic

from genus.autoregressive import MixedMADE
from genus.autoregressive.mixedmade import _log_mass, _normal, _regression
from genus.core import Bits, Category, Grid, Pixels, Real, Reals, Records, Scale, There

SCALE, BENT = Scale(2.0, 1.5), Scale(0.5, 1.2, "asinh", 1.0, 2.0)
DISCRETE = Records(
    (Category(3), Category(2), Grid(1.0, SCALE, 0.0, 4.0, There(1, 0)), Grid(1.0, BENT, 0.0, 6.0))
)


def shaken(model, size=0.5):
    for weight in model.parameters():
        weight.data.normal_(0, size)
    return model.double().eval()


def all_rows():
    rows = []
    for a, b, c, d in itertools.product(range(3), range(2), range(5), range(7)):
        if b == 1 and c > 0:
            continue
        z = SCALE.apply(torch.tensor(float(c))).item() if b == 0 else 0.0
        rows.append([a, b, z, BENT.apply(torch.tensor(float(d))).item()])
    return torch.tensor(rows, dtype=torch.float64)


def test_the_probabilities_of_all_rows_sum_to_one():
    model, rows = shaken(MixedMADE(DISCRETE, (16, 16), 3)), all_rows()
    assert len(rows) == 3 * 5 * 7 + 3 * 7
    assert model.log_prob(rows).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_samples_come_as_often_as_they_should():
    torch.manual_seed(0)
    model, rows = shaken(MixedMADE(DISCRETE, (16, 16), 3)), all_rows()
    x = model.sample(30_000)
    assert DISCRETE.fault(x) is None
    near = (x[:, None] - rows).abs().sum(2)
    assert near.min(1).values.max() < 1e-9
    counts = torch.bincount(near.argmin(1), minlength=len(rows)).double()
    want = model.log_prob(rows).exp() * len(x)
    often = want > 5
    observed = [*counts[often].tolist(), counts[~often].sum().item()]
    assert chisquare(observed, [*want[often].tolist(), want[~often].sum().item()]).pvalue > 1e-3


def test_a_density_integrates_to_one_where_its_number_is_there():
    model = shaken(MixedMADE(Records((Category(2), Real(There(0, 1)))), (16,), 4), 0.4)
    grid = torch.linspace(-60, 60, 20_001, dtype=torch.float64)
    there = torch.stack([torch.ones_like(grid), grid], 1)
    inside = model.log_prob(there).exp().sum() * (grid[1] - grid[0])
    outside = model.log_prob(torch.zeros(1, 2, dtype=torch.float64)).exp()
    assert (inside + outside).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("step", [1e-9, 1e-4, 0.3, 5.0, 300.0])
def test_the_mass_of_a_bin_is_exact_at_every_width(step):
    field = Grid(step, Scale(0.0, 1.0))
    v = step * torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
    mean, scale = torch.tensor([[0.4]], dtype=torch.float64), 0.7
    log_scale = torch.full_like(mean, math.log(scale))
    got = _log_mass(field, v, mean, log_scale)[:, 0]
    a, b = (v.numpy() - step / 2 - 0.4) / scale, (v.numpy() + step / 2 - 0.4) / scale
    flip = a > 0  # differences of small tails, not of numbers near one
    want = np.where(flip, logistic.sf(a) - logistic.sf(b), logistic.cdf(b) - logistic.cdf(a))
    accurate = 1e-10 if step > 1e-3 else 1e-5
    np.testing.assert_allclose(got.exp().numpy(), want, rtol=accurate)
    centre = logistic.logpdf((v.numpy() - 0.4) / scale) - math.log(scale) + math.log(step)
    if step < 1e-3:
        np.testing.assert_allclose(got.numpy(), centre, rtol=1e-6)


@pytest.mark.parametrize(("components", "most"), [(1, 0.011), (2, 3e-3), (3, 1e-3), (8, 5e-5)])
def test_it_begins_as_a_normal_distribution(components, most):
    weights, means, log_scales = _normal(components).double()
    w = weights.softmax(0)
    mean = (w * means).sum()
    variance = (w * (means.square() + (log_scales.exp() * math.pi).square() / 3)).sum()
    assert abs(mean) < 1e-6
    assert variance.item() == pytest.approx(1, abs=1e-4)
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z)
    u = (z[:, None] - means) / log_scales.exp()
    each = -u.abs() - 2 * torch.log1p(torch.exp(-u.abs())) - log_scales
    log_p = (w.log() + each).logsumexp(1)
    kl = (normal.exp() * (normal - log_p)).sum() * (z[1] - z[0])
    assert 0 <= kl.item() < most


def test_the_start_is_the_regression_of_least_error():
    torch.manual_seed(0)
    x = torch.randn(400, 3, dtype=torch.float64)
    x[:, 2] = 0.5 * x[:, 0] - 2 * x[:, 1] + 0.1 * torch.randn(400, dtype=torch.float64) + 1
    weight, bias, deviation = _regression(x[:, :2], x[:, 2])
    design = torch.cat([x[:, :2], torch.ones(400, 1, dtype=torch.float64)], 1)
    want = torch.linalg.lstsq(design, x[:, 2:]).solution[:, 0]
    torch.testing.assert_close(weight, want[:2], rtol=0, atol=1e-3)
    assert bias == pytest.approx(want[2].item(), abs=1e-3)
    hat = design @ torch.linalg.inv(design.T @ design) @ design.T
    left_out = (x[:, 2] - hat @ x[:, 2]) / (1 - hat.diagonal())
    assert deviation == pytest.approx(left_out.square().mean().sqrt().item(), rel=1e-3)


def test_products_are_used_where_they_foretell():
    torch.manual_seed(1)
    x = torch.randn(600, 3)
    x[:, 2] = x[:, 0] * x[:, 1] + 0.1 * torch.randn(600)
    model = MixedMADE(Reals((3,)), (8,), 3)
    model.prepare(x)
    entropy = 0.5 * math.log(2 * math.pi * math.e)
    want = 3 * entropy + math.log(0.1)
    assert -model.log_prob(x).mean().item() == pytest.approx(want, abs=0.25)
    linear = MixedMADE(Reals((3,)), (8,), 3)
    linear.prepare(x[:, [2, 1, 0]])  # no product foretells these
    assert -model.log_prob(x).mean() < -linear.log_prob(x[:, [2, 1, 0]]).mean() - 1


def test_each_field_is_blind_to_itself_and_to_what_comes_later():
    model = shaken(MixedMADE(DISCRETE, (16, 16), 2))
    rows = all_rows()[:40]
    for i in range(4):
        other = rows.clone()
        other[:, i:] = all_rows()[60:100, i:]
        mine, its = (model.outputs(x) for x in (rows, other))
        for a, b, at in zip(mine, its, (model.starts, model.ends), strict=True):
            assert torch.equal(a[:, : at[i + 1]], b[:, : at[i + 1]])


def test_a_context_is_seen_by_all_fields():
    model = shaken(MixedMADE(Reals((2,)), (16,), 2, context_space=DISCRETE))
    given = all_rows()[[0, 50]]
    x = torch.zeros(2, 2, dtype=torch.float64)
    assert model.log_probs(x, given).diff(dim=0).abs().min() > 1e-4
    assert model.sample(context=given).shape == (2, 2)


def test_bits_are_categories():
    model = shaken(MixedMADE(Bits((3,)), (8,), 1))
    rows = torch.tensor([*itertools.product([0.0, 1.0], repeat=3)], dtype=torch.float64)
    assert model.log_prob(rows).exp().sum().item() == pytest.approx(1)


def test_faults():
    with pytest.raises(ValueError, match="Records, Bits or Reals of"):
        MixedMADE(Pixels((1, 2, 2)))
    with pytest.raises(ValueError, match="components is 0"):
        MixedMADE(Reals((2,)), components=0)
