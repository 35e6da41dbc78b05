"""Conditional flows: what the context decides, and what it may not."""

import math

import pytest
import torch

from genus.core import Classes, Pixels, Reals, Space
from genus.density import Gaussian
from genus.flow import (
    LU,
    Autoregressive,
    Bijection,
    Chain,
    Coupling,
    Flow,
    Spline,
    Standard,
)
from genus.functional.densities.densities import log_normal
from genus.nn import MLP, Flat, Labels

MAKE = {
    "coupling": lambda k: Coupling(4, hidden=(16,), context=k),
    "coupling-spline": lambda k: Coupling(4, Spline(4), (16,), flip=True, context=k),
    "autoregressive": lambda k: Autoregressive(4, hidden=(16, 16), context=k),
    "autoregressive-spline": lambda k: Autoregressive(4, Spline(4), (16,), flip=True, context=k),
    "chain": lambda k: Chain([Standard((4,)), Coupling(4, context=k), LU(4), Coupling(4)]),
}


def shaken(step: torch.nn.Module) -> torch.nn.Module:
    with torch.no_grad():
        for p in step.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return step


def build(name: str, k: int = 3):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    step = shaken(MAKE[name](k))
    assert isinstance(step, Bijection)
    return step, torch.randn(6, 4), torch.randn(6, k)


@pytest.mark.parametrize("name", MAKE)
def test_with_its_own_context_it_is_undone_and_with_another_it_is_not(name):
    step, x, context = build(name)
    z, _ = step.encode_with_logdet(x, context)
    torch.testing.assert_close(step.decode(z, context), x)
    assert not torch.allclose(step.decode(z, context.flip(0)), x, atol=1e-3)


@pytest.mark.parametrize("name", MAKE)
def test_logdet_is_autograds_with_the_context_held(name):
    step, x, context = build(name)
    logdet = step.encode_with_logdet(x, context)[1]
    for i, claimed in enumerate(logdet):
        jacobian = torch.autograd.functional.jacobian(
            lambda v, i=i: step.encode_with_logdet(v[None], context[i : i + 1])[0][0], x[i]
        )
        torch.testing.assert_close(claimed, torch.linalg.slogdet(jacobian).logabsdet)


@pytest.mark.parametrize("name", ["autoregressive", "autoregressive-spline"])
def test_every_output_of_an_autoregressive_map_sees_the_context(name):
    step, x, context = build(name)
    reach = torch.autograd.functional.jacobian(
        lambda c: step.encode_with_logdet(x, c)[0].sum(0), context
    )
    assert (reach.abs().sum((1,)) > 0).all()  # (features, k)


def test_the_first_output_is_no_linear_function_of_the_context():
    step, x, context = build("autoregressive")
    x = x[:1].expand(3, -1)
    line = torch.stack([-context[0], 0 * context[0], context[0]])
    z = step.encode_with_logdet(x, line)[0][:, 0]
    assert (z[0] + z[2] - 2 * z[1]).abs() > 1e-3


def test_a_map_without_context_leaves_it_alone():
    torch.manual_seed(0)
    for step in (Coupling(4), Autoregressive(4), LU(4), Standard((4,))):
        x, context = torch.randn(5, 4), torch.randn(5, 3)
        shaken(step)
        assert torch.equal(step.encode_with_logdet(x, context)[0], step.encode_with_logdet(x)[0])
        assert torch.equal(step.decode(x, context), step.decode(x))


def test_a_base_for_each_class():
    """An affine map that sees nothing but the class: class-conditional normals, in closed form."""
    torch.set_default_dtype(torch.float64)
    space, classes = Reals((2,)), Classes(2)
    affine = Autoregressive(2, hidden=(1,), context=2)
    with torch.no_grad():
        for p in affine.parameters():
            p.zero_()
        affine.get_parameter("net.aside.weight").copy_(torch.tensor([[0.0, 1.0]]))  # the label
        affine.get_parameter("net.last.weight")[:, 0] = torch.tensor(
            [0.0, 2.0, 0.0, -1.0]
        )  # s, t, s, t
    base = Flow(space, [affine], context_space=classes, embed=Labels(2))
    model = Flow(space, [Standard((2,))], base, context_space=classes, embed=Labels(2))
    x, label = torch.randn(6, 2), torch.arange(6) % 2
    mean = torch.stack([-2.0 * label, 1.0 * label], 1)
    torch.testing.assert_close(model.log_prob(x, label), log_normal(x, mean))
    draws = model.sample(context=torch.ones(20_000, dtype=torch.int64))
    error = draws.std(0) / len(draws) ** 0.5
    assert ((draws.mean(0) - torch.tensor([-2.0, 1.0])).abs() < 5 * error).all()


