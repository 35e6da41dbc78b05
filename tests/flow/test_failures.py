"""What users report of other libraries of flows does not happen here.

Each test names the failure, and shows that it would notice: the same check is put to a version that is
broken in that way, and must fail there.
"""

import io

import pytest
import torch
from torch import nn

from genus.core import Reals
from genus.flow import (
    ActNorm,
    Affine,
    Autoregressive,
    ConcatSquash,
    Continuous,
    Coupling,
    Flow,
    Glow,
    RealNVP,
    Spline,
    Standard,
    splines,
)
from genus.flow.splines import knots, spline, spline_inverse
from genus.functional.densities.densities import log_normal
from genus.functional.numerics.integrators import RK4
from genus.functional.numerics.traces import divergence
from genus.train import artifact
from genus.train.game import adam, play

ROWS = 200_000


# --- splines ----------------------------------------------------------------------------------


def strong_splines(strength):
    """How well splines are undone in single precision: how far off the worst rows are, in x or in y.

    Where a spline is steep y tells x better than it can be kept, where it is flat it tells it worse:
    a row is as good as the better of its two errors, beside the same knots in double precision.
    """
    at = knots(strength * torch.randn(ROWS, 23), 5.0)
    y = spline(12 * torch.rand(ROWS) - 6, at)[0]  # beyond both ends too
    x, log_slope = spline_inverse(y, at)
    assert x.isfinite().all()
    assert log_slope.isfinite().all()
    exact = splines.Knots(*(column.double() for column in at))
    in_y = (spline(x.double(), exact)[0] - y).abs()
    in_x = (spline_inverse(y.double(), exact)[0] - x).abs()
    return torch.minimum(in_x, in_y)


@pytest.mark.parametrize(("strength", "most", "usual"), [(3, 1e-5, 2e-6), (30, 5e-5, 5e-6)])
def test_strong_splines_are_undone_in_single_precision(strength, most, usual):
    """Negative discriminants: the worst of 200,000 rows, and all but one in a thousand of them."""
    error = strong_splines(strength)
    assert error.max() < most
    assert error.quantile(0.999) < usual


def test_the_check_of_strong_splines_bites(monkeypatch):
    """Broken: what rounding puts below zero stays there."""
    monkeypatch.setattr(torch.Tensor, "clamp", lambda x, *_, **__: x)
    with pytest.raises(AssertionError):
        strong_splines(30)


def far_from_the_knots(map_of):
    """Where nothing bends the map is the identity; neither value nor gradient hears of the knots."""
    x = torch.tensor([-1e30, -1e8, -5.1, 5.0001, 7.0, 1e8, 1e30], requires_grad=True)
    raw = (10 * torch.randn(len(x), 23)).requires_grad_()
    value, log_slope = map_of(x, knots(raw, 5.0))
    assert torch.equal(value, x)
    assert torch.equal(log_slope, torch.zeros_like(x))
    grads = torch.autograd.grad(value.sum() + log_slope.sum(), [x, raw])
    assert torch.equal(grads[0], torch.ones_like(x))
    assert torch.equal(grads[1], torch.zeros_like(raw))


@pytest.mark.parametrize("map_of", [spline, spline_inverse])
def test_splines_leave_alone_what_is_far_away(map_of):
    """An error, or a gradient that is no number, from outside of the domain."""
    far_from_the_knots(map_of)


@pytest.mark.parametrize("map_of", [spline, spline_inverse])
def test_the_check_of_far_values_bites(map_of, monkeypatch):
    """Broken: the branch that is not taken is worked out at the value itself."""

    def unmoved(value, places):
        return (value >= places[..., 0]) & (value <= places[..., -1]), value

    monkeypatch.setattr(splines, "_inside", unmoved)
    with pytest.raises(AssertionError):
        far_from_the_knots(map_of)


@pytest.mark.parametrize("kind", [Coupling, Autoregressive])
def test_a_flow_of_strong_splines_draws_and_learns(kind):
    model = Flow(Reals((4,)), [kind(4, Spline(), (16,), flip=i % 2 == 1) for i in range(4)])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(3 * torch.randn_like(parameter))
    x = model.sample(2000)
    assert x.isfinite().all()
    far = torch.cat([x, 1e4 * torch.randn(50, 4)])
    loss = -model.log_prob(far).mean()
    grads = torch.autograd.grad(loss, list(model.parameters()))
    assert loss.isfinite()
    assert all(gradient.isfinite().all() for gradient in grads)


# --- scales -----------------------------------------------------------------------------------


class Unbounded:
    """z = x e^s + t with any s: what many libraries have."""

    count = 2

    def encode(self, x, raw):
        return x * raw[..., 0].exp() + raw[..., 1], raw[..., 0]

    def decode(self, z, raw):
        return (z - raw[..., 1]) * (-raw[..., 0]).exp()


