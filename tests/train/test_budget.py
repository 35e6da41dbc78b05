"""A run of minutes: its last evaluation and picture are a part of them."""

import json
import subprocess
import sys
import time

import pytest
import torch
from clocks import Clock
from games import Blob
from laws import rows_for

from genus.errors import Refused
from genus.train.budget import Budget
from genus.train.fit import fit
from genus.train.keeping.state import kept
from genus.train.run import Run, worked


def takes(clock, seconds):
    """Optimisers of which a step takes some seconds of a clock."""

    class Slow(torch.optim.SGD):
        def step(self, closure=None):
            clock.time += seconds
            super().step(closure)

    return lambda name, parameters: Slow(parameters, lr=0.01)


class Scores:
    """An evaluation of a row a second, that can do with fewer rows."""

    def __init__(self, clock, rows):
        self.clock, self.rows, self.asked = clock, rows, []

    def __call__(self, model):
        self.clock.time += self.rows
        return {"figure": 1.0}

    def seconds(self, model):
        return float(self.rows)

    def within(self, model, seconds):
        self.asked.append(seconds)
        self.clock.time += min(self.rows, seconds)
        return {"figure": 1.0}


@pytest.mark.parametrize("rows", [0.01, 3, 600])
@pytest.mark.parametrize("sample", [0.001, 0.05, 1.0])
@pytest.mark.parametrize("minutes", [0.5, 1, 10])
def test_a_run_of_minutes_takes_these_minutes(tmp_path, minutes, sample, rows):
    clock, round_ = Clock(), 0.4 * minutes  # seconds

    def picture(model, path, n=None):
        path.write_bytes(b"")
        clock.time += sample * (n or 64)

    run = Run(minutes=minutes, evaluate_every=10**9, checkpoint_every=10**9, out=tmp_path / "x",
              log_every=10**9, device="cpu")  # fmt: skip
    scores = Scores(clock, rows)
    fit(
        Blob(),
        rows_for(Blob()),
        run,
        optimizers=takes(clock, round_),
        evaluate=scores,
        picture=picture,
        clock=clock,
    )
    taken = clock.time - 100
    assert 0.9 * 60 * minutes <= taken <= 1.1 * 60 * minutes + round_
    assert scores.asked == [pytest.approx(6 * minutes)] * 2  # in the first quarter, and at the end
    lines = [json.loads(x) for x in (tmp_path / "x" / "metrics.jsonl").read_text().splitlines()]
    first = next(line for line in lines if line["event"] == "figures")
    assert first["seconds"] <= 60 * minutes * 0.6


def test_an_evaluation_that_cannot_be_cut_is_waited_for_once(tmp_path):
    clock = Clock()

    def evaluate(model):
        clock.time += 20
        return {"figure": 1.0}

    run = Run(minutes=2, evaluate_every=10**9, out=tmp_path / "x", device="cpu")
    fit(Blob(), rows_for(Blob()), run, optimizers=takes(clock, 0.5), evaluate=evaluate, clock=clock)
    assert clock.time - 100 == pytest.approx(120, abs=1)


def test_a_run_whose_time_is_over_does_not_train_on(tmp_path):
    """So a second stage that is resumed finds its first one as it was."""
    clock = Clock()
    run = Run(minutes=1, out=tmp_path / "x", device="cpu")
    fit(
        Blob(),
        rows_for(Blob()),
        run,
        optimizers=takes(clock, 0.5),
        evaluate=Scores(clock, 5),
        clock=clock,
    )
    first = kept(tmp_path / "x" / "state.pt", torch.device("cpu")).state
    assert first["seconds"] >= 60
    more = Run(minutes=1, out=tmp_path / "x", device="cpu", resume=True)
    fit(
        Blob(),
        rows_for(Blob()),
        more,
        optimizers=takes(clock, 0.5),
        evaluate=Scores(clock, 5),
        clock=clock,
    )
    again = kept(tmp_path / "x" / "state.pt", torch.device("cpu")).state
    assert again["number"] == first["number"]
    assert torch.equal(again["model"]["mean"], first["model"]["mean"])


def test_a_run_of_rounds_has_no_budget():
    budget = Budget(None, Clock())
    assert not budget.over(1e9, 1e9)
    assert not budget.wants_evaluation(1e9)
    assert budget.share() is None
    assert budget.spent(3.0) == 3


@pytest.mark.parametrize(("rows", "words"), [(3, False), (240, True)])
def test_a_long_evaluation_is_announced_in_a_run_of_rounds(capsys, rows, words):
    clock = Clock()
    run = Run(rounds=30, evaluate_every=10, progress=True, device="cpu")
    fit(
        Blob(),
        rows_for(Blob()),
        run,
        optimizers=takes(clock, 0.5),
        evaluate=Scores(clock, rows),
        clock=clock,
    )
    sentence = (
        "the evaluation takes about 240 s, and comes every 10 rounds: --evaluate-every sets how "
        "often, and a run of --minutes takes fewer rows"
    )
    assert capsys.readouterr().err.count(sentence) == words


def test_the_processors_clock_counts_work_and_no_waiting():
    begun = worked()
    time.sleep(0.3)
    assert worked() - begun < 0.2
    busy = "import time\nwhile time.process_time() < 0.4: pass"
    subprocess.run([sys.executable, "-S", "-c", busy], check=True)
    assert worked() - begun >= 0.3


def test_a_run_names_its_clock():
    assert Run(rounds=1).time is time.perf_counter
    assert Run(rounds=1, clock="processor").time is worked
    with pytest.raises(Refused, match="clock is 'sun'; wall or processor is wanted"):
        Run(rounds=1, clock="sun")  # pyright: ignore[reportArgumentType]
