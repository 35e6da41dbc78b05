"""Glow: its pieces, its levels, and what users of other libraries had to suffer."""

import math

import pytest
import torch
from torch import nn

from genus.core import Classes, Reals
from genus.flow import (
    ActNorm,
    Affine,
    Chain,
    ContextNorm,
    Conv1x1,
    ConvCoupling,
    FactorOut,
    Flow,
    Glow,
    Spline,
    Squeezed,
)
from genus.flow.images.glow import ConvNet
from genus.flow.images.squeeze import squeeze, unsqueeze
from genus.nn import Labels
from genus.train import artifact

PIECES = {  # each, the shape of its x, and the features of its context
    "actnorm": (lambda: ActNorm(3), (3, 2, 4), 0),
    "conv1x1": (lambda: Conv1x1(5), (5, 2, 3), 0),
    "coupling": (lambda: ConvCoupling(4, width=5), (4, 2, 3), 0),
    "coupling-odd": (lambda: ConvCoupling(5, width=5, flip=True), (5, 2, 2), 0),
    "coupling-spline": (lambda: ConvCoupling(4, Spline(3), 5), (4, 2, 2), 0),
    "coupling-context": (lambda: ConvCoupling(3, width=5, context=2), (3, 2, 2), 2),
    "context-norm": (lambda: ContextNorm((2, 3, 2), 4), (2, 3, 2), 4),
    "squeezed": (lambda: Squeezed([Conv1x1(8), ConvCoupling(8, width=4)]), (2, 4, 2), 0),
    "factor-out": (
        lambda: FactorOut(5, [Squeezed([ConvCoupling(8, width=4, context=3)])]),
        (5, 2, 2),
        3,
    ),
    "glow": (lambda: Glow((1, 4, 8), 2, 2, 5), (1, 4, 8), 0),
    "glow-context": (lambda: Glow((2, 4, 4), 2, 1, 5, context=3), (2, 4, 4), 3),
    "glow-spline": (lambda: Glow((1, 4, 4), 1, 2, 5, transform=Spline(3)), (1, 4, 4), 0),
}