def deep_affine_couplings(transform, lr):
    """32 couplings on 19 features learn from data with heavy tails, and draw."""
    steps = [Coupling(19, transform, (32,), flip=i % 2 == 1) for i in range(32)]
    learn_fast(Flow(Reals((19,)), steps), lr)


def learn_fast(model, lr):
    mix = torch.randn(19, 19)
    tails = torch.distributions.StudentT(2.0)
    learn_from(model, (tails.sample((128, 19)) @ mix for _ in range(50)), lr)


def learn_from(model, rows, lr):
    """All that is said on the way, and all that is drawn at the end, must be numbers."""
    optimizers = {"model": adam(lr)("model", list(model.parameters()))}
    for terms in play(model, ((x,) for x in rows), optimizers):
        assert all(term.isfinite() for term in terms.values())
    x = model.eval().sample(500)
    assert x.isfinite().all()
    assert model.log_prob(x).isfinite().all()


@pytest.mark.parametrize(("transform", "lr"), [(Affine(), 5e-3), (Affine(2.0), 2e-2)])
def test_scales_stay_bounded_in_32_couplings(transform, lr):
    """A loss that is no number, and samples that are infinite.

    At a rate that is far too high the default bound of 3 leaves too little room in single precision
    for 16 scales and shifts in a row: what is that deep and learns that fast wants a bound of 2.
    """
    deep_affine_couplings(transform, lr)


def test_scales_of_realnvp_stay_bounded_in_32_couplings():
    learn_fast(RealNVP(Reals((19,)), couplings=32, width=32, depth=1), 2e-2)


def test_the_check_of_scales_bites():
    """Broken: an exponential of whatever the network says."""
    with pytest.raises(AssertionError):
        deep_affine_couplings(Unbounded(), 5e-3)


def glow_in_a_hurry(transform):
    """It learns images with heavy tails at a high rate, and draws."""
    model = Flow(Reals((1, 8, 8)), [Glow((1, 8, 8), depth=3, width=16, transform=transform)])
    tails = torch.distributions.StudentT(2.0)
    model.prepare(tails.sample((256, 1, 8, 8)))
    learn_from(model, (tails.sample((64, 1, 8, 8)) for _ in range(50)), 2e-2)


def test_samples_of_glow_do_not_jump_to_infinity():
    glow_in_a_hurry(Affine(2.0))


def test_the_check_of_glow_bites():
    """Broken: the inverse divides by an unbounded scale."""
    with pytest.raises(AssertionError):
        glow_in_a_hurry(Unbounded())


# --- actnorm ----------------------------------------------------------------------------------


def image(rows):
    return 3 + 2 * torch.randn(rows, 2, 4, 4)


def saved_and_loaded(make, x):
    """What a model says of other rows, before it is saved and after it is loaded, in training too."""
    model, again = make(), make()
    model.prepare(x)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    again.load_state_dict(torch.load(file, weights_only=True))
    other = 5 * x.flip(0) - 1
    said = model.encode_with_logdet(other)
    for mode in (True, False):
        for one, two in zip(said, again.train(mode).encode_with_logdet(other), strict=True):
            torch.testing.assert_close(one, two)


class Forgetful(ActNorm):
    """Starts from the first rows that it sees, and keeps in an attribute that it has."""

    ready = False

    def prepare(self, x, context=None):
        super().prepare(x, context)
        self.ready = True

    def encode_with_logdet(self, x, context=None):
        if not self.ready:
            self.prepare(x)
        return super().encode_with_logdet(x, context)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: Standard((2, 4, 4), learned=True), (2, 4, 4)),
        (lambda: Standard((5,), learned=True), (5,)),
        (lambda: Standard((5,)), (5,)),
        (lambda: ActNorm(2), (2, 4, 4)),
    ],
)
def test_actnorm_does_not_start_again_after_loading(make, shape):
    saved_and_loaded(make, 3 + 2 * torch.randn(50, *shape))


def test_the_check_of_actnorm_bites():
    """Broken: whether it has started is not saved."""
    with pytest.raises(AssertionError):
        saved_and_loaded(lambda: Forgetful(2), image(50))


def test_a_glow_that_was_saved_scores_and_draws_as_before(tmp_path):
    model = Flow(Reals((2, 4, 4)), [Glow((2, 4, 4), levels=1, depth=2, width=8)])
    model.prepare(image(200))
    artifact.save(model, tmp_path / "run")
    again = artifact.load(tmp_path / "run").train()
    x = image(20)
    torch.testing.assert_close(again.log_prob(x), model.log_prob(x))
    torch.testing.assert_close(again.log_prob(x), model.log_prob(x))  # the second batch neither
    torch.manual_seed(0)
    drawn = model.sample(5)
    torch.manual_seed(0)
    torch.testing.assert_close(again.sample(5), drawn)


