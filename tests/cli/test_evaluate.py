"""What `genus evaluate` says while it works."""

import time

import pytest

from genus.cli.evaluate import Waiting, duration
from genus.measure.likelihood.likelihood import THOROUGH
from genus.measure.pacing import Plan


def test_long_measurements_are_announced(capsys):
    whole = Plan(10_000, 0, 1000, THOROUGH, {"likelihood": 1500.0})
    with Waiting("evaluate") as witness:
        witness.plans(whole._replace(rows=500, costs={"likelihood": 75.0}), whole)
        witness.begins("likelihood")
    assert capsys.readouterr().err == (
        "genus: evaluate: takes about 75 s, with 500 of 10,000 test rows; --minutes 0 measures all, "
        "in about 25 minutes\n"
    )
    with Waiting("evaluate") as witness:
        witness.plans(whole._replace(costs={"likelihood": 3.0}), whole)
    assert capsys.readouterr().err == ""


def test_waiting_tells_the_time(capsys, monkeypatch):
    monkeypatch.setattr("genus.cli.evaluate.PAUSE", 0.02)
    whole = Plan(10, 0, 10, THOROUGH, {"samples": 7.0})
    with Waiting("evaluate") as witness:
        witness.plans(whole, whole)
        witness.begins("samples")
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "genus: evaluate: takes about 7 s"
    assert lines[-1] == "genus: evaluate: samples, 0 s of about 7 s"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "about a second"), (99, "about 99 s"), (1500, "about 25 minutes"), (7e4, "about 19 hours")],
)  # fmt: skip
def test_durations(seconds, words):
    assert duration(seconds) == words
