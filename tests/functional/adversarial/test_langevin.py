"""SGHMC against closed forms: where it goes, how widely, and that its noise can be drawn again."""

import copy

import pytest
import torch

from genus.functional.adversarial.langevin import SGHMC, normal_prior


def walk(chains, lr, friction, rows, curvature, centre=0.0, moves=4000, temperature=1.0):
    """Moves of many one-dimensional walks at once, begun at the centre: (moves, chains)."""
    theta = torch.full((chains,), centre, dtype=torch.float64, requires_grad=True)
    optimizer = SGHMC([theta], lr, rows, friction, temperature)
    path = torch.empty(moves, chains, dtype=torch.float64)
    for t in range(moves):
        theta.grad = curvature * (theta.detach() - centre)
        optimizer.step()
        path[t] = theta.detach()
    return path[moves // 4 :]


def agrees(path, mean, variance):
    """Means over time are independent between walks: their spread knows the autocorrelation."""
    for draws, truth in ((path.mean(0), mean), ((path - mean).square().mean(0), variance)):
        error = draws.std() / len(draws) ** 0.5
        assert (draws.mean() - truth).abs() <= 5 * error, (draws.mean(), truth, error)
        assert error <= 0.01 * variance**0.5  # a test without power is none


@pytest.mark.parametrize(("lr", "friction"), [(0.05, 0.1), (0.5, 0.3), (1.0, 1.0)])
def test_the_stationary_variance_is_the_closed_form_at_any_step(lr, friction):
    torch.manual_seed(0)
    path = walk(2000, lr, friction, rows=50, curvature=0.8)
    agrees(path, 0.0, 1 / (50 * 0.8) / (1 - lr * 0.8 / (4 - 2 * friction)))


def test_the_posterior_of_a_mean_at_a_small_step():
    """Ten rows around theta with a normal prior: N(precision-weighted mean, 1 / precision)."""
    torch.manual_seed(1)
    x, std, prior_std = torch.randn(10, dtype=torch.float64) + 2, 0.7, 1.5
    theta = torch.zeros(2000, 1, dtype=torch.float64, requires_grad=True)
    optimizer = SGHMC([theta], 0.005, 10, 0.2)
    path = []
    for t in range(3000):
        optimizer.zero_grad()
        # one mean loss for each walk; the walks share nothing, so the sum has all their gradients
        loss = (theta - x).square().mean(1).sum() / (2 * std**2)
        (loss + normal_prior([theta], prior_std, 10)).backward()
        optimizer.step()
        if t >= 500:
            path.append(theta.detach()[:, 0].clone())
    precision = 10 / std**2 + 1 / prior_std**2
    curvature = precision / 10
    exact = 1 / precision / (1 - 0.005 * curvature / (4 - 0.4))
    assert exact < 1.005 / precision  # the step is small
    agrees(torch.stack(path), (x.sum() / std**2 / precision).item(), exact)


def test_the_temperature_scales_the_variance():
    torch.manual_seed(2)
    path = walk(2000, 0.2, 0.2, rows=50, curvature=1.0, temperature=0.25)
    agrees(path, 0.0, 0.25 / 50 / (1 - 0.2 / 3.6))


def test_without_temperature_it_is_momentum():
    torch.manual_seed(3)
    ours = torch.randn(5, dtype=torch.float64, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    mine = SGHMC([ours], 0.1, 7, friction=0.3, temperature=0.0)
    peer = torch.optim.SGD([theirs], 0.1, momentum=0.7)
    for _ in range(20):
        for p, optimizer in ((ours, mine), (theirs, peer)):
            optimizer.zero_grad()
            (p**4).sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_the_state_goes_on_bit_for_bit():
    torch.manual_seed(4)
    p = torch.randn(3, requires_grad=True)
    optimizer = SGHMC([p], 0.1, 100)

    def move(weights, other):
        other.zero_grad()
        weights.square().sum().backward()
        other.step()

    move(p, optimizer)
    twin = p.detach().clone().requires_grad_()
    again = SGHMC([twin], 0.3, 5)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for weights, other in ((p, optimizer), (twin, again)):
        torch.manual_seed(5)
        move(weights, other)
    assert torch.equal(p, twin)


def test_the_prior_is_the_normal_density_without_its_constant():
    torch.manual_seed(6)
    weights = [torch.randn(3, 2, dtype=torch.float64), torch.randn(4, dtype=torch.float64)]
    normal = torch.distributions.Normal(0.0, 1.7)
    zero = [torch.zeros_like(w) for w in weights]
    truth = sum(
        (normal.log_prob(z) - normal.log_prob(w)).sum() for w, z in zip(weights, zero, strict=True)
    )
    torch.testing.assert_close(normal_prior(weights, 1.7, 20), truth / 20)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lr", 0.0), ("rows", 0), ("friction", 0.0), ("friction", 1.5), ("temperature", -1.0)],
)
def test_numbers_out_of_range_are_refused(name, value):
    given = {"lr": 0.1, "rows": 10} | {name: value}
    with pytest.raises(ValueError, match=f"SGHMC: {name} is {value}"):
        SGHMC([torch.zeros(1)], **given)
