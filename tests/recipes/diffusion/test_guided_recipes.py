"""The recipes of guided, latent and masked diffusion: they build what they are told."""

import shutil
from dataclasses import replace

import pytest
import torch

from genus.core import Reals
from genus.diffusion import DDIM, TimeMLP, TimeTokens, TimeTransformer, UNet
from genus.diffusion.discrete.categories import Absorbing, Multinomial, quarter_circle, straight
from genus.recipes.diffusion.guided import guided
from genus.recipes.diffusion.latent_diffusion import latent_diffusion
from genus.recipes.diffusion.masked_diffusion import masked_diffusion
from genus.recipes.vae.vae import RUN as VAE_RUN
from genus.recipes.vae.vae import vae
from genus.train.run import Run

SHORT = Run(rounds=2, batch=8, device="cpu")


def test_guided():
    model = guided("digits", 0.7, 0.8, 0.3, 8, 0.2, 3, 0.5, SHORT)
    assert (model.scale, model.interval, model.model.drop_context) == (0.7, (0.0, 0.8), 0.3)
    assert model.model.sampler == DDIM(3, 0.5)
    net = model.model.net
    assert isinstance(net, UNet)
    assert (net.width, net.dropout, net.context) == (8, 0.2, 10)
    model.space.check(model.sample(context=torch.arange(10)), "sample")


def test_guided_on_vectors():
    model = guided("ring", evaluations=3, run=SHORT)
    assert isinstance(model.model.net, TimeMLP)
    assert model.model.net.context == model.context_space.count
    assert model.sample(context=torch.arange(4)).shape == (4, 2)


def test_guided_wants_labels():
    with pytest.raises(ValueError, match="no labels"):
        guided("boxes", run=SHORT)


def test_latent_diffusion(tmp_path):
    run = replace(SHORT, out=tmp_path / "run")
    model = latent_diffusion("digits", 1.5, 5, 16, 1, 4, 0.5, run)
    assert model.autoencoder.latent == 5
    assert model.diffusion.space == Reals((5,))
    assert model.diffusion.sampler == DDIM(4, 0.5)
    assert (model.diffusion.net.width, model.diffusion.net.blocks) == (16, 1)
    assert model.scale != 1
    model.space.check(model.sample(3), "sample")
    on = replace(
        run, rounds=3, resume=True, accept_change=True
    )  # the autoencoder comes from the folder
    again = latent_diffusion("digits", 1.5, 5, 16, 1, 4, 0.5, on)
    for name, value in again.autoencoder.state_dict().items():
        assert torch.equal(value, model.autoencoder.state_dict()[name])
    assert torch.equal(again.scale, model.scale)


def test_an_autoencoder_that_was_stopped_goes_on(tmp_path):
    """Also one that another version of genus kept nowhere but in the whole."""
    run = replace(SHORT, rounds=4)
    whole = latent_diffusion(width=16, blocks=1, run=replace(run, out=tmp_path / "whole"))
    vae(latent=8, run=replace(VAE_RUN, rounds=3, batch=128, device="cpu",
                              out=tmp_path / "cut" / "autoencoder"))  # fmt: skip
    on = replace(run, out=tmp_path / "cut", resume=True)
    model = latent_diffusion(width=16, blocks=1, run=on)
    torch.testing.assert_close(model.state_dict(), whole.state_dict())
    shutil.rmtree(tmp_path / "cut" / "autoencoder")
    model = latent_diffusion(width=16, blocks=1, run=on)
    torch.testing.assert_close(model.state_dict(), whole.state_dict())


@pytest.mark.parametrize(
    ("data", "values"), [("grammar", 8), ("digits", 17), ("bars", 2)], ids=lambda x: str(x)
)
def test_masked_diffusion(data, values):
    model = masked_diffusion(data, width=16, blocks=1, steps=20, evaluations=3, run=SHORT)
    assert isinstance(model.net, TimeTransformer)
    assert (model.kernel, model.kept, model.values) == (Absorbing(), straight, values)
    assert (model.steps, model.evaluations, model.net.states) == (20, 3, values + 1)
    model.space.check(model.sample(3), "sample")


def test_multinomial_diffusion_of_a_perceptron():
    model = masked_diffusion("bars", True, False, 16, 1, 0.3, 20, 3, SHORT)
    assert isinstance(model.net, TimeTokens)
    assert (model.kernel, model.kept) == (Multinomial(), quarter_circle)
    assert (model.net.width, model.net.blocks, model.net.dropout) == (16, 1, 0.3)
    assert model.net.states == 2


def test_masked_diffusion_wants_what_can_be_counted():
    with pytest.raises(ValueError, match="tokens, bits or pixels"):
        masked_diffusion("moons", run=SHORT)
