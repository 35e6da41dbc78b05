"""RealNVP: couplings, levels, and what it refuses."""

import math

import pytest
import torch

from genus.core import Bits, Pixels, Reals
from genus.flow import RealNVP
from genus.flow.images.realnvp import AlternatingCouplings, ChannelCoupling
from genus.flow.images.squeeze import Squeezed, squeeze, unsqueeze
from genus.functional.densities.densities import log_normal
from genus.nn import MLP

IMAGES = Reals((2, 8, 12))  # two levels: 8 x 12, then 4 x 6


def shaken(space, **options):
    """A small flow of float64, away from the identity."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = RealNVP(space, **options).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


def jacobian(model, x):
    """The Jacobian of one row, (d, d), by differentiation."""
    d = x.numel()
    return torch.autograd.functional.jacobian(lambda v: model.encode(v[None])[0], x).reshape(d, d)


@pytest.mark.parametrize("space", [Reals((5,)), IMAGES])
def test_it_begins_at_the_identity(space):
    torch.set_default_dtype(torch.float64)
    model = RealNVP(space, couplings=3, width=4, depth=1)
    x = torch.randn(4, *space.shape)
    z, logdet = model.encode_with_logdet(x)
    assert torch.equal(z, x)
    assert torch.equal(logdet, torch.zeros(4))
    torch.testing.assert_close(model.log_prob(x), log_normal(x))


def test_levels_keep_the_jacobian_and_are_undone():
    """On an image of two levels, and with an odd number of couplings."""
    model = shaken(IMAGES, couplings=3, width=4, depth=1)
    assert levels(model) == 2
    x = torch.randn(2, *IMAGES.shape)
    z, logdet = model.encode_with_logdet(x)
    assert (z - x).abs().max() > 0.1
    torch.testing.assert_close(model.decode(z), x)
    for row, claimed in zip(x, logdet, strict=True):
        torch.testing.assert_close(claimed, torch.linalg.slogdet(jacobian(model, row)).logabsdet)


@pytest.mark.parametrize(("side", "wanted"), [(2, 1), (4, 1), (6, 1), (8, 2), (28, 2), (32, 4)])
def test_halving_goes_on_until_a_side_is_4_or_odd(side, wanted):
    model = RealNVP(Reals((1, side, side)), couplings=2, width=2, depth=0)
    assert levels(model) == wanted


def levels(model):
    return sum(isinstance(module, Squeezed) for module in model.modules())


@pytest.mark.parametrize("space", [Reals((2,)), Reals((5,)), Reals((1, 4, 4))])
def test_every_output_depends_on_every_input(space):
    model = shaken(space, couplings=4, width=8, depth=1)
    assert (jacobian(model, torch.randn(space.shape)) != 0).all()


def test_a_coupling_keeps_one_half():
    model = shaken(Reals((3,)), couplings=2, width=4)
    first = model.stack.couplings[0]
    x = torch.randn(6, 3)
    moved, change = first.encode(x[:, 1:2], x[:, 0::2])
    s, t = first.scale_shift(x[:, 0::2])
    torch.testing.assert_close(moved, x[:, 1:2] * s.exp() + t)
    torch.testing.assert_close(change, s.sum(1))
    torch.testing.assert_close(first.decode(moved, x[:, 0::2]), x[:, 1:2])


def test_a_scale_is_bounded_whatever_its_network_says():
    coupling = ChannelCoupling(MLP(1, 2, ()))
    torch.nn.init.constant_(coupling.net[-1].bias, 1e6)
    s, _ = coupling.scale_shift(torch.zeros(1, 1))
    assert s.item() == 1


def test_turns_take_any_two_halves():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    half = torch.tensor([True, False, False, True, False])
    turns = AlternatingCouplings(half, 3, lambda d_in, d_out: MLP(d_in, d_out, (8,)))
    for p in turns.parameters():
        torch.nn.init.normal_(p, std=0.3)
    x = torch.randn(4, 5)
    z, _ = turns.encode_with_logdet(x)
    torch.testing.assert_close(turns.decode(z), x)
    once = AlternatingCouplings(half, 1, lambda d_in, d_out: MLP(d_in, d_out, (8,)))
    torch.nn.init.normal_(once.couplings[0].net[-1].weight)
    moved = (once.encode_with_logdet(x)[0] != x).all(0)
    assert torch.equal(moved, ~half)


def test_preparing_standardises():
    model = shaken(Reals((3,)), couplings=2, width=4)
    x = torch.randn(500, 3) * torch.tensor([0.01, 1.0, 50.0]) + torch.tensor([0.0, -3.0, 70.0])
    alone = RealNVP(Reals((3,))).double()
    alone.prepare(x)
    z = alone.encode(x)  # a flow that begins at the identity just standardises
    torch.testing.assert_close(z.mean(0), torch.zeros(3))
    torch.testing.assert_close(z.std(0), torch.ones(3))
    model.prepare(x)
    z, logdet = model.encode_with_logdet(x[:3])
    torch.testing.assert_close(model.decode(z), x[:3])
    for row, claimed in zip(x[:3], logdet, strict=True):
        torch.testing.assert_close(claimed, torch.linalg.slogdet(jacobian(model, row)).logabsdet)


def test_a_constant_feature_has_no_density():
    x = torch.randn(10, 3)
    x[:, 1] = 2
    with pytest.raises(ValueError, match="1 of 3 features have one value in all rows"):
        RealNVP(Reals((3,))).prepare(x)


def test_squeeze_makes_a_channel_of_each_corner():
    x = torch.arange(2 * 4 * 6.0).reshape(1, 2, 4, 6)
    y = squeeze(x)
    assert y.shape == (1, 8, 2, 3)
    corners = [x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    assert torch.equal(y, torch.cat(corners, 1))
    assert torch.equal(unsqueeze(y), x)


def test_a_decoded_float32_image_comes_back():
    torch.manual_seed(0)
    model = RealNVP(Reals((1, 8, 8)), couplings=4, width=8, depth=1).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    z = torch.randn(50, 1, 8, 8)
    torch.testing.assert_close(model.encode(model.decode(z)), z, rtol=0, atol=1e-3)


def test_it_learns_a_known_density():
    """A bent normal: x2 = x1^2 + noise, whose entropy is known."""
    torch.manual_seed(0)
    model = RealNVP(Reals((2,)), couplings=4, width=32)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3, fused=True)

    def draw(n):
        e = torch.randn(n, 2)
        return torch.stack([e[:, 0], e[:, 0] ** 2 + 0.5 * e[:, 1]], 1)

    for _ in range(600):
        optimizer.zero_grad()
        (-model.log_prob(draw(256)).mean()).backward()
        optimizer.step()
    entropy = math.log(2 * math.pi * math.e) + math.log(0.5)
    with torch.no_grad():
        loss = -model.log_prob(draw(20_000))
    assert entropy - 0.05 < loss.mean().item() < entropy + 0.05


def test_dropout_is_silent_after_training():
    model = shaken(Reals((4,)), width=8, dropout=0.5)
    x = torch.randn(3, 4)
    assert torch.equal(model.log_prob(x), model.log_prob(x))
    model.train()
    assert not torch.equal(model.log_prob(x), model.log_prob(x))
    assert RealNVP(**model.hyperparameters()).dropout == 0.5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: RealNVP(Pixels((1, 8, 8))),
            r"Dequantised\(Flow\(Reals\(space.shape\), ...\), space",
        ),
        (lambda: RealNVP(Bits((4,))), r"space is Bits.*Reals are wanted"),
        (lambda: RealNVP(Reals((4, 4))), r"must be Reals\(\(d,\)\) or Reals\(\(channels"),
        (lambda: RealNVP(Reals((1,))), "1 feature; it must have at least 2"),
        (lambda: RealNVP(Reals((1, 7, 8))), "images are 7 x 8; both sides must be even"),
        (lambda: RealNVP(Reals((2,)), couplings=1), "couplings is 1; at least 2"),
        (lambda: RealNVP(Reals((2,)), width=0), "width is 0; at least 1"),
        (lambda: RealNVP(Reals((2,)), dropout=1.0), r"dropout is 1.0; it must be in \[0, 1\)"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