def shaken(make):
    """A bijection of float64, away from where it begins."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    made = make().eval()
    with torch.no_grad():
        for p in made.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return made


def rows(shape, features, n=3):
    return torch.randn(n, *shape), torch.randn(n, features) if features else None


@pytest.mark.parametrize("name", PIECES)
def test_logdet_is_the_jacobians_and_decoding_undoes(name):
    make, shape, features = PIECES[name]
    bijection = shaken(make)
    x, context = rows(shape, features)
    z, logdet = bijection.encode_with_logdet(x, context)
    assert z.shape == x.shape
    assert logdet.shape == (3,)
    assert (z - x).abs().max() > 0.05
    torch.testing.assert_close(bijection.decode(z, context), x)
    for i in range(3):
        given = None if context is None else context[i : i + 1]

        def encode(v, given=given):
            return bijection.encode_with_logdet(v[None], given)[0].flatten()

        jacobian = torch.autograd.functional.jacobian(encode, x[i]).reshape(x[i].numel(), -1)
        torch.testing.assert_close(logdet[i], torch.linalg.slogdet(jacobian).logabsdet)


@pytest.mark.parametrize("name", [name for name in PIECES if PIECES[name][2]])
def test_a_context_that_is_wanted_decides_and_must_come(name):
    make, shape, features = PIECES[name]
    bijection = shaken(make)
    x, context = rows(shape, features)
    here = bijection.encode_with_logdet(x, context)[0]
    assert (bijection.encode_with_logdet(x, context + 1)[0] - here).abs().max() > 1e-3
    for wrong in (None, context[:, :1]):
        with pytest.raises(ValueError, match=rf"it must be \(n, {features}\)"):
            bijection.encode_with_logdet(x, wrong)


def test_a_context_may_be_a_picture_and_is_squeezed_along():
    bijection = shaken(lambda: Squeezed([ConvCoupling(4, width=5, context=8)]))
    x, context = torch.randn(2, 1, 4, 4), torch.randn(2, 2, 4, 4)
    inside = bijection.chain.encode_with_logdet(squeeze(x), squeeze(context))
    z, logdet = bijection.encode_with_logdet(x, context)
    assert torch.equal(z, unsqueeze(inside[0]))
    assert torch.equal(logdet, inside[1])
    torch.testing.assert_close(bijection.decode(z, context), x)


def test_factoring_out_leaves_the_second_half_alone():
    bijection = shaken(lambda: FactorOut(5, [Conv1x1(2)]))
    x = torch.randn(2, 5, 2, 2)
    z, _ = bijection.encode_with_logdet(x)
    assert torch.equal(z[:, 2:], x[:, 2:])
    assert torch.equal(z[:, :2], bijection.chain.steps[0].encode_with_logdet(x[:, :2])[0])


def test_the_matrix_begins_as_a_rotation_and_learns_its_triangles_alone():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    conv = Conv1x1(6)
    torch.testing.assert_close(conv.matrix() @ conv.matrix().T, torch.eye(6))
    assert conv.log_diagonal.sum().abs() < 1e-12
    x = torch.randn(2, 6, 3, 2)
    z, _ = conv.encode_with_logdet(x)
    torch.testing.assert_close(z, torch.einsum("ij,njhw->nihw", conv.matrix(), x))
    assert set(dict(conv.named_parameters())) == {"below", "above", "log_diagonal"}
    assert set(dict(conv.named_buffers())) == {"order", "back", "sign"}


def test_actnorm_starts_where_each_channel_is_standardised():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    x = torch.randn(50, 2, 3, 3) * torch.tensor([0.1, 7.0])[:, None, None] + 5
    norm = ActNorm(2)
    norm.prepare(x)
    z, logdet = norm.encode_with_logdet(x)
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(2))
    torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(2))
    torch.testing.assert_close(logdet[0], -9 * x.std((0, 2, 3)).log().sum())
    x[:, 1] = 3
    with pytest.raises(ValueError, match="1 of 2 channels have one value"):
        norm.prepare(x)


def test_every_actnorm_is_prepared_with_what_arrives_there():
    torch.manual_seed(0)
    glow = Glow((1, 8, 8), 2, 2, 4, context=2)
    x, context = 3 + 2 * torch.randn(40, 1, 8, 8), torch.randn(40, 2)
    glow.prepare(x, context)
    norms = [m for m in glow.modules() if isinstance(m, ActNorm)]
    assert len(norms) == 5
    assert all(norm.shift.abs().max() > 0 or norm.log_scale.abs().max() > 0 for norm in norms)
    z, _ = glow.encode_with_logdet(x, context)
    # rotations, and couplings that begin as the identity, leave it standardised
    torch.testing.assert_close(squeeze(z).std((0, 2, 3)), torch.ones(4), rtol=0.1, atol=0)


def test_a_loaded_model_is_not_prepared_again(tmp_path):
    """In four libraries the first batch after loading started the actnorm anew."""
    torch.manual_seed(0)
    flow = Flow(Reals((1, 4, 4)), [Glow((1, 4, 4), 1, 2, 4)])
    flow.prepare(torch.randn(64, 1, 4, 4) * 3 + 1)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.05 * torch.randn_like(p))
    x = torch.randn(5, 1, 4, 4) * 9 - 4  # of another scale, and in training mode
    said = flow.log_prob(x)
    artifact.save(flow, tmp_path)
    loaded = artifact.load(tmp_path).train()
    assert torch.equal(loaded.log_prob(x), said)
    assert torch.equal(loaded.log_prob(x[:1]), flow.log_prob(x[:1]))
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, flow.state_dict()[name]), name


def test_thirty_two_couplings_whose_networks_say_anything_stay_finite():
    """Scales are bounded both ways: without a bound, samples of deep flows jump to infinity."""
    torch.manual_seed(0)
    flow = Flow(Reals((1, 8, 8)), [Glow((1, 8, 8), 1, 32, 4)])
    with torch.no_grad():
        for m in flow.modules():
            if isinstance(m, ConvNet):
                m.rest[-1].bias.normal_(std=100)
                m.rest[-1].bias[m.d_out // 2 :] = 0.1  # the shifts
    x = flow.sample(20)
    assert x.isfinite().all()
    assert flow.log_prob(x).isfinite().all()
    one = ConvCoupling(2, Affine(2.0), 4)
    nn.init.constant_(one.net.rest[-1].bias, 1e6)
    logdet = one.encode_with_logdet(torch.zeros(1, 2, 1, 1))[1]
    assert logdet.item() == pytest.approx(2.0)


def test_float32_comes_back_through_thirty_two_steps():
    torch.manual_seed(0)
    glow, x = Glow((1, 8, 8), 2, 16, 16).eval(), torch.randn(64, 1, 8, 8)
    with torch.no_grad():
        for p in glow.parameters():
            p.add_(0.03 * torch.randn_like(p))
    glow.prepare(x)
    z, _ = glow.encode_with_logdet(x)
    assert (z - x).abs().mean() > 0.5
    assert (glow.decode(z) - x).abs().max() < 1e-4


@pytest.mark.parametrize(("side", "levels"), [(28, 2), (6, 1), (2, 1), (32, 5)])
def test_sides_of_any_even_size(side, levels):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    glow = Glow((1, side, side), levels, 1, 3)
    x = torch.randn(2, 1, side, side)
    z, _ = glow.encode_with_logdet(x)
    torch.testing.assert_close(glow.decode(z), x)
    with pytest.raises(ValueError, match=f"take at most {levels} levels"):
        Glow((1, side, side), levels + 1)


def test_a_class_has_a_base_of_its_own():
    """With the couplings as they begin, log p(x | c) is that of a normal with the class's moments."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    flow = Flow(
        Reals((1, 2, 2)), [ContextNorm((1, 2, 2), 3)], context_space=Classes(3), embed=Labels(3)
    )
    nn.init.normal_(flow.steps[0].affine.weight)
    label = torch.tensor([0, 2])
    numbers = flow.steps[0].affine(flow.embed(label)).unflatten(1, (2, 1, 2, 2))
    x = torch.randn(2, 1, 2, 2)
    base = torch.distributions.Normal(numbers[:, 0], numbers[:, 1].exp())
    torch.testing.assert_close(flow.log_prob(x, label), base.log_prob(x).flatten(1).sum(1))


