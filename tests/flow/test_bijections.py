"""Bijections, each alone: their inverse, their determinant by autograd, and where they begin."""

import pytest
import torch

from genus.flow import (
    LU,
    Affine,
    Autoregressive,
    Chain,
    Coupling,
    Inverse,
    Permutation,
    Planar,
    Radial,
    Residual,
    Shift,
    Spline,
    Standard,
)

D = 5
MAKE = {
    "coupling": lambda: Coupling(D, hidden=(16,)),
    "coupling-flipped": lambda: Coupling(D, Shift(), (16,), flip=True),
    "coupling-spline": lambda: Coupling(D, Spline(4, 2.0), (16,)),
    "autoregressive": lambda: Autoregressive(D, hidden=(16, 16)),
    "autoregressive-flipped": lambda: Autoregressive(D, Spline(5, 2.0), (16,), flip=True),
    "autoregressive-two": lambda: Autoregressive(2, Affine(1.0), (8,)),
    "autoregressive-shortcut": lambda: Autoregressive(D, hidden=(16,), shortcut=True),
    "coupling-relu": lambda: Coupling(D, hidden=(16,), activation="relu"),
    "permutation": lambda: Permutation(D, seed=3),
    "standard": lambda: Standard((D,)),
    "actnorm": lambda: Standard((D,), learned=True),
    "lu": lambda: LU(D),
    "planar": lambda: Planar(D),
    "radial": lambda: Radial(D),
    "inverse-autoregressive": lambda: Inverse(Autoregressive(D, hidden=(16, 16))),
    "inverse-spline": lambda: Inverse(Autoregressive(D, Spline(5, 2.0), (16,), flip=True)),
    "inverse-planar": lambda: Inverse(Planar(D)),
    "residual": lambda: Residual(D, (16,)),
    "chain": lambda: Chain([LU(D), Coupling(D, hidden=(8,)), Permutation(D), Radial(D)]),
}


def build(name, scale=0.5):
    """One whose parameters are away from where they start."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    step = MAKE[name]().eval()
    with torch.no_grad():
        for p in step.state_dict().values():
            if p.is_floating_point():
                p.add_(scale * torch.randn_like(p))
    features = getattr(step, "features", D)
    return step, 2 * torch.randn(200, features)


@pytest.mark.parametrize("name", MAKE)
def test_decoding_undoes_encoding(name):
    step, x = build(name)
    z, logdet = step.encode_with_logdet(x)
    assert z.shape == x.shape
    assert logdet.shape == (len(x),)
    torch.testing.assert_close(step.decode(z), x, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", MAKE)
def test_logdet_is_autograds(name):
    step, x = build(name)
    for row in x[:5]:
        jacobian = torch.autograd.functional.jacobian(
            lambda v: step.encode_with_logdet(v[None])[0][0], row
        )
        claimed = step.encode_with_logdet(row[None])[1][0]
        torch.testing.assert_close(claimed, torch.linalg.slogdet(jacobian).logabsdet)


@pytest.mark.parametrize("name", MAKE)
def test_gradients_of_the_inverse_undo_those_of_the_map(name):
    """What is encoded and decoded again depends on x alone, and as x does, whatever is learned."""
    step, x = build(name)
    x = x[:20].requires_grad_()
    back, weight = step.decode(step.encode_with_logdet(x)[0]), torch.randn_like(x)
    learned = [*step.parameters()]
    grads = torch.autograd.grad((back * weight).sum(), [x, *learned], allow_unused=True)
    torch.testing.assert_close(grads[0], weight, rtol=0, atol=1e-7)
    for gradient in grads[1:]:
        if gradient is not None:
            torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", MAKE)
def test_what_is_drawn_is_scored_as_if_it_were_given(name):
    step, x = build(name)
    z, logdet = step.encode_with_logdet(x)
    again, other = step.decode_with_logdet(z)
    torch.testing.assert_close(again, x, rtol=0, atol=1e-8)
    torch.testing.assert_close(other, -logdet, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", MAKE)
def test_rows_do_not_meet(name):
    step, x = build(name)
    z = torch.cat([step.encode_with_logdet(row[None])[0] for row in x[:4]])
    torch.testing.assert_close(step.encode_with_logdet(x[:4])[0], z)


@pytest.mark.parametrize("name", [n for n in MAKE if n.startswith(("coupling", "auto", "lu"))])
def test_it_begins_as_the_identity(name):
    torch.set_default_dtype(torch.float64)
    step = MAKE[name]()
    x = torch.randn(7, step.features)
    z, logdet = step.encode_with_logdet(x)
    torch.testing.assert_close(z, x)
    torch.testing.assert_close(logdet, torch.zeros(7), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "flipped"), [("autoregressive", False), ("autoregressive-flipped", True)]
)
def test_autoregressive_is_blind_to_what_comes_later(name, flipped):
    step, x = build(name)
    jacobian = torch.autograd.functional.jacobian(
        lambda v: step.encode_with_logdet(v[None])[0][0], 0.2 * x[0]
    )
    later = jacobian.tril(-1) if flipped else jacobian.triu(1)
    assert torch.equal(later, torch.zeros_like(later))
    earlier = jacobian.triu(1) if flipped else jacobian.tril(-1)
    assert (earlier != 0).sum() == D * (D - 1) / 2


@pytest.mark.parametrize("transform", [Affine(), Spline(8, 3.0)])
def test_one_pass_inversion_is_feature_by_feature_inversion(transform):
    """Against the way of the textbook: the whole network for each feature."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    step = Autoregressive(12, transform, (32, 32))
    with torch.no_grad():
        for p in step.parameters():
            p.add_(0.3 * torch.randn_like(p))
        z = torch.randn(50, 12)
        x = torch.zeros_like(z)
        for i in range(12):
            x[:, i] = transform.decode(z[:, i], step.net(x[..., None])[:, i])
    torch.testing.assert_close(step.decode(z), x)


