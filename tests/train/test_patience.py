"""Which weights a run ends with: those of its best evaluation, also when it was stopped, or its last."""

import json

import pytest
import torch

from genus.core import Bits, Reals
from genus.data import Rows
from genus.energy import RBM
from genus.flow import LU, Flow
from genus.report.curves import curves
from genus.train import Run, artifact, fit
from genus.train.best import Best, overfits

FIGURES = [5.0, 3.0, 4.0, 2.0, 2.5, 2.5, 2.5, 1.0]


class Told:
    """An evaluation whose figures are told, and which keeps the weights that it saw."""

    def __init__(self, begin=0):
        self.number, self.seen = begin, []

    def __call__(self, model):
        self.seen.append({name: x.clone() for name, x in model.state_dict().items()})
        self.number += 1
        return {"nats": FIGURES[self.number - 1]}


def trained(evaluate, **settings):
    torch.manual_seed(0)
    model, rows = Flow(Reals((2,)), [LU(2)]), Rows(torch.randn(64, 2) + 3, Reals((2,)))
    run = Run(batch=8, lr=0.1, evaluate_every=5, **settings)
    return fit(model, rows, run, evaluate=evaluate)


def same(model, weights):
    return all(torch.equal(x, weights[name]) for name, x in model.state_dict().items())


def test_it_waits_and_then_takes_the_best(tmp_path):
    told = Told()
    model = trained(told, rounds=1000, patience=3, out=tmp_path / "run")
    assert told.number == 7  # the best is the fourth
    assert same(model, told.seen[3])
    assert same(artifact.load(tmp_path / "run"), told.seen[3])
    assert artifact.read_config(tmp_path / "run")["metrics"] == {"nats": 2.0}


def test_without_patience_too_where_the_figure_is_a_likelihood(tmp_path):
    told, out = Told(), tmp_path / "run"
    model = trained(told, rounds=30, out=out)
    assert told.number == 6
    assert same(model, told.seen[3])
    assert same(artifact.load(out), told.seen[3])
    config = artifact.read_config(out)
    assert (config["training"]["rounds"], config["training"]["best_round"]) == (30, 20)
    assert config["metrics"] == {"nats": 2.0}
    assert '"event": "ended", "round": 30' in (out / "metrics.jsonl").read_text()
    length = len((out / "metrics.jsonl").read_text())
    again = trained(Told(6), rounds=30, out=out, resume=True)
    assert same(again, told.seen[3])
    assert len((out / "metrics.jsonl").read_text()) == length  # it says so once
    on = trained(Told(6), rounds=40, out=out, resume=True)  # from its last weights, not its best
    assert same(on, trained(Told(), rounds=40).state_dict())
    assert not same(on, told.seen[3])
    assert artifact.read_config(out)["training"].get("best_round") is None  # the last is the best


def test_a_resumed_run_ends_with_what_it_is_asked_for_now(tmp_path):
    told, out = Told(), tmp_path / "run"
    trained(told, rounds=30, out=out, ends_with="last")
    best = trained(Told(6), rounds=30, out=out, ends_with="best", resume=True)
    assert same(best, told.seen[3])  # from best/, as its state has none
    last = trained(Told(6), rounds=30, out=out, ends_with="last", resume=True)
    assert same(last, told.seen[5])
    assert "best_round" not in artifact.read_config(out)["training"]
    assert '"ended"' not in (out / "metrics.jsonl").read_text()


def test_a_run_that_goes_on_does_not_say_that_it_had_ended(tmp_path):
    out, whole = tmp_path / "run", tmp_path / "whole"
    trained(Told(), rounds=30, out=out)
    trained(Told(6), rounds=35, out=out, resume=True)
    trained(Told(), rounds=35, out=whole)
    logs = [
        [json.loads(line) for line in (one / "metrics.jsonl").read_text().splitlines()]
        for one in (out, whole)
    ]
    told = [[(line["event"], line["round"]) for line in log] for log in logs]
    assert told[0] == told[1]
    assert told[0][-1] == ("ended", 35)
    assert "best_round" not in str(curves(out / "metrics.jsonl"))


@pytest.mark.parametrize(
    ("name", "ends_with", "kept"),
    [
        ("nats", "auto", 3),
        ("bits_per_dim", "auto", 3),
        ("frechet", "auto", 5),
        ("frechet", "best", 3),
        ("nats", "last", 5),
    ],
)
def test_which_weights_a_run_ends_with(name, ends_with, kept):
    told = Told()

    def renamed(model):
        return {name: told(model)["nats"]}

    model = trained(renamed, rounds=30, ends_with=ends_with)
    assert same(model, told.seen[kept])


def test_an_estimate_of_a_likelihood_is_no_reason():
    best = Best(None)
    assert best.keeps("nats", Flow(Reals((2,)), [LU(2)]))
    assert not best.keeps("nats", RBM(Bits((4,)), hidden=3))  # its nats are a quick estimate


def test_the_average_is_what_ends_with_its_best(tmp_path):
    told = Told()
    model = trained(told, rounds=30, ema=0.5, out=tmp_path / "run")
    assert same(model, told.seen[3])
    assert same(artifact.load(tmp_path / "run"), told.seen[3])


def test_a_run_that_went_on_ends_in_the_same_weights(tmp_path):
    whole = trained(Told(), rounds=35, patience=5)
    trained(Told(), rounds=25, patience=5, out=tmp_path / "run")
    told = Told(5)
    model = trained(told, rounds=35, patience=5, out=tmp_path / "run", resume=True)
    assert same(model, whole.state_dict())


def test_what_a_run_ends_with_is_one_of_three():
    with pytest.raises(ValueError, match="ends_with is 'first'; auto, best or last is wanted"):
        Run(rounds=1, ends_with="first")


def test_patience_is_at_least_one():
    with pytest.raises(ValueError, match="patience is 0; at least 1 is wanted"):
        Run(rounds=1, patience=0)


def of(*values, name="nats"):
    """Lines of a log with these figures."""
    return [{"event": "figures", "round": 100 * i, name: x} for i, x in enumerate(values, 1)]


def test_overfitting_is_told():
    told = overfits([{"event": "losses", "round": 3}, *of(110, 100, 99, 103, 107)], kept=None)
    assert told.startswith("nats of validation rows were 99 after round 300, and are 107 now")
    assert "--ends-with best" in told
    assert "the run ends with the weights of round 300" in overfits(
        of(110, 100, 99, 103, 107), kept=300
    )


def test_overfitting_is_told_at_once(capsys):
    told = [110.0, 100.0, 99.0, 103.0, 107.0, 111.0, 112.0]
    trained(lambda _: {"nats": told.pop(0)}, rounds=35, progress=True)
    lines = capsys.readouterr().err + capsys.readouterr().out
    assert "learns its rows by heart; the run ends with the weights of round 15" in lines


@pytest.mark.parametrize(
    "lines",
    [
        [],
        of(110, 100),
        of(110, 100, 95, 90),
        of(110, 100, 90, 90.5, 90.2),  # noise
        of(110, 100, 90, 99),  # may be the last evaluation alone
        of(5.0, 1.0, 3.0, 4.0, name="frechet"),  # of a game
    ],
)
def test_no_overfitting_is_told_without_it(lines):
    assert overfits(lines, kept=None) == ""


def test_divergence_is_told():
    told = overfits(of(3.9e6, 1.5e7, 3.9e7), kept=None)
    assert told.startswith(
        "nats of validation rows were 3.9e+06 after round 100, and are 3.9e+07 now: the run div"
    )
    assert "diverges" not in overfits(of(3.9, 1.5, 7.0), kept=None)
