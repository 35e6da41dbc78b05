"""EBGAN: an autoencoder's error as an energy, and the game that the kit makes of it."""

import pytest
import torch
from torch.nn.functional import normalize, relu

from genus.adversarial import GAN, Reconstruction
from genus.core import Reals
from genus.functional.adversarial.objectives import EnergyMargin
from genus.functional.adversarial.penalties import Penalty, pulling_away
from genus.nn import MLP, ConvDecoder, ConvEncoder
from genus.recipes.adversarial.ebgan import ebgan
from genus.train.run import Run


def test_errors_by_hand():
    torch.set_default_dtype(torch.float64)
    x = torch.randn(5, 1, 3, 3)
    for power in (1, 2):
        net = Reconstruction(ConvEncoder((1, 3, 3), 2, 3), ConvDecoder(2, (1, 3, 3), 3), power)
        again = net.decoder(net.encoder(x))
        error = (again - x).abs() if power == 1 else (again - x) ** 2
        torch.testing.assert_close(net(x), error.flatten(1).mean(1))
        assert net(x).shape == (5,)
        assert torch.equal(net.features(x), net.encoder(x))
    with pytest.raises(ValueError, match="Reconstruction: power is 3; 1 or 2 is wanted"):
        Reconstruction(MLP(2, 1), MLP(1, 2), 3)


def test_what_lies_in_the_code_has_no_error():
    """A linear code of two of three numbers: only the third is an error."""
    net = Reconstruction(torch.nn.Linear(3, 2), torch.nn.Linear(2, 3))
    with torch.no_grad():
        net.encoder.weight.copy_(torch.eye(3)[:2])
        net.decoder.weight.copy_(torch.eye(3)[:, :2])
        net.encoder.bias.zero_()
        net.decoder.bias.zero_()
    x = torch.randn(6, 3)
    torch.testing.assert_close(net(x), x[:, 2] ** 2 / 3)


def test_the_game_by_hand():
    torch.set_default_dtype(torch.float64)
    critic = Reconstruction(MLP(4, 2, (8,)), MLP(2, 4, (8,)))
    pull = Penalty(pulling_away, 0.1, player="generator")
    model = GAN(Reals((4,)), MLP(3, 4), critic, 3, EnergyMargin(0.6), (pull,))
    x, fake = torch.randn(2, 7, 4)
    terms = model.critic_loss(x, fake)
    assert set(terms) == {"real", "fake"}
    torch.testing.assert_close(terms["real"], critic(x).mean())
    torch.testing.assert_close(terms["fake"], relu(0.6 - critic(fake)).mean())
    terms = model.generator_loss(x, fake)
    codes = normalize(critic.encoder(fake), dim=1)
    pairs = [(codes[i] @ codes[j]) ** 2 for i in range(7) for j in range(7) if i != j]
    torch.testing.assert_close(terms["pulling_away"], 0.1 * torch.stack(pairs).mean())
    torch.testing.assert_close(terms["fool"], critic(fake).mean())


def test_recipe_takes_what_it_is_told():
    run = Run(rounds=2, batch=8, device="cpu")
    model = ebgan("digits", margin=0.2, weight=0.4, latent=5, code=3, width=4, run=run)
    assert model.objective == EnergyMargin(0.2)
    assert model.penalties == (Penalty(pulling_away, 0.4, player="generator"),)
    assert model.critic.encoder.d_out == 3
    model.space.check(model.sample(3), "sample")
    assert ebgan("digits", weight=0, width=4, run=run).penalties == ()
    with pytest.raises(ValueError, match=r"ebgan on ring: space is Reals.*Pixels of \(channels"):
        ebgan("ring", run=run)
