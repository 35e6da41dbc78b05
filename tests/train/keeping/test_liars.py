"""The promises of a run bite: a fit that breaks one, in one place, does not pass for one that keeps it."""

import copy

import laws
import pytest
import torch
from models import build

from genus.adversarial import GAN
from genus.core import Reals
from genus.core.seeds import mix, seed
from genus.functional.adversarial import Penalty, r1
from genus.nn import MLP
from genus.train.fit import _Session
from genus.train.keeping import checkpoints, folder
from genus.vae import VAE


def _vae():
    return VAE(Reals((2,)), latent=1)


def _gan():
    nets = MLP(2, 2, (8,)), MLP(2, 1, (8,))
    return GAN(Reals((2,)), *nets, latent=2, penalties=[Penalty(r1, 0.1)], critic_rounds=2)


def forgets_the_position_of_the_noise(patch):
    def from_its_own_beginning(self, number):
        self.begun_at = getattr(self, "begun_at", number)
        seed(mix(self.run.seed, number - self.begun_at, self.rank), self.device)

    patch.setattr(_Session, "seed", from_its_own_beginning)


def forgets_the_position_of_the_batches(patch):
    rounds = _Session.batches

    def from_the_first(self):
        data, begun = self.data, self.at.number
        self.data = copy.copy(data)
        self.data.batch = lambda number, size, seed: data.batch(number - begun, size, seed)
        yield from rounds(self)

    patch.setattr(_Session, "batches", from_the_first)


def writes_half_an_update(patch):
    """The critic, or the first weight, is that of the checkpoint before."""
    write, before = folder.keep, {}

    def mixed(place, header, state):
        own = state["model"]
        old = {k for k in own if k.startswith("critic")} or {next(iter(own))}
        torn = {k: before[place][k] if k in old and place in before else v for k, v in own.items()}
        before[place] = {k: v.clone() for k, v in own.items()}
        write(place, header, {**state, "model": torn})

    patch.setattr(folder, "keep", mixed)


def forgets_the_moments(patch):
    patch.setattr(torch.optim.Adam, "load_state_dict", lambda self, state: None)


def forgets_the_average(patch):
    take = checkpoints.take
    patch.setattr(checkpoints, "take", lambda *own: None if own[1] == "the average" else take(*own))


def takes_one_round_twice(patch):
    def as_written(path, device):
        found = folder_kept(path, device)
        found.state["number"] -= 1
        return found

    folder_kept = folder.kept
    patch.setattr(folder, "kept", as_written)


LIARS = [
    forgets_the_position_of_the_noise,
    forgets_the_position_of_the_batches,
    writes_half_an_update,
    forgets_the_moments,
    forgets_the_average,
    takes_one_round_twice,
]


@pytest.mark.parametrize("make", [_vae, _gan])
def test_an_honest_run_passes(make):
    torch.set_default_dtype(torch.float64)
    laws.resuming_changes_nothing(build(make))


@pytest.mark.parametrize("make", [_vae, _gan])
@pytest.mark.parametrize("liar", LIARS, ids=lambda liar: liar.__name__)
def test_a_liar_does_not(liar, make, monkeypatch):
    torch.set_default_dtype(torch.float64)
    model = build(make)
    liar(monkeypatch)
    with pytest.raises(AssertionError, match="safetensors"):
        laws.resuming_changes_nothing(model)