# --- continuous flows -------------------------------------------------------------------------


class Field(nn.Module):
    """A smooth network of images and of time."""

    def __init__(self, channels=2):
        super().__init__()
        self.first = nn.Conv2d(channels + 1, 4, 3, padding=1)
        self.last = nn.Conv2d(4, channels, 3, padding=1)

    def forward(self, x, t):
        time = t.view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
        return self.last(self.first(torch.cat([x, time], 1)).tanh())


def traces_of_images(trace):
    """The trace of the whole Jacobian, for tensors of four axes."""
    torch.set_default_dtype(torch.float64)
    field, x = Field(), torch.randn(3, 2, 4, 3)

    def f(x):
        return field(x, torch.full((len(x),), 0.3))

    value, total = trace(f, x)
    assert torch.equal(value, f(x))
    jacobians = [
        torch.autograd.functional.jacobian(lambda v: f(v[None])[0], row).reshape(24, 24)
        for row in x
    ]
    assert total.shape == (3,)
    torch.testing.assert_close(total, torch.stack([j.trace() for j in jacobians]))


def by_columns(f, x):
    """Features are where vectors have them."""
    x = x.requires_grad_()
    value = f(x)
    columns = [
        torch.autograd.grad(value[:, i].sum(), x, retain_graph=True)[0][:, i]
        for i in range(x.shape[1])
    ]
    return value, torch.stack(columns, 1).sum(1)


def test_the_exact_divergence_takes_images():
    """An IndexError, or the trace of something else, on tensors of four axes."""
    traces_of_images(divergence)


def test_the_check_of_divergences_bites():
    """Broken: the axis after the rows counts as all features."""
    with pytest.raises(AssertionError):
        traces_of_images(by_columns)


def test_a_continuous_flow_of_images_has_the_determinant_of_its_map():
    torch.set_default_dtype(torch.float64)
    flow, x = Continuous(Field(1), RK4(8)), torch.randn(2, 1, 3, 3)
    z, logdet = flow.eval().encode_with_logdet(x)
    assert z.shape == x.shape
    for row, claimed in zip(x, logdet, strict=True):
        jacobian = torch.autograd.functional.jacobian(
            lambda v: flow.encode_with_logdet(v[None])[0][0], row
        ).reshape(9, 9)
        truth = torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(claimed, truth, rtol=0, atol=1e-5)  # RK4's own error


class Cut(Continuous):
    """A likelihood that is found under `no_grad`."""

    def encode_with_logdet(self, x, context=None):
        with torch.no_grad():
            z, logdet = super().encode_with_logdet(x, context)
        return z, logdet + 0 * self.net.enter.weight.sum()


def gradients_of_a_likelihood(kind, backward="backprop"):
    """Of each weight, against finite differences."""
    torch.set_default_dtype(torch.float64)
    flow = kind(ConcatSquash(2, 8), RK4(16), backward=backward)
    x = torch.randn(20, 2)

    def nll():
        z, logdet = flow.encode_with_logdet(x)
        return -(log_normal(z) + logdet).mean()

    parameters = list(flow.parameters())
    grads = torch.autograd.grad(nll(), parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, grads, strict=True):
        assert gradient is not None
        step = 1e-5 * torch.randn_like(parameter)
        with torch.no_grad():
            parameter.add_(step)
            above = nll()
            parameter.sub_(2 * step)
            slope = (above - nll()) / 2
            parameter.add_(step)
        torch.testing.assert_close((gradient * step).sum(), slope, rtol=2e-3, atol=1e-10)


@pytest.mark.parametrize("backward", ["backprop", "recompute", "adjoint"])
def test_the_likelihood_of_a_continuous_flow_has_gradients(backward):
    """`compute_likelihood` that returns no gradient."""
    gradients_of_a_likelihood(Continuous, backward)


def test_the_check_of_gradients_bites():
    """Broken: the equation is solved without gradients."""
    with pytest.raises(AssertionError):
        gradients_of_a_likelihood(Cut)


# --- sizes ------------------------------------------------------------------------------------


def test_images_whose_sides_do_not_divide_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"28 x 28, levels is 3.* take at most 2 levels, or pad"):
        Glow((1, 28, 28), levels=3)
    with pytest.raises(ValueError, match=r"7 x 9; both sides must be even: pad them"):
        RealNVP(Reals((1, 7, 9)))


def test_images_of_28_pixels_are_taken():
    x = torch.randn(2, 1, 28, 28)
    for model in (
        RealNVP(Reals((1, 28, 28)), couplings=2, width=4, depth=1),
        Flow(Reals((1, 28, 28)), [Glow((1, 28, 28), depth=1, width=4)]),
    ):
        torch.testing.assert_close(model.decode(model.encode(x)), x, rtol=0, atol=1e-4)
