"""Autoencoder: against the principal components, which a linear one finds, and against its noise."""

import pytest
import torch

from genus.core import Bits, Classes, Pixels, Reals
from genus.errors import Refused
from genus.nn import MLP
from genus.vae import Autoencoder, Normal


def test_a_linear_one_finds_the_principal_plane():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    turn = torch.linalg.qr(torch.randn(4, 4))[0]
    x = torch.randn(500, 4) * torch.tensor([2.0, 1.5, 0.3, 0.1]) @ turn
    x = x - x.mean(0)
    likelihood = Normal(1.0, learned=False)
    model = Autoencoder(Reals((4,)), 2, MLP(4, 2, ()), MLP(2, 4, ()), likelihood)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(800):
        optimizer.zero_grad()
        model.loss(x)["reconstruction"].backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        left = (model.decode(model.encode(x)) - x).square().sum(1).mean()
    best = torch.linalg.svdvals(x)[2:].square().sum() / len(x)
    assert left.item() == pytest.approx(best.item(), rel=0.02)


def test_codes_have_mean_0_and_variance_1_over_the_rows_that_were_seen():
    torch.manual_seed(0)
    model = Autoencoder(Reals((3,)), 2)
    x = 5 + 3 * torch.randn(1000, 3)
    for _ in range(150):
        model.loss(x)
    z = model.eval().encode(x)
    torch.testing.assert_close(z.mean(0), torch.zeros(2), atol=0.01, rtol=0)
    torch.testing.assert_close(z.var(0), torch.ones(2), atol=0.02, rtol=0)


def test_noise_draws_a_share_of_bits_anew_and_moves_numbers_by_its_width():
    torch.manual_seed(0)
    bits = (torch.rand(20_000, 3) < 0.5).float()
    found = Autoencoder(Bits((3,)), 2, corruption=0.4).corrupted(bits)
    assert set(found.unique().tolist()) == {0.0, 1.0}
    assert (found != bits).double().mean().item() == pytest.approx(0.2, abs=0.01)
    moved = Autoencoder(Pixels((3,), 5), 2, corruption=0.3).corrupted(bits) - bits
    assert moved.std().item() == pytest.approx(0.3, abs=0.01)
    plain = Autoencoder(Bits((3,)), 2)
    assert plain.corrupted(bits) is bits


def test_with_noise_the_code_is_what_other_bits_say():
    """Three equal bits: with one drawn anew the code has to be the majority, and its decoding all three."""
    torch.manual_seed(0)
    x = (torch.rand(2000, 1) < 0.5).float().expand(-1, 5).contiguous()
    model = Autoencoder(Bits((5,)), 1, MLP(5, 1, (16,)), MLP(1, 5, (16,)), corruption=0.2)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(200):
        optimizer.zero_grad()
        model.loss(x)["reconstruction"].backward()
        optimizer.step()
    model.eval()
    one_wrong = torch.tensor([[1.0, 1, 1, 1, 0], [0, 0, 1, 0, 0]])
    found = model.decode(model.encode(one_wrong)) > 0.5
    assert found.tolist() == [[True] * 5, [False] * 5]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Autoencoder(Classes(3)), "space is Classes.*Bits, Reals or Pixels are wanted"),
        (lambda: Autoencoder(Bits((3,)), corruption=1.5), r"corruption is 1\.5; of bits a share"),
        (lambda: Autoencoder(Bits((3,)), 0), "latent is 0; at least 1"),
        (lambda: Autoencoder(Bits((3,)), 2, MLP(3, 3)), "encoder gives 3 numbers a row; 2 are"),
        (lambda: Autoencoder(Bits((3,)), 2, None, MLP(2, 4)), "decoder gives 4 numbers a row"),
    ],
)
def test_refusals_say_what_is_wanted(make, message):
    with pytest.raises(Refused, match=message):
        make()
