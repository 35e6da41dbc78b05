"""A GAN on a ring: what is counted, and what its runs show."""

import numpy as np
import pytest
import torch

from genus.adversarial import GAN
from genus.core import Reals
from genus.laboratory.fields import (
    REACH,
    RING,
    SIDE,
    arrows,
    fields,
    found,
    modes,
    moves,
    plays,
    train,
)

WAYS = plays(gamma=0.3, slow=20.0)


def test_modes_are_counted():
    centres = torch.tensor(RING.centres)
    shares = modes(torch.cat([centres[:3], centres[:1], torch.zeros(4, 2)]))
    assert shares.tolist() == [0.25, 0.125, 0.125, 0, 0, 0, 0, 0]
    assert found(shares) == 3
    assert found(np.array([1.0, 0.03, 0.0])) == 1  # a quarter of a fair share is 1/32
    assert found(modes(torch.tensor(RING.centres).repeat(4, 1) + 0.1)) == 8


def test_moves_of_the_crowd_are_counted():
    shares = np.array([[0.9, 0.0], [0.8, 0.1], [0.1, 0.1], [0.0, 0.7], [0.6, 0.2]])
    assert moves(shares) == 2  # the third look has no crowd
    assert moves(shares[:2]) == 0


def test_arrows_are_the_critics_gradient():
    critic = torch.nn.Linear(2, 1)
    critic.weight.data = torch.tensor([[2.0, -1.0]])
    model = GAN(Reals((2,)), torch.nn.Linear(2, 2), critic, 2)
    assert torch.equal(arrows(model), torch.tensor([2.0, -1.0]).expand(SIDE, SIDE, 2))

    class Bowl(torch.nn.Module):
        def forward(self, x):
            return -(x - torch.tensor([REACH, 0.0])).square().sum(1)

    field = arrows(GAN(Reals((2,)), torch.nn.Linear(2, 2), Bowl(), 2))
    assert (field[:, 0, 0] > 3).all()  # the first column lies left, and is pulled to the right
    assert (field[0, :, 1] > 0).all()  # the first row lies below, and is pulled up
    assert field[:, -1, 0].abs().max() < 1e-5


def test_a_run_that_is_broken_goes_round_and_one_with_r1_does_not():
    broken = train(WAYS["broken"], 400, 0, [400])
    sound = train(WAYS["non_saturating_r1"], 400, 0, [400])
    assert max(found(shares) for shares in broken["shares"]) <= 2
    looks = [found(shares) for shares in sound["shares"]]
    assert np.median(looks[-10:]) >= 6  # of 40; one look may find it between two modes
    assert broken["samples"].shape == (1, 256, 2)


def test_a_run_is_pure():
    first, again, other = (train(WAYS["minimax_r1"], 40, seed, [40]) for seed in (0, 0, 1))
    assert np.array_equal(first["samples"], again["samples"])
    assert not np.array_equal(first["samples"], other["samples"])


def test_the_outcome():
    outcome = fields(rounds=40)
    assert len(outcome.rows) == 5
    assert outcome.arrays["broken/arrows"].shape == (4, SIDE, SIDE, 2)
    assert outcome.arrays["rounds"].tolist() == [3, 10, 25, 40]


def test_options_are_checked():
    with pytest.raises(ValueError, match="fields: rounds is 39; at least 40 is wanted"):
        fields(rounds=39)
    with pytest.raises(ValueError, match=r"fields: slow is 0.5; at least 1 is wanted"):
        fields(slow=0.5)
    with pytest.raises(ValueError, match="fields: gamma is 0; a number above 0 is wanted"):
        fields(gamma=0)
