"""A run goes on as it was, or says what is different; what is over stays over; nothing endless is written."""

import json
import os
import resource
import shutil
import signal
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from games import Blob
from laws import Rows

from genus.core import Reals, Refused
from genus.data.sources import Note
from genus.density import GaussianMixture
from genus.train import artifact
from genus.train.fit import fit
from genus.train.keeping import checkpoints
from genus.train.keeping.state import kept
from genus.train.process import Interrupted
from genus.train.run import Run
from genus.train.schedules import cosine

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def rows():
    torch.manual_seed(0)
    return Rows(Reals((2,)), None, (torch.randn(256, 2),))


@pytest.fixture
def run(tmp_path):
    return Run(rounds=6, batch=64, log_every=4, out=tmp_path / "x", device="cpu")


def state(run):
    return kept(run.out / "state.pt", CPU).state


def lines(run):
    return [json.loads(line) for line in (run.out / "metrics.jsonl").read_text().splitlines()]


CHANGES = {"lr": 2e-3, "clip": 0.1, "accumulate": 2, "autocast": True, "batch": 32, "seed": 5}


@pytest.mark.parametrize(("name", "value"), CHANGES.items())
def test_what_changes_the_training_is_refused_or_recorded(run, rows, name, value):
    fit(Blob(), rows, run)
    other = replace(run, rounds=9, resume=True, **{name: value})
    with pytest.raises(
        Refused, match=rf"had another {name}; .*{name} was .*, and is {value}.*--accept-"
    ):
        fit(Blob(), rows, other)
    assert state(run)["number"] == 6
    with pytest.warns(Note, match=rf"goes on where other things have changed: {name} was"):
        fit(Blob(), rows, replace(other, accept_change=True))
    (change,) = json.loads((run.out / "config.json").read_text())["changes"]
    assert change["round"] == 6
    assert change["changes"][0].startswith(f"{name} was")
    fit(Blob(), rows, replace(other, rounds=10))  # what was accepted is now what it had


def test_an_accepted_rate_is_the_one_that_is_used(run, rows):
    fit(Blob(), rows, run)
    faster = replace(run, rounds=7, lr=0.5, resume=True, accept_change=True)
    before = Blob()
    before.load_state_dict(state(run)["model"])
    after = fit(Blob(), rows, faster)
    moved = (after.mean - before.mean).abs().max().item()
    assert 0.1 < moved < 1.0  # a step of Adam is about its rate


def test_a_run_may_grow_where_nothing_is_planned_over_its_length(run, rows):
    fit(Blob(), rows, run)
    fit(Blob(), rows, replace(run, rounds=8, resume=True))
    planned = replace(run, out=run.out / "planned")
    fit(Blob(), rows, planned, schedule=cosine)
    with pytest.raises(Refused, match=r"had another rounds; .*rounds was 6, and is 8"):
        fit(Blob(), rows, replace(planned, rounds=8, resume=True), schedule=cosine)
    fit(Blob(), rows, replace(planned, resume=True), schedule=cosine)  # it is over


def test_other_circumstances_are_told_and_recorded(run, rows, monkeypatch):
    fit(Blob(), rows, run)
    monkeypatch.setattr("genus.train.keeping.folder.platform.machine", lambda: "abacus")
    with pytest.warns(Note, match=r"machine was .*, and is .*abacus"):
        fit(Blob(), rows, replace(run, rounds=8, resume=True))
    assert "abacus" in str(json.loads((run.out / "config.json").read_text())["changes"])


def test_a_converged_mixture_takes_no_further_step(rows, tmp_path):
    run = Run(rounds=200, out=tmp_path / "x", device="cpu")
    torch.manual_seed(0)
    fit(GaussianMixture(Reals((2,)), 2), rows, run)
    number, weights = state(run)["number"], artifact.weights_hash(run.out)
    assert number < 200
    for _ in range(2):
        fit(GaussianMixture(Reals((2,)), 2), rows, replace(run, resume=True))
        assert (state(run)["number"], artifact.weights_hash(run.out)) == (number, weights)


def test_a_mixture_that_was_cut_short_goes_on(rows, tmp_path):
    """Neither the end of its rounds nor a resume without any says that it has converged."""
    run = Run(rounds=2, out=tmp_path / "x", device="cpu")
    for rounds in (2, 2, 0, 4):
        torch.manual_seed(0)
        resumed = replace(run, rounds=rounds, resume=(run.out / "state.pt").exists())
        fit(GaussianMixture(Reals((2,)), 2, tolerance=-1), rows, resumed)
    assert state(run)["number"] == 4
    assert not state(run)["settled"]


