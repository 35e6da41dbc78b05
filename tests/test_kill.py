"""kill -9 at random moments, resume, and the end is the same to the last bit."""

import multiprocessing
import os
import random
import signal
import time

import pytest
import torch

from genus.adversarial import DCGAN
from genus.data import load
from genus.energy import RBM
from genus.train import artifact
from genus.train.fit import fit
from genus.train.run import Run
from genus.vae import VAE

KILLS = 10
ROUNDS = 150
digits = load("digits")
RUNS = {  # a model, its data, and what else its run needs
    "vae": (lambda: VAE(digits.space, latent=4), digits.train, {}),
    "dcgan": (lambda: DCGAN(digits.space, latent=8, width=8), digits.train, {"ema": 0.99}),
    "rbm": (
        lambda: RBM(digits.binarised().space, hidden=32, chains=64),
        digits.binarised().train,
        {},
    ),
}


def train(name, out, resume):
    torch.set_num_threads(1)
    torch.manual_seed(1 if resume else 0)  # a resumed run must not care
    make, data, options = RUNS[name]
    options = {"rounds": ROUNDS, "batch": 50, "checkpoint_every": 7, "log_every": 5} | options
    fit(make(), data, Run(**options, seed=2, out=out, resume=resume, device="cpu"))


def end(folder):
    """The hashes of all that a run leaves, and its log without the clock."""
    log = (folder / "metrics.jsonl").read_text().splitlines()
    weights = sorted(folder.glob("*.safetensors"))
    assert (folder / "ema.safetensors").exists() == (folder.name.startswith("dcgan"))
    return {w.name: artifact.digest(artifact.read_weights(w)) for w in weights}, len(log)


@pytest.mark.parametrize("name", RUNS)
def test_killed_runs_end_like_the_others(name, tmp_path):
    context = multiprocessing.get_context("fork")
    chance = random.Random(name)
    begun = time.monotonic()
    train(name, tmp_path / f"{name}-whole", resume=False)
    length = time.monotonic() - begun
    broken, kills = tmp_path / f"{name}-broken", 0

    def launch():
        resume = (broken / "state.pt").exists()
        child = context.Process(target=train, args=(name, broken, resume))
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
