"""PointFlow where its bound is known, blind to the order of points, and free in their number."""

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from genus.core import Pixels, Reals
from genus.density import Gaussian
from genus.flow import (
    Affine,
    ConcatSquash,
    Continuous,
    Coupling,
    Flow,
    PointFlow,
    PointNet,
    Spline,
    Standard,
)
from genus.flow.bijection import Bijection
from genus.functional.densities.densities import log_normal
from genus.functional.numerics.integrators import RK4

POINTS, D, LATENT = 5, 2, 3


class Shifted(Bijection):
    """x = scale y + A z: points around a place that z decides."""

    def __init__(self, scale, matrix):
        super().__init__()
        self.scale = scale
        self.register_buffer("matrix", matrix)

    def encode_with_logdet(self, x, context=None):
        stretch = -self.scale.log().sum().expand(len(x))
        return (x - context @ self.matrix.T) / self.scale, stretch

    def decode(self, z, context=None):
        return self.scale * z + context @ self.matrix.T


class TruePosterior(nn.Module):
    """Of z ~ N(0, I) given points of `Shifted` whose A' S^-1 A is diagonal."""

    def __init__(self, scale, matrix, skew=0.0):
        super().__init__()
        self.scale, self.matrix, self.skew = scale, matrix, skew

    def forward(self, x):
        weighted = self.matrix.T / self.scale.square()
        precision = 1 + x.shape[1] * (weighted @ self.matrix).diagonal()
        mean = (x.sum(1) @ weighted.T) / precision + self.skew
        return torch.cat([mean, (-0.5 * precision.log()).expand(len(x), -1)], 1)


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)


def known(skew=0.0):
    """A PointFlow whose posterior is exact, and log P(X) in closed form."""
    scale = torch.tensor([0.5, 2.0])
    matrix = scale[:, None] * torch.linalg.qr(torch.randn(D, D))[0]  # A' S^-1 A = I
    model = PointFlow(
        Reals((POINTS, D)), D, [Shifted(scale, matrix)], TruePosterior(scale, matrix, skew)
    )
    shared = torch.kron(torch.ones(POINTS, POINTS), matrix @ matrix.T)
    noise = torch.kron(torch.eye(POINTS), scale.square().diag())
    truth = MultivariateNormal(torch.zeros(POINTS * D), shared + noise)
    return model, truth


def test_the_bound_is_tight_at_the_true_posterior():
    model, truth = known()
    x = truth.sample((7,)).reshape(7, POINTS, D)
    log_p = truth.log_prob(x.flatten(1))
    torch.testing.assert_close(model.log_weight(x), log_p)  # whatever z is drawn
    draws = torch.stack([model.elbo(x) for _ in range(4000)])
    error = draws.std(0) / len(draws) ** 0.5
    assert ((draws.mean(0) - log_p).abs() <= 5 * error).all()


def test_a_wrong_guess_costs_its_divergence():
    """KL(N(m + skew, s^2) || N(m, s^2)) = sum skew^2 / 2 s^2, with 1 / s^2 = 1 + points."""
    skew = 0.3
    model, truth = known(skew)
    x = truth.sample((7,)).reshape(7, POINTS, D)
    gap = truth.log_prob(x.flatten(1)) - torch.stack([model.elbo(x) for _ in range(4000)])
    error = gap.std(0) / len(gap) ** 0.5
    assert ((gap.mean(0) - D * skew**2 / 2 * (1 + POINTS)).abs() <= 5 * error).all()


def test_samples_have_the_covariance_of_clouds():
    """Points of one cloud share z: all of them at once come from the joint normal."""
    model, truth = known()
    x = model.sample(20_000).flatten(1)
    white = torch.linalg.solve_triangular(truth.scale_tril, x.T, upper=False)
    covariance = white @ white.T / len(x)
    assert (covariance - torch.eye(POINTS * D)).abs().max() < 5 * (2 / len(x)) ** 0.5


def small(prior=None, transform=Affine()):  # noqa: B008
    steps = [Coupling(D, transform, (8,), flip=bool(i), context=LATENT) for i in range(3)]
    model = PointFlow(
        Reals((POINTS, D)), LATENT, [Standard((D,)), *steps], PointNet(D, 2 * LATENT, 8), prior
    )
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return model.eval()