def test_a_run_that_is_over_adds_no_line(run, rows):
    def figures(model):
        return {"nats": model.mean.square().sum().item()}

    fit(Blob(), rows, run, evaluate=figures)
    told = lines(run)
    assert [line["event"] for line in told] == ["losses", "losses", "figures"]
    fit(Blob(), rows, replace(run, resume=True), evaluate=figures)
    assert lines(run) == told


class Dies(Blob):
    """A model that fails in some of its calls, as a kill would: nothing is written afterwards."""

    calls, deaths = 0, (4, 10, 11)

    def log_prob(self, x):
        Dies.calls += 1
        if Dies.calls in Dies.deaths:
            raise KeyError("killed")
        return super().log_prob(x)


def test_the_log_does_not_tell_when_checkpoints_came(run, rows):
    """Losses that wait for their line are part of a checkpoint."""
    whole = replace(run, rounds=11, log_every=5, out=run.out / "whole")
    fit(Dies.__base__(), rows, whole)
    parts = replace(whole, out=run.out / "parts", checkpoint_every=1)
    for death in (*Dies.deaths, None):
        resumed = replace(parts, resume=(parts.out / "state.pt").exists())
        if death is None:
            fit(Dies(), rows, resumed)
        else:
            with pytest.raises(KeyError, match="killed"):
                fit(Dies(), rows, resumed)

    def told(one):
        return [{k: v for k, v in line.items() if k != "seconds"} for line in lines(one)]

    assert [line["round"] for line in told(whole)] == [5, 10, 11]
    assert told(parts) == told(whole)


def test_checkpoints_come_by_the_clock_and_take_a_fiftieth(run, rows, monkeypatch):
    """On a clock that writing moves by 3 seconds, and each round by 1."""
    now, written = [0.0], []

    def tick(*args):
        now[0] += 1.0

    real = checkpoints.Checkpoints.write

    def write(self, position, note):
        written.append(position.number)
        with self.budget.timing("checkpoint"):
            real(self, position, note)
            now[0] += 3.0
        self.written = self.clock()

    monkeypatch.setattr(checkpoints.Checkpoints, "write", write)

    class Slow(Blob):
        def log_prob(self, x):
            tick()
            return super().log_prob(x)

    plan = replace(run, rounds=500)
    fit(Slow(), rows, plan, clock=lambda: now[0])
    assert written[0] == 0
    assert written[-1] == 500
    gaps = [after - before for before, after in pairwise(written[:-1])]
    assert gaps == [150] * 3  # fifty times three seconds


class Breaks(Blob):
    """A model whose loss is fine while its gradient breaks a weight, in its sixth round."""

    def __init__(self, after=5):
        super().__init__()
        self.after, self.rounds = after, 0

    def hyperparameters(self):
        return {}

    def log_prob(self, x):
        self.rounds += 1
        value = super().log_prob(x)
        if self.rounds > self.after:
            value = value + (self.mean.sum() * 0).sqrt()  # 0, of an endless slope
        return value


