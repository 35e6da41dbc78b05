"""Residual flows: the bound, the series, and the way back."""

import pytest
import torch

from genus.flow import Inverse, Residual
from genus.flow.maps.residual import LipSwish, pushed, roulette


def build(features=3, scale=1.0, **options):
    """One whose weights are large, so that the bound is at work."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    step = Residual(features, **{"hidden": (16, 16), **options}).eval()
    with torch.no_grad():
        for p in step.parameters():
            p.add_(scale * torch.randn_like(p))
    return step


def jacobian(step, row, context=None):
    return torch.autograd.functional.jacobian(
        lambda v: step.encode_with_logdet(v[None], context)[0][0], row
    )


@pytest.mark.parametrize("bound", [0.3, 0.9, 0.99])
def test_no_layer_is_steeper_than_its_share_of_the_bound(bound):
    step = build(bound=bound)
    for weight in step.net.weights():
        sigma = torch.linalg.matrix_norm(weight, 2).item()
        assert abs(sigma / bound ** (1 / 3) - 1) < 1e-3  # large weights: exactly so steep


def test_small_weights_are_left_alone():
    step = build(scale=0.0)
    with torch.no_grad():
        for layer in step.net.linears():
            layer.weight.mul_(0.1)
    for weight, layer in zip(step.net.weights(), step.net.linears(), strict=True):
        assert torch.equal(weight, layer.weight)


def test_training_follows_the_largest_singular_value():
    """From round to round, by a few steps of power iteration from the last."""
    step = build().train()
    for _ in range(20):
        with torch.no_grad():
            for p in step.parameters():
                p.add_(0.01 * torch.randn_like(p))
        weights = step.net.weights()
    for weight in weights:
        assert abs(torch.linalg.matrix_norm(weight, 2).item() / 0.9 ** (1 / 3) - 1) < 0.02


def test_the_scale_is_part_of_the_gradient():
    """A weight that only grows changes nothing: its gradient stands on it at a right angle."""
    step = build()
    x = torch.randn(5, 3)
    step.encode_with_logdet(x)[0].square().sum().backward()
    for layer in step.net.linears():
        assert layer.weight.grad is not None
        along = (layer.weight.grad * layer.weight).sum() / layer.weight.grad.norm()
        assert abs(along.item()) < 1e-3 * layer.weight.norm().item()


def test_evaluation_leaves_the_buffers_alone():
    step = build()
    before = {k: v.clone() for k, v in step.state_dict().items()}
    step.decode(step.encode_with_logdet(torch.randn(4, 3))[0])
    assert all(torch.equal(v, before[k]) for k, v in step.state_dict().items())
    step.train().encode_with_logdet(torch.randn(4, 3))
    assert not torch.equal(step.state_dict()["net.left0"], before["net.left0"])


def test_the_slope_of_lipswish_is_autograds_and_below_one():
    torch.set_default_dtype(torch.float64)
    bend, x = LipSwish(9), torch.linspace(-30, 30, 2001).requires_grad_()
    value, slope = bend(x)
    (truth,) = torch.autograd.grad(value.sum(), x)
    torch.testing.assert_close(slope, truth)
    assert slope.abs().max() < 1


def test_pushing_is_the_jacobian():
    step = build()
    x, v = torch.randn(4, 3), torch.randn(4, 3)
    weights = step.net.weights()
    _, slopes = step.net.passed(x, weights, None)
    for i in range(4):
        truth = (jacobian(step, x[i]) - torch.eye(3)) @ v[i]
        torch.testing.assert_close(pushed(v, weights, slopes)[i], truth)


@pytest.mark.parametrize("features", [1, 2, 5])
def test_the_determinant_is_exact_in_evaluation(features):
    step = build(features)
    x = torch.randn(5, features)
    for row, claimed in zip(x, step.encode_with_logdet(x)[1], strict=True):
        truth = torch.linalg.slogdet(jacobian(step, row))
        torch.testing.assert_close(claimed, truth.logabsdet)
        assert truth.sign == 1


def test_roulette_is_unbiased_and_so_is_its_gradient():
    """Against the exact determinant, by the standard error of the draws."""
    step = build(hidden=(4,), bound=0.8, scale=0.1)
    x = torch.full((1, 3), 2.0, requires_grad=True)
    with torch.no_grad():
        for layer in step.net.linears():
            layer.weight += 2 * torch.eye(*layer.weight.shape)  # a steep map has a long series
    learned = step.net.linears()[0].weight
    exact = step.encode_with_logdet(x)[1]
    truth = [exact.detach(), *torch.autograd.grad(exact.sum(), [x, learned])]
    weights = step.net.weights()
    draws = []
    for _ in range(3000):
        _, slopes = step.net.passed(x.expand(30, -1), weights, None)
        value = roulette(torch.randn(30, 3), weights, slopes, 0.8).mean(0, keepdim=True)
        grads = torch.autograd.grad(value.sum(), [x, learned], retain_graph=True)
        draws.append(torch.cat([value.detach(), *(g.flatten() for g in grads)]))
    each = torch.stack(draws)
    error = each.std(0) / len(each) ** 0.5
    off = (each.mean(0) - torch.cat([part.flatten() for part in truth])).abs()
    assert (off <= 5 * error).all()
    J = jacobian(step, x[0].detach()) - torch.eye(3)
    series = J.trace() - (J @ J).trace() / 2  # what is always taken, and no more
    assert (series - exact).abs() > 5 * error[0]


def test_training_takes_the_estimate_and_evaluation_does_not():
    step = build()
    x = torch.randn(4, 3)
    assert torch.equal(step.encode_with_logdet(x)[1], step.encode_with_logdet(x)[1])
    step.train()
    assert not torch.equal(step.encode_with_logdet(x)[1], step.encode_with_logdet(x)[1])
    exact = build(roulette=False).train()
    first = exact.encode_with_logdet(x)[1]
    torch.testing.assert_close(exact.encode_with_logdet(x)[1], first, rtol=1e-2, atol=1e-2)


def test_the_way_back_converges_where_the_bound_is_tight():
    step = build(bound=0.98, scale=3.0)
    x = 5 * torch.randn(200, 3)
    torch.testing.assert_close(step.decode(step.encode_with_logdet(x)[0]), x, rtol=0, atol=1e-9)


def test_a_context_moves_it_and_is_not_bound():
    step = build(context=2)
    x, context = torch.randn(5, 3), 10 * torch.randn(5, 2)
    z, logdet = step.encode_with_logdet(x, context)
    torch.testing.assert_close(step.decode(z, context), x)
    assert not torch.allclose(step.encode_with_logdet(x, context.flip(0))[0], z)
    truth = torch.linalg.slogdet(jacobian(step, x[0], context[:1])).logabsdet
    torch.testing.assert_close(logdet[0], truth)
    with pytest.raises(ValueError, match="Residual: context is None"):
        step.encode_with_logdet(x)


def test_it_can_be_turned_round():
    step = Inverse(build())
    x = torch.randn(5, 3)
    z, logdet = step.encode_with_logdet(x)
    torch.testing.assert_close(step.decode(z), x)
    truth = torch.linalg.slogdet(jacobian(step, x[0])).logabsdet
    torch.testing.assert_close(logdet[0], truth)


@pytest.mark.parametrize("options", [{"hidden": ()}, {"bound": 1.0}, {"bound": 0.0}])
def test_refusals(options):
    with pytest.raises(ValueError, match=r"Residual: hidden is .*bound must be in \(0, 1\)"):
        Residual(3, **options)