def test_thirty_two_couplings_stay_finite_in_single_precision():
    """All scales as large, and as small, as a network can make them; shifts as they come."""
    torch.manual_seed(0)
    steps = [Coupling(6, hidden=(32,), flip=i % 2 == 1) for i in range(32)]
    with torch.no_grad():
        for i, step in enumerate(steps):
            step.net[-1].bias[0::2] = (-1) ** (i // 2) * 1e4
        z, logdet = Chain(steps).encode_with_logdet(torch.randn(100, 6))
    assert logdet.isfinite().all()
    assert z.isfinite().all()


def test_standard_is_prepared_once_and_kept():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    x = 3 + 2 * torch.randn(1000, D)
    chain = Chain([Standard((D,)), LU(D), Standard((D,), learned=True)])
    chain.prepare(x)
    z = chain.encode_with_logdet(x)[0]
    torch.testing.assert_close(z.mean(0), torch.zeros(D), rtol=0, atol=1e-10)
    torch.testing.assert_close(z.std(0), torch.ones(D))
    twin = Chain([Standard((D,)), LU(D), Standard((D,), learned=True)])
    twin.load_state_dict(chain.state_dict())
    other = twin.encode_with_logdet(5 * x)[0]
    torch.testing.assert_close(other, chain.encode_with_logdet(5 * x)[0])
    assert not torch.allclose(other.std(0), torch.ones(D), atol=0.5)


def test_planar_is_undone_where_it_is_nearly_flat():
    """w u just above -1: the slope is almost 0 in the middle of the bend."""
    torch.set_default_dtype(torch.float64)
    step = Planar(2)
    with torch.no_grad():
        step.w.copy_(torch.tensor([2.0, 0.0]))
        step.u.copy_(torch.tensor([-6.0, 1.0]))
    x = torch.linspace(-4, 4, 401)[:, None].expand(-1, 2).contiguous()
    z, logdet = step.encode_with_logdet(x)
    torch.testing.assert_close(step.encode_with_logdet(step.decode(z))[0], z, rtol=0, atol=1e-10)
    assert logdet.isfinite().all()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Coupling(1), "Coupling: features is 1; at least 2 are wanted"),
        (lambda: Chain([]), "Chain: steps is empty"),
        (lambda: Affine(0.0), "Affine: bound is 0.0; it must be above 0"),
        (lambda: Spline(1), "Spline: bins is 1; at least 2 are wanted"),
        (lambda: Autoregressive(0), "MaskedMLP: features is 0; at least 1 is wanted"),
        (lambda: Standard((2,)).prepare(torch.ones(9, 2)), "Standard: 2 of 2 features have one"),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_a_planar_map_without_direction_is_the_identity():
    """u = 0 moves nothing, whatever w is: a list of many begins near what it should leave alone."""
    step, x = build("planar")
    with torch.no_grad():
        step.u.zero_()
    z, logdet = step.encode_with_logdet(x)
    torch.testing.assert_close(z, x)
    torch.testing.assert_close(logdet, torch.zeros(len(x)))


def test_options_reach_the_network():
    assert any(isinstance(m, torch.nn.ReLU) for m in Coupling(D, activation="relu").modules())
    assert not any(isinstance(m, torch.nn.ReLU) for m in Coupling(D).modules())
    assert Autoregressive(D, shortcut=True).net.direct is not None
    assert Autoregressive(D).net.direct is None
