"""A run with patience ends with the weights of its best evaluation, also when it was stopped."""

import pytest
import torch

from genus.core import Reals
from genus.data import Rows
from genus.flow import LU, Flow
from genus.train import Run, artifact, fit
from genus.train.best import overfits

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


def test_without_patience_the_last_weights_are_kept():
    told = Told()
    model = trained(told, rounds=30)
    assert told.number == 6
    assert same(model, told.seen[5])


def test_a_run_that_went_on_ends_in_the_same_weights(tmp_path):
    whole = trained(Told(), rounds=35, patience=5)
    trained(Told(), rounds=25, patience=5, out=tmp_path / "run")
    told = Told(5)
    model = trained(told, rounds=35, patience=5, out=tmp_path / "run", resume=True)
    assert same(model, whole.state_dict())


def test_patience_is_at_least_one():
    with pytest.raises(ValueError, match="patience is 0; at least 1 is wanted"):
        Run(rounds=1, patience=0)


def of(*values, name="nats"):
    """Lines of a log with these figures."""
    return [{"event": "figures", "round": 100 * i, name: x} for i, x in enumerate(values, 1)]


def test_overfitting_is_told():
    told = overfits([{"event": "losses", "round": 3}, *of(110, 100, 99, 103, 107)], kept=False)
    assert told.startswith("nats of validation rows were 99 after round 300, and are 107 now")


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
    assert overfits(lines, kept=False) == ""
    assert overfits(of(110, 100, 99, 103, 107), kept=True) == ""


def test_divergence_is_told():
    told = overfits(of(3.9e6, 1.5e7, 3.9e7), kept=False)
    assert told.startswith(
        "nats of validation rows were 3.9e+06 after round 100, and are 3.9e+07 now: the run div"
    )
    assert "diverges" not in overfits(of(3.9, 1.5, 7.0), kept=False)
