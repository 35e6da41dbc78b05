"""Continuous flows: beside the laws, linear fields whose maps are known, and three ways to a gradient."""

import pytest
import torch
from torch import nn

from genus.core import Reals
from genus.flow import Chain, ConcatSquash, Continuous, Flow, PointFlow, PointNet, Standard
from genus.functional.numerics.integrators import RK4, DormandPrince


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


class Linear(nn.Module):
    """dx/dt = (1 + t) A x of flattened rows."""

    def __init__(self, features):
        super().__init__()
        self.features = features
        self.matrix = nn.Parameter(0.5 * torch.randn(features, features))

    def forward(self, x, t):
        return (((1 + t)[:, None] * x.flatten(1)) @ self.matrix.T).view_as(x)


class Field(nn.Module):
    """A smooth field of images, told a context; its rows do not meet."""

    def __init__(self, context=2):
        super().__init__()
        self.context = context
        self.enter, self.leave = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)
        self.told = nn.Linear(1 + context, 4)

    def forward(self, x, t, context=None):
        told = self.told(torch.cat([t[:, None], *([context] if context is not None else [])], 1))
        return self.leave((self.enter(x) + told[:, :, None, None]).tanh())


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3)])
def test_a_linear_field_is_a_matrix_exponential(shape):
    """x(0) = exp(-3/2 A) x(1), and the log-determinant is -3/2 tr A; images too."""
    net, x = Linear(torch.Size(shape).numel()), torch.randn(5, *shape)
    flow = Continuous(net, DormandPrince(1e-9, 1e-9))
    z, logdet = flow.encode_with_logdet(x)
    truth = x.flatten(1) @ torch.matrix_exp(-1.5 * net.matrix).T
    torch.testing.assert_close(z.flatten(1), truth)
    torch.testing.assert_close(logdet, -1.5 * net.matrix.trace().expand(5))
    torch.testing.assert_close(flow.decode(z), x)
    back, other = flow.decode_with_logdet(z)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(other, -logdet)


def test_images_with_a_context():
    """Exact traces of image-shaped tensors, each row with its own context."""
    flow = Continuous(Field(), RK4(20)).eval()
    x, context = torch.randn(3, 1, 2, 3), torch.randn(3, 2)
    z, logdet = flow.encode_with_logdet(x, context)
    for i in range(3):
        jacobian = torch.autograd.functional.jacobian(
            lambda row, i=i: flow.encode_with_logdet(row[None], context[i : i + 1])[0].flatten(),
            x[i],
        )
        torch.testing.assert_close(
            torch.linalg.slogdet(jacobian.reshape(6, 6))[1], logdet[i], rtol=1e-6, atol=1e-6
        )
    torch.testing.assert_close(flow.decode(z, context), x, rtol=1e-6, atol=1e-6)
    assert not torch.allclose(flow.encode_with_logdet(x, context.flip(0))[0], z)


@pytest.mark.parametrize(
    "make", [lambda: ConcatSquash(3, 8, context=2), lambda: ConcatSquash(3, 8), lambda: Linear(3)]
)
def test_a_context_is_used_by_those_made_for_it_alone(make):
    flow = Continuous((net := make()).double(), RK4(8))
    x, context = torch.randn(4, 3), torch.randn(4, 2)
    z, _ = flow.encode_with_logdet(x, context)
    other, _ = flow.encode_with_logdet(x, context + 1)
    assert torch.equal(z, other) == (getattr(net, "context", 0) == 0)
    torch.testing.assert_close(flow.decode(z, context), x, rtol=1e-4, atol=1e-4)


def test_points_of_many_shapes_each_with_its_own_context():
    """n clouds of points as rows, as in PointFlow: a cloud moves as it would by itself."""
    flow = Continuous(ConcatSquash(3, 8, context=4), DormandPrince(1e-8, 1e-8, alone=True))
    clouds, shapes = torch.randn(5, 10, 3), torch.randn(5, 4)
    rows = shapes.repeat_interleave(10, 0)
    z, logdet = flow.encode_with_logdet(clouds.flatten(0, 1), rows)
    for i, (cloud, shape) in enumerate(zip(clouds, shapes, strict=True)):
        one, its = flow.encode_with_logdet(cloud, shape.expand(10, 4))
        torch.testing.assert_close(one, z.view(5, 10, 3)[i])
        torch.testing.assert_close(its, logdet.view(5, 10)[i])