def test_the_order_of_points_does_not_matter():
    model, x = small(transform=Spline(4)), torch.randn(4, POINTS, D)
    mixed = x[:, torch.randperm(POINTS)]
    torch.testing.assert_close(model.encode(x), model.encode(mixed))
    scores = []
    for clouds in (x, mixed, x.flip(2)):
        torch.manual_seed(5)
        scores.append(model.elbo(clouds))
    torch.testing.assert_close(scores[0], scores[1])
    assert not torch.allclose(scores[0], scores[2])  # the order of coordinates does


def test_points_are_independent_given_the_shape():
    """The sum over points, each with a density that its Jacobian confirms."""
    model, x, z = small(), torch.randn(3, POINTS, D), torch.randn(3, LATENT)
    together = model.log_points(x, z)
    for i, j in ((0, 0), (2, 4)):
        alone = model.log_points(x[i : i + 1, j : j + 1], z[i : i + 1])
        torch.testing.assert_close(together[i : i + 1, j : j + 1], alone)

        def encode(point, own=z[i : i + 1]):
            return model.chain.encode_with_logdet(point[None], own)[0][0]

        jacobian = torch.autograd.functional.jacobian(encode, x[i, j])
        truth = log_normal(encode(x[i, j])[None]) + jacobian.det().abs().log()
        torch.testing.assert_close(alone[0], truth)


def test_any_number_of_points():
    model, x = small(), torch.randn(2, POINTS, D)
    assert model.sample(3, points=17).shape == (3, 17, D)
    assert model.sample(3).shape == (3, POINTS, D)
    assert model.reconstruct(x).shape == x.shape
    assert model.reconstruct(x, points=40).shape == (2, 40, D)
    assert model.encode(torch.randn(2, 9, D)).shape == (2, LATENT)
    assert model.elbo(torch.randn(2, 9, D)).shape == (2,)


def test_decode_is_the_flow_of_points_that_are_evenly_spread():
    model, z = small(), torch.randn(4, LATENT)
    torch.testing.assert_close(model.decode(z), model.decode(z, model.even.expand(4, -1, -1)))
    y = torch.randn(4, 9, D)
    back = model.chain.encode_with_logdet(model.decode(z, y).flatten(0, 1), model._context(z, 9))[0]
    torch.testing.assert_close(back.reshape(y.shape), y)
    even = PointFlow(Reals((512, D)), LATENT, model.steps, model.encoder).even
    assert even.mean(0).abs().max() < 0.01  # of random noise, 0.04 is usual
    assert (even.std(0) - 1).abs().max() < 0.02
    assert even.abs().max() < 3.1  # where 1 in 1,024 lies beyond


def test_a_share_of_the_points_has_the_loss_of_all_as_its_mean():
    model, truth = known()
    x = truth.sample((40,)).reshape(40, POINTS, D)
    x = x[:, x[..., 0].mean(0).argsort()]
    whole = torch.stack([sum(model.loss(x).values()) for _ in range(500)])
    model.scored = 2
    draws = torch.stack([sum(model.loss(x).values()) for _ in range(2000)])
    error = (draws.var() / len(draws) + whole.var() / len(whole)).sqrt()
    assert (draws.mean() - whole.mean()).abs() < 5 * error
    assert draws.std() > 1.2 * whole.std()
    torch.testing.assert_close(model.log_weight(x), truth.log_prob(x.flatten(1)))  # not of a share
    model.scored = POINTS + 1
    torch.manual_seed(0)
    one = sum(model.loss(x).values())
    model.scored = None
    torch.manual_seed(0)
    assert sum(model.loss(x).values()) == one


def test_points_move_by_a_continuous_flow_that_sees_the_shape():
    flow = Continuous(ConcatSquash(D, 8, LATENT), RK4(20))
    model = PointFlow(Reals((POINTS, D)), LATENT, [flow], PointNet(D, 2 * LATENT, 8)).eval()
    z, y = torch.randn(2, LATENT), torch.randn(1, POINTS, D).repeat(2, 1, 1)
    x = model.decode(z, y)
    assert (x[0] - x[1]).abs().min() > 1e-3
    back, logdet = flow.encode_with_logdet(x.flatten(0, 1), z.repeat_interleave(POINTS, 0))
    torch.testing.assert_close(back.reshape(x.shape), y, atol=1e-6, rtol=0)
    truth = log_normal(back) + logdet
    torch.testing.assert_close(model.log_points(x, z), truth.reshape(2, POINTS))


