"""kill -9 at random moments, resume, and the end is the same to the last bit."""

import multiprocessing
import os
import random
import signal
import time
import warnings

import pytest
import torch

from genus.adversarial import DCGAN
from genus.data import load
from genus.energy import RBM
from genus.recipes.diffusion.consistency import consistency
from genus.train import artifact
from genus.train.fit import fit
from genus.train.run import Run
from genus.vae import VAE

KILLS = 10
ROUNDS = 150
OPTIONS = {"rounds": ROUNDS, "batch": 50, "checkpoint_every": 7, "log_every": 5}
digits = load("digits")


def fitted(make, data):
    """A function that trains a model."""
    return lambda run: fit(make(), data, run)


RUNS = {  # what trains, and what else its run needs
    "vae": (fitted(lambda: VAE(digits.space, latent=4), digits.train), {}),
    "dcgan": (
        fitted(lambda: DCGAN(digits.space, latent=8, width=8), digits.train),
        {"ema": 0.99},
    ),
    "rbm": (
        fitted(
            lambda: RBM(digits.binarised().space, hidden=32, chains=64), digits.binarised().train
        ),
        {},
    ),
    "consistency": (  # a teacher first, and then its pupil
        lambda run: consistency("ring", width=8, run=run),
        {"ema": 0.99, "checkpoint_every": 3, "rounds": 60, "evaluate_every": 1000},
    ),
}


def train(name, out, again):
    """One attempt; each resumes what it finds, and is the same command."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    torch.manual_seed(int(again))  # a resumed run must not care
    train_one, options = RUNS[name]
    train_one(Run(**OPTIONS | options, seed=2, out=out, resume=True, device="cpu"))


def end(folder):
    """The hashes of all that a run leaves, and its log without the clock."""
    log = (folder / "metrics.jsonl").read_text().splitlines()
    weights = sorted(folder.glob("*.safetensors"))
    averaged = folder.name.startswith(("dcgan", "consistency"))
    assert (folder / "ema.safetensors").exists() == averaged
    return {w.name: artifact.digest(artifact.read_weights(w)) for w in weights}, len(log)


@pytest.mark.parametrize("name", RUNS)
def test_killed_runs_end_like_the_others(name, tmp_path):
    context = multiprocessing.get_context("fork")
    chance = random.Random(name)
    begun = time.monotonic()
    train(name, tmp_path / f"{name}-whole", again=False)
    length = time.monotonic() - begun
    broken, kills = tmp_path / f"{name}-broken", 0

    def launch():
        again = any(broken.rglob("state.pt"))  # before the first one, a run begins anew
        child = context.Process(target=train, args=(name, broken, again))
        child.start()
        return child

    for _ in range(KILLS):
        child = launch()
        child.join(chance.uniform(0.2, 1.4) * length / KILLS)
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
        child.join()
    child = launch()
    child.join(120)
    assert child.exitcode == 0
    assert kills > KILLS / 2  # the others came too late: the run was over
    assert end(broken) == end(tmp_path / f"{name}-whole")