@pytest.mark.parametrize("alone", [None, True, False])
def test_rows_share_steps_only_in_training(alone):
    flow = Continuous(ConcatSquash(2, 8), DormandPrince(1e-3, 1e-3, alone))
    with torch.no_grad():
        for weight in flow.parameters():
            weight.normal_()
    x = 3 * torch.randn(6, 2)

    def meet():
        z = torch.cat([flow.encode_with_logdet(row[None])[0] for row in x])
        return not torch.allclose(flow.encode_with_logdet(x)[0], z, 1e-5, 1e-6)

    assert meet() == (alone is not True)
    with torch.no_grad():
        assert meet() == (alone is False)
    flow.eval()
    assert meet() == (alone is False)


@pytest.mark.parametrize("kind", ["closed", "differentiated", "probed"])
def test_gradients_of_the_likelihood_agree(kind):
    """By backpropagation, by recomputing and by the adjoint: in x, in the context, in all weights."""
    net = ConcatSquash(3, 8, context=2) if kind == "closed" else Field()
    x = torch.randn(4, 3) if kind == "closed" else torch.randn(4, 1, 1, 3)
    x, context = x.requires_grad_(), torch.randn(4, 2, requires_grad=True)
    found = []
    for backward in ("backprop", "recompute", "adjoint"):
        flow = Continuous(net, RK4(40), 2 if kind == "probed" else 0, backward)
        torch.manual_seed(1)
        z, logdet = flow.encode_with_logdet(x, context)
        loss = z.square().sum() - (logdet * torch.arange(4)).sum()
        found.append(
            torch.autograd.grad(loss, [x, context, *net.parameters()], materialize_grads=True)
        )
    for other, tolerance in ((found[1], 1e-10), (found[2], 1e-5)):
        for one, truth in zip(other, found[0], strict=True):
            torch.testing.assert_close(one, truth, rtol=tolerance, atol=tolerance)
    assert all(one.abs().sum() > 0 for one in found[0][:-1])


@pytest.mark.parametrize("backward", ["backprop", "recompute", "adjoint"])
def test_the_score_is_the_slope_of_log_prob(backward):
    """d log p / dx through the whole solve, by differences."""
    model = Flow(Reals((2,)), [Continuous(ConcatSquash(2, 8), RK4(40), backward=backward)]).eval()
    x = torch.randn(3, 2, requires_grad=True)
    (score,) = torch.autograd.grad(model.log_prob(x).sum(), x)
    with torch.no_grad():
        for i in range(2):
            step = 1e-5 * torch.eye(2)[i]
            slope = (model.log_prob(x + step) - model.log_prob(x - step)) / 2e-5
            torch.testing.assert_close(score[:, i], slope, rtol=1e-6, atol=1e-6)


def test_probes_are_for_training_and_right_on_average():
    flow = Continuous(Field(0), RK4(3), probes=1)
    x = torch.randn(1, 1, 2, 2)
    with torch.no_grad():
        _, truth = flow.eval().encode_with_logdet(x)
        assert torch.equal(flow.encode_with_logdet(x)[1], truth)
        _, drawn = flow.train().encode_with_logdet(x.expand(4000, 1, 2, 2))
    assert drawn.std() > 0
    assert (drawn.mean() - truth).abs() < 5 * drawn.std() / 4000**0.5


def test_single_precision_keeps_its_round_trip():
    """A strong field in float32: back within some tolerances, and no step that underflows."""
    net = ConcatSquash(2, 32).float()
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(3)
    flow = Chain([Standard((2,)), Continuous(net)]).float()
    x = torch.randn(500, 2, dtype=torch.float32)
    z, logdet = flow.encode_with_logdet(x)
    assert logdet.isfinite().all()
    assert (flow.decode(z) - x).abs().max() < 1e-2 * x.abs().max()
    assert (flow.decode(z) - x).abs().median() < 1e-4


def test_bad_arguments():
    with pytest.raises(ValueError, match="backward is 'forward'"):
        Continuous(ConcatSquash(2), backward="forward")
    with pytest.raises(ValueError, match="probes is 2; 0 is wanted for ConcatSquash"):
        Continuous(ConcatSquash(2), probes=2)
    with pytest.raises(ValueError, match="probes is -1"):
        Continuous(Field(), probes=-1)


def test_clouds_whose_points_follow_a_field():
    """PointFlow with a continuous flow of points: a bound with a gradient for every weight."""
    points = Continuous(ConcatSquash(3, 8, context=4), RK4(4))
    model = PointFlow(Reals((6, 3)), 4, [Standard((3,)), points], PointNet(3, 8))
    loss = torch.stack([*model.loss(torch.randn(5, 6, 3)).values()]).sum()
    grads = torch.autograd.grad(loss, [*points.parameters()])
    assert all(one.abs().sum() > 0 for one in grads)
    assert model.sample(2).shape == (2, 6, 3)
