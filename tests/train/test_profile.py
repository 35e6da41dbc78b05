"""The profile of a round and the advice on threads: they tell what is so, and leave the run as it is."""

import time

import pytest
import torch
from games import Blob
from torch.utils.data import DataLoader, TensorDataset

from genus import Refused, Run, fit
from genus.core import Reals
from genus.data.own.loaders import Loaded
from genus.train.game import adam
from genus.train.given import prepared
from genus.train.process import use_threads
from genus.train.showing import profile as profiling
from genus.train.showing.profile import Twin, fewer_threads, profile, tell
from genus.train.showing.progress import Display
from genus.vae import VAE

CPU = torch.device("cpu")


class Slow(Blob):
    """Its loss takes 20 ms, and its gradient none."""

    def loss(self, x):
        time.sleep(0.02)
        return super().loss(x)


class Data:
    space, context_space, fingerprint = Reals((2,)), None, "rows"

    def batch(self, number, size, seed):
        time.sleep(0.01)
        return (torch.ones(size, 2),)

    def everything(self):
        return self.batch(0, 8, 0)


def twin(model, **how):
    return Twin(model, Data(), adam(1e-3), Run(rounds=1, batch=8, **how), CPU)


def test_time_is_found_where_it_is_spent(monkeypatch):
    monkeypatch.setattr(profiling, "SECONDS", 0.2)
    spent, rounds = twin(Slow(), ema=0.9).watched()
    assert {*spent} == {"data", "losses", "gradients", "optimiser", "after moves", "average", "log"}
    assert spent["losses"] >= 0.02 * rounds
    assert spent["data"] >= 0.01 * rounds
    assert spent["losses"] + spent["data"] > 0.8 * sum(spent.values())


def test_a_profile_is_printed_and_changes_no_bit(capsys, monkeypatch):
    monkeypatch.setattr(profiling, "SECONDS", 0.1)
    monkeypatch.setattr(profiling, "SIDE", 64)
    ends = []
    for on in (False, True):
        torch.default_generator.manual_seed(0)
        model = VAE(Reals((2,)), latent=1)
        fit(model, torch.ones(16, 2), Run(rounds=4, batch=8, device="cpu", profile=on))
        ends.append(torch.cat([p.flatten() for p in model.parameters()]))
    assert torch.equal(*ends)
    told = capsys.readouterr().err
    for words in ("a round:", "1 thread", "gradients", "optimiser", "GFLOP/s", "operations"):
        assert words in told


@pytest.mark.parametrize(("one", "told"), [(1.0, True), (3.0, False)])
def test_fewer_threads_are_advised_where_they_are_faster(one, told, monkeypatch):
    torch.set_num_threads(2)
    found = {1: one * 1e-3, 2: 2e-3}
    monkeypatch.setattr(Twin, "seconds", lambda self, most: found[torch.get_num_threads()])
    sentence = fewer_threads(Blob(), Data(), adam(1e-3), Run(rounds=1, batch=8), CPU)
    assert ("--threads 1 is faster here" in sentence) == told
    assert torch.get_num_threads() == 2


def test_nothing_is_advised_to_who_has_said_it_or_has_one():
    for threads, given in ((1, None), (2, 2)):
        torch.set_num_threads(threads)
        run = Run(rounds=1, batch=8, threads=given)
        assert fewer_threads(Blob(), Data(), adam(1e-3), run, CPU) == ""


def shown(model, data, monkeypatch, **how):
    """What a run with a display says, and whether a copy of its model was tried."""
    tried = []
    monkeypatch.setattr(profiling, "Twin", lambda *given: tried.append(given) or Still())
    torch.set_num_threads(2)
    run = Run(rounds=1, batch=8, **how)
    display = Display(True, 1, None, time.monotonic)
    tell(model, data, adam(1e-3), run, CPU, display)
    return bool(tried)


class Still:
    def seconds(self, most):
        return 1e-3

    def play(self):
        pass


def test_what_must_not_be_touched_is_not_tried(monkeypatch):
    assert shown(Blob(), Data(), monkeypatch)
    loader = DataLoader(TensorDataset(torch.ones(16, 2)), batch_size=8)
    given, _ = prepared(Blob(), loader, Run(rounds=1))
    assert isinstance(given, Loaded)
    assert not shown(Blob(), given, monkeypatch)
    monkeypatch.setattr(profiling, "ranks", lambda: (0, 2))  # whose rounds wait for each other
    assert not shown(Blob(), Data(), monkeypatch)


def test_a_model_that_cannot_be_copied_is_trained_and_not_profiled():
    model = Blob()
    model.rows = (number for number in range(3))
    torch.set_num_threads(2)
    run = Run(rounds=1, batch=8)
    assert fewer_threads(model, Data(), adam(1e-3), run, CPU) == ""
    with pytest.raises(Refused, match=r"Blob cannot be copied: .*; leave profile out"):
        profile(model, Data(), adam(1e-3), run, CPU)


def test_threads_are_those_of_the_run_and_given_back(monkeypatch):
    seen = []

    class Looking(Blob):
        def loss(self, x):
            seen.append(torch.get_num_threads())
            return super().loss(x)

    fit(Looking(), torch.ones(16, 2), Run(rounds=2, batch=8, device="cpu", threads=2))
    assert {*seen} == {2}
    assert torch.get_num_threads() == 1
    assert use_threads(None) == 1
    with pytest.raises(Refused, match="threads is 0; at least 1 is wanted"):
        Run(rounds=1, threads=0)
