"""A diffusion of what an autoencoder makes of x: the scale, the frozen part, the shapes."""

import laws
import pytest
import torch
from torch import nn

from genus.core import Bits, GenerativeModel, Pixels, Reals
from genus.density import Gaussian
from genus.diffusion import DDIM, Diffusion, LatentDiffusion, TimeMLP
from genus.functional.diffusion.parametrisations import Start
from genus.functional.diffusion.paths import Cosine
from genus.nn import MLP
from genus.vae import VAE

PATH = Cosine()


@pytest.fixture(autouse=True)
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


class Linear(GenerativeModel):
    """x = 5 z + 1, to and fro."""

    def __init__(self, space=None):
        super().__init__()
        self.space = space or Reals((2,))
        self.weight = nn.Parameter(torch.tensor(5.0))
        self.drop = nn.Dropout(0.5)

    def encode(self, x):
        return self.drop((x - 1) / self.weight)

    def decode(self, z):
        return self.weight * z + 1

    def sample(self, n):
        return self.decode(torch.randn(n, 2))


class Best(nn.Module):
    """E[z_0 | z_t] of N(0, I)."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        return PATH.alpha(t)[:, None] * x


def model(space=None):
    return LatentDiffusion(Linear(space), Diffusion(Best(), Reals((2,)), PATH, Start(), DDIM(50)))


def test_the_latent_is_scaled_to_deviation_one():
    made, x = model(), 3 * torch.randn(2000, 2) + 1
    made.prepare(x)
    torch.testing.assert_close(made.scale, ((x - 1) / 5).std())
    torch.testing.assert_close(made.encode(x).std(), torch.ones(()))
    torch.testing.assert_close(made.decode(made.encode(x)), x)
    before = made.scale.clone()
    made.prepare(x)  # again: the same, not the scale of what is scaled
    torch.testing.assert_close(made.scale, before)


def test_samples_are_the_decoded_diffusions():
    """The latent N(0, I) of the diffusion is the data's, once it is scaled: N(1, 3^2)."""
    made = model()
    made.prepare(3 * torch.randn(100_000, 2) + 1)
    x = made.sample(20_000)
    for i in range(2):
        laws.within(x[:, i], 1.0)
        assert (x[:, i].std() - 3).abs() < 0.1


def test_the_autoencoder_stays_as_it_is():
    """Neither is it moved, nor do its dropped units make noise."""
    made = model().train()
    assert made.diffusion.training
    assert not made.autoencoder.training
    x = torch.randn(4, 2)
    assert torch.equal(made.encode(x), made.encode(x))
    sum(made.loss(x).values())
    (player,) = made.players().values()
    assert player.owns == [made.diffusion]


def test_what_is_learned_is_the_scaled_latent():
    made, seen = model(), []
    made.diffusion.loss = lambda z: seen.append(z) or {}
    x = 3 * torch.randn(500, 2) + 1
    made.prepare(x)
    made.loss(x)
    torch.testing.assert_close(seen[0], (x - 1) / 5 / made.scale)
    assert not seen[0].requires_grad


def test_pixels_and_bits_are_put_on_their_grid():
    for space in (Pixels((2,), 5), Bits((2,))):
        x = model(space).sample(50)
        if isinstance(space, Pixels):
            space.check(x, "test")
        else:
            assert torch.equal(x, x.round())


def test_shapes_must_match():
    autoencoder = VAE(Reals((3,)), 2, MLP(3, 4, ()), MLP(2, 3, ()))
    with pytest.raises(ValueError, match=r"Reals\(shape=\(3,\)\).*encodes to \(2,\)"):
        LatentDiffusion(autoencoder, Diffusion(TimeMLP(3), Reals((3,))))
    assert autoencoder.training


def test_an_autoencoder_encodes_and_decodes():
    with pytest.raises(ValueError, match="Gaussian, has no decode and no encode"):
        LatentDiffusion(Gaussian(Reals((2,))), Diffusion(TimeMLP(2), Reals((2,))))