def test_a_base_for_all_contexts():
    torch.set_default_dtype(torch.float64)
    base = Gaussian(Reals((2,)))
    model = Flow(Reals((2,)), [Standard((2,))], base, context_space=Classes(3), embed=Labels(3))
    x = torch.randn(4, 2)
    torch.testing.assert_close(model.log_prob(x, torch.arange(4) % 3), base.log_prob(x))
    assert model.sample(context=torch.arange(3)).shape == (3, 2)


def test_preparing_is_the_steps_own():
    torch.set_default_dtype(torch.float64)
    model = Flow(Reals((2,)), [Standard((2,))], context_space=Reals((3, 1)), embed=Flat())
    x, context = 3 + 2 * torch.randn(500, 2), torch.randn(500, 3, 1)
    model.prepare(x, context)
    z = model.encode(x, context)
    torch.testing.assert_close(z.std(0), torch.ones(2))


def test_it_learns_what_the_context_says():
    """x = c + c e in one dimension of two: the entropy given c is known."""
    torch.manual_seed(0)
    turns = [Coupling(2, hidden=(32,), flip=i % 2 == 1, context=4) for i in range(4)]
    model = Flow(Reals((2,)), turns, context_space=Reals((1,)), embed=MLP(1, 4, (16,)))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3, fused=True)

    def draw(n):
        context = 0.5 + torch.rand(n, 1)
        return context + context * torch.randn(n, 2), context

    for _ in range(500):
        optimizer.zero_grad()
        (-model.log_prob(*draw(256)).mean()).backward()
        optimizer.step()
    x, context = draw(20_000)
    truth = math.log(2 * math.pi * math.e) + 2 * context.log().mean()
    with torch.no_grad():
        gap = -model.log_prob(x, context).mean() - truth
    assert -0.05 < gap < 0.03


def test_labels():
    assert torch.equal(Labels(3)(torch.tensor([2, 0])), torch.eye(3)[[2, 0]])
    learned = Labels(3, 5)
    assert learned(torch.tensor([1, 1, 0])).shape == (3, 5)
    assert [name for name, _ in learned.named_parameters()] == ["rows"]
    assert not list(Labels(3).state_dict())


def flow(space: Space = Reals((2,)), context_space: Space = Classes(2), base=None):  # noqa: B008
    return Flow(space, [Coupling(2, context=2)], base, context_space=context_space, embed=Labels(2))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: flow(Pixels((2,))), r"Flow: space is Pixels.*Dequantised\(Flow"),
        (lambda: flow(base=flow(Reals((3,)))), "Flow: base is Flow on Reals"),
        (
            lambda: flow(base=flow(context_space=Classes(3))),
            r"given Classes\(count=3\); it must be",
        ),
        (lambda: Flow(Reals((2,)), [Coupling(2)], Gaussian(Reals((3,)))), "Flow: base is Gaussian"),
        (lambda: Labels(0), "Labels: count is 0; at least 1 is wanted"),
        (
            lambda: Coupling(2, context=3).decode(torch.zeros(1, 2)),
            r"Coupling: context is None; it must be \(n, 3\)",
        ),
        (
            lambda: Autoregressive(2, context=3).encode_with_logdet(
                torch.zeros(1, 2), torch.zeros(1, 2)
            ),
            r"MaskedMLP: context is of shape \(1, 2\); it must be \(n, 3\)",
        ),
        (
            lambda: flow().prepare(torch.zeros(3, 2), torch.arange(3)),
            "Flow's context: x has values in",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