@pytest.mark.parametrize("rounds", [6, 9])
def test_nothing_endless_is_written(run, rows, rounds):
    with pytest.raises(FloatingPointError, match=r"not finite|is nan"):
        fit(
            Breaks(),
            rows,
            replace(run, rounds=rounds, checkpoint_every=2),
            evaluate=lambda m: {"f": float(m.mean.sum())},
        )
    found = state(run)
    assert found["number"] in (2, 4)
    assert all(x.isfinite().all() for x in found["model"].values())
    for line in (run.out / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_a_loss_that_is_no_number_leaves_a_checkpoint_that_goes_on(run, rows):
    """It has no gradient, so that the weights stay finite."""

    class Lost(Blob):
        rounds = 0

        def loss(self, x):
            Lost.rounds += 1
            extra = torch.tensor(torch.nan if Lost.rounds == 5 else 0.0)
            return {"nll": -self.log_prob(x).mean(), "extra": extra}

    plan = replace(run, rounds=9, log_every=100, checkpoint_every=2)
    with pytest.raises(FloatingPointError, match="round 4 the term 'extra'"):
        fit(Lost(), rows, plan)
    assert state(run)["number"] == 4
    fit(Lost(), rows, replace(plan, resume=True))
    assert state(run)["number"] == 9


def test_a_figure_that_is_no_number_is_not_the_best(run, rows):
    figures = iter([3.0, float("nan"), 2.0, float("nan")])
    plan = replace(run, rounds=4, evaluate_every=1)
    fit(Blob(), rows, plan, evaluate=lambda model: {"nats": next(figures)})
    assert json.loads((run.out / "best" / "config.json").read_text())["training"]["rounds"] == 3
    found = [line["nats"] for line in lines(run) if line["event"] == "figures"]
    assert found == [3.0, None, 2.0, None]


def test_several_checkpoints_are_kept_and_each_can_be_gone_back_to(rows, tmp_path):
    plan = Run(rounds=12, batch=64, checkpoint_every=2, keep=3, out=tmp_path / "x", device="cpu")
    fit(Blob(), rows, plan)
    assert state(plan)["number"] == 12
    earlier = sorted(path.name for path in (plan.out / "states").iterdir())
    assert earlier == ["00000008.pt", "00000010.pt"]
    end = artifact.read_weights(plan.out / "model.safetensors")
    shutil.copy(plan.out / "states" / "00000008.pt", plan.out / "state.pt")
    assert kept(plan.out / "states" / "00000010.pt", CPU).state["number"] == 10  # as it was
    fit(Blob(), rows, replace(plan, resume=True, keep=2))
    again = artifact.read_weights(plan.out / "model.safetensors")
    assert all(torch.equal(again[name], x) for name, x in end.items())
    assert [path.name for path in (plan.out / "states").iterdir()] == ["00000010.pt"]
    assert [line["round"] for line in lines(plan)] == [12]  # no line twice


def test_one_checkpoint_is_kept_by_default(run, rows):
    fit(Blob(), rows, replace(run, checkpoint_every=1))
    assert not (run.out / "states").exists()


@pytest.mark.parametrize("room", [10, 1000, 3000])
def test_a_disk_that_fills_up_leaves_the_checkpoint_before(run, rows, room):
    """No file may grow beyond some bytes, of about 4,000 of a state: a full disk, seen from inside."""
    whole = replace(run, out=run.out.with_name("whole"), rounds=9)
    fit(Blob(), rows, whole)
    fit(Blob(), rows, run)
    before = {path.name: path.read_bytes() for path in run.out.glob("*.*")}
    on = replace(run, rounds=9, resume=True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(OSError, match="too large") as error:
            fit(Blob(), rows, on)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(run.out) in str(error.value.filename)
    left = {path.name: path.read_bytes() for path in run.out.glob("*.*")}
    for name in ("state.pt", "model.safetensors", "config.json", "README.md"):
        assert left[name] == before[name]  # as a whole
    assert {*left} == {*before}  # and no draft
    fit(Blob(), rows, on)
    ends = [artifact.read_weights(one.out / "model.safetensors") for one in (run, whole)]
    assert all(torch.equal(ends[0][name], x) for name, x in ends[1].items())


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGHUP")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_after_its_round(run, rows, name):
    class Hung(Blob):
        rounds = 0

        def log_prob(self, x):
            Hung.rounds += 1
            if Hung.rounds == 3:
                os.kill(os.getpid(), getattr(signal, name))
            return super().log_prob(x)

    with pytest.raises(Interrupted) as stopped:
        fit(Hung(), rows, replace(run, ema=0.9))
    assert state(run)["number"] == 3
    assert stopped.value.model.training is False


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGHUP")
def test_nohup_is_respected(run, rows):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:

        class Hung(Blob):
            def log_prob(self, x):
                os.kill(os.getpid(), signal.SIGHUP)
                return super().log_prob(x)

        fit(Hung(), rows, run)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert state(run)["number"] == 6


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"clip": 0.0}, "clip is 0.0; more than 0"),
        ({"clip": -1.0}, "clip is -1.0"),
        ({"clip": float("nan")}, "clip is nan"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"lr": -1e-3}, "lr is -0.001"),
        ({"lr": float("inf")}, "lr is inf"),
        ({"minutes": float("nan")}, "minutes is nan"),
        ({"ema": 1.0}, "ema is 1.0"),
        ({"ema": -0.1}, "ema is -0.1"),
        ({"seed": 2**63}, "seed is"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, said):
    with pytest.raises(Refused, match=said):
        Run(**{"rounds": 3, **wrong})


def test_a_device_without_numbers_is_refused(run, rows):
    with pytest.raises(Refused, match="'meta'"):
        fit(Blob(), rows, replace(run, device="meta"))
    assert not run.out.exists()


def test_a_run_of_no_rounds_is_not_evaluated(run, rows):
    looks = []
    fit(Blob(), rows, replace(run, rounds=0), evaluate=lambda model: looks.append(1) or {"f": 1.0})
    assert looks == []