def test_glow_is_the_pieces_in_a_list():
    """Depth steps of actnorm, 1x1, coupling; then the split's prior and what is inside, or the end."""
    glow = Glow((1, 8, 8), 2, 3, 4, context=2, dropout=0.25, transform=Affine(1.5))
    names = [type(step).__name__ for step in glow.level.steps]
    assert names == ["ActNorm", "Conv1x1", "ConvCoupling"] * 3 + ["ConvCoupling", "FactorOut"]
    assert isinstance(glow.level.chain, Chain)
    (inside,) = glow.level.steps[-1].steps
    names = [type(step).__name__ for step in inside.steps]
    assert names == ["ActNorm", "Conv1x1", "ConvCoupling"] * 3 + ["ActNorm", "ContextNorm"]
    assert inside.steps[-1].shape == (8, 2, 2)
    couplings = [m for m in glow.modules() if isinstance(m, ConvCoupling)]
    assert {(c.width, c.context, c.dropout) for c in couplings} == {(4, 2, 0.25)}
    assert [m.p for m in glow.modules() if isinstance(m, nn.Dropout)] == [0.25] * 7
    assert [c.transform.bound for c in couplings].count(1.5) == 6


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Glow((8,)), r"\(channels, height, width\) is wanted"),
        (lambda: Glow((1, 8, 8), levels=0), "levels is 0; at least 1"),
        (lambda: Glow((1, 8, 8), depth=0), "depth is 0; at least 1"),
        (lambda: Glow((1, 8, 8), width=0), "width is 0; at least 1"),
        (lambda: Glow((1, 7, 8)), "pad them to even sides"),
        (lambda: ConvCoupling(1), "channels is 1; at least 2"),
        (lambda: FactorOut(1, [ActNorm(1)]), "channels is 1; at least 2"),
        (lambda: Squeezed([ActNorm(4)]).decode(torch.zeros(1, 1, 3, 2)), "even sides is"),
    ],
)
def test_it_refuses(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_actnorm_with_a_coupling_has_the_density_of_a_closed_form():
    """One channel pair, moved by constants: log p is that of shifted and scaled normals."""
    torch.set_default_dtype(torch.float64)
    norm = ActNorm(1)
    with torch.no_grad():
        norm.shift.fill_(2.0)
        norm.log_scale.fill_(math.log(3.0))
    flow = Flow(Reals((1, 2, 2)), [norm])
    x = torch.randn(3, 1, 2, 2)
    truth = torch.distributions.Normal(2.0, 3.0).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(flow.log_prob(x), truth)