def test_interpolation_is_a_line_in_w():
    prior = Flow(Reals((LATENT,)), [Coupling(LATENT, hidden=(8,)), Coupling(LATENT, flip=True)])
    with torch.no_grad():
        for p in prior.parameters():
            p.add_(0.5 * torch.randn_like(p))
    model, a, b = small(prior), torch.randn(3, POINTS, D), torch.randn(3, POINTS, D)
    x = model.interpolate(a, b, 5)
    assert x.shape == (3, 5, POINTS, D)
    torch.testing.assert_close(x[:, 0], model.decode(model.encode(a)))
    torch.testing.assert_close(x[:, 4], model.decode(model.encode(b)))
    middle = prior.decode((prior.encode(model.encode(a)) + prior.encode(model.encode(b))) / 2)
    torch.testing.assert_close(x[:, 2], model.decode(middle))
    straight = model.decode((model.encode(a) + model.encode(b)) / 2)
    assert not torch.allclose(x[:, 2], straight)
    model.prior = None
    torch.testing.assert_close(model.interpolate(a, b, 3)[:, 1], straight)
    with pytest.raises(ValueError, match="at least 2, both ends, are wanted"):
        model.interpolate(a, b, 1)


def test_any_density_is_a_prior_and_the_bound_knows_it():
    prior = Gaussian(Reals((LATENT,)))
    model, z, x = small(prior), torch.randn(4, LATENT), torch.randn(300, POINTS, D)
    torch.testing.assert_close(model.log_shape(z), prior.log_prob(z))
    assert (prior.log_prob(z) - log_normal(z)).abs().mean() > 0.1
    draws = []
    for score in (model.elbo, model.log_weight):  # one mean, by two ways, of the same z
        torch.manual_seed(0)
        draws.append(score(x.repeat(20, 1, 1)))
    gap = draws[0] - draws[1]
    assert gap.mean().abs() < 5 * gap.std() / len(gap) ** 0.5
    assert model.sample(2).shape == (2, POINTS, D)


def test_prepare_standardises_points():
    model = small()
    x = 3 + 2 * torch.randn(50, POINTS, D)
    model.prepare(x)
    z = model.steps[0].encode_with_logdet(x.flatten(0, 1))[0]
    torch.testing.assert_close(z.mean(0), torch.zeros(D))
    torch.testing.assert_close(z.std(0), torch.ones(D))


def test_a_pointnet_is_the_largest_of_each_feature():
    net, x = PointNet(D, 3, 4, (6,), ()), torch.randn(2, POINTS, D)
    largest = torch.stack([net.each(point) for point in x.unbind(1)]).amax(0)
    torch.testing.assert_close(net(x), net.all(largest))


def test_a_pointnet_of_many_points_has_the_gradients_of_all():
    net, x = PointNet(D, 3, 4, (6,), ()), torch.randn(2, 50, D, requires_grad=True)
    parts = (x, *net.parameters())
    told = torch.autograd.grad(net(x).square().sum(), parts)
    plain = net.all(net.each(x).amax(1))
    torch.testing.assert_close(net(x), plain)
    for one, other in zip(told, torch.autograd.grad(plain.square().sum(), parts), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"space": Reals((3,))}, r"space is .*; Reals of \(points, d\) are wanted"),
        ({"space": Pixels((5, 2))}, r"Reals of \(points, d\) are wanted"),
        ({"latent": 0}, "latent is 0; at least 1 is wanted"),
        ({"scored": 0}, "scored is 0; at least 1 is wanted"),
        ({"latent": 2}, r"the encoder gives \(6,\) numbers a cloud; wanted are 4"),
        ({"encoder": nn.Flatten()}, r"the encoder gives \(10,\) numbers a cloud; wanted are 6"),
        ({"prior": Gaussian(Reals((2,)))}, "prior is Gaussian on .*; it must have log_prob, on"),
    ],
)
def test_refusals(arguments, words):
    usual = {
        "space": Reals((POINTS, D)),
        "latent": LATENT,
        "steps": [Coupling(D, context=LATENT)],
        "encoder": PointNet(D, 2 * LATENT, 8),
    }
    with pytest.raises(ValueError, match=words):
        PointFlow(**(usual | arguments))
