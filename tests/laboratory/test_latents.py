"""The experiments with codes: what they find is what is known."""

import pytest
import torch

from genus.core import Bits
from genus.errors import Refused
from genus.laboratory.latents.estimate import estimate, joint, on_a_grid
from genus.laboratory.latents.latent import WAYS, latent
from genus.laboratory.mapping import mapping
from genus.nn import MLP
from genus.vae import VAE


def test_the_grid_adds_up_what_all_pictures_sum_to():
    """The likelihoods of all x of three bits sum to 1."""
    torch.manual_seed(0)
    model = VAE(Bits((1, 1, 3)), 2, MLP(3, 4), MLP(2, 3, (8,)))
    model.decoder[-1].weight.data.mul_(5)
    states = torch.tensor([[int(b) for b in f"{k:03b}"] for k in range(8)], dtype=torch.float32)
    with torch.no_grad():
        total = on_a_grid(model, states.view(8, 1, 1, 3)).exp().sum().item()
        assert joint(model, states.view(8, 1, 1, 3)).shape[1] == 8
    assert total == pytest.approx(1, abs=1e-4)


def test_the_prior_wastes_more_draws_than_a_guess_and_the_bound_stays_below():
    found = estimate(rounds=300, rows=4).arrays
    assert found["prior"][0] < found["weights"][0] < 0
    assert (found["bound"] == found["bound"][0]).all()
    assert found["bound"][0] < -0.05
    assert abs(found["weights"][-1]) < 0.05
    assert abs(found["annealed"][-1]) < 0.3


def test_the_divergence_alone_says_nothing_of_a_digit():
    found = latent(rounds=150)
    rows = dict(zip(WAYS, found.rows, strict=True))
    told = {name: float(row[2].rstrip("%")) for name, row in rows.items()}
    assert told["divergence"] < 25
    assert min(told[name] for name in ("PCA", "autoencoder", "VAE")) > 40
    codes = found.arrays["VAE/codes"]
    assert codes.shape[1] == 2
    assert found.arrays["VAE/between"].shape == (9, 8, 8)


def test_options_are_looked_at():
    with pytest.raises(Refused, match="latent: rounds is 1; at least 10"):
        latent(rounds=1)
    with pytest.raises(Refused, match="mapping: rounds is 3; at least 40"):
        mapping(rounds=3)
    with pytest.raises(Refused, match="estimate: rows is 1; a number from 2 to 300"):
        estimate(rows=1)


def test_the_map_of_noise_comes_nearer_to_the_data():
    found = mapping(rounds=120)
    apart, density = found.arrays["apart"], found.arrays["density"]
    assert apart[0] > 0.9
    assert apart[-1] < 0.6
    step = found.arrays["line"][1] - found.arrays["line"][0]
    assert density[-1].sum() * step == pytest.approx(1, abs=0.02)  # all noise lands on the line
    assert found.film.shape[0] == len(found.arrays["rounds"])
