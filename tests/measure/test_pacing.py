"""How much of a measurement fits into a time, and that what is left out is said."""

import time

import pytest
import torch
from clocks import Clock

from genus.core import GenerativeModel
from genus.data import load
from genus.energy import RBM
from genus.measure import evaluate, scores
from genus.measure.likelihood.likelihood import THOROUGH, Effort
from genus.measure.pacing import Asked, Cost, Plan, cut, passes, rounded, shared, trial, within
from genus.vae import VAE


@pytest.fixture(scope="module")
def moons():
    return load("moons")


class Slow(GenerativeModel):
    """Knows the truth of a toy, and takes its time to say it, or to sample."""

    def __init__(self, data, scoring=0.0, sampling=0.0):
        super().__init__()
        self.data, self.scoring, self.sampling, self.space = data, scoring, sampling, data.space
        self.scored = 0

    def log_prob(self, x):
        time.sleep(self.scoring * len(x))
        self.scored += len(x)
        return self.data.log_prob(x)

    def sample(self, n):
        time.sleep(self.sampling * n)
        return self.data.train.batch(0, n, 7)[0] + 0.01 * torch.randn(n, 2)


class Unscored(Slow):
    """Only samples."""

    def promises(self):
        return {"sample"}


def by_name(figures):
    return {f.name: f for f in figures if f.name != "samples_per_second"}


@pytest.mark.parametrize("own", [0.0, 2.0])
def test_a_trial_finds_the_pace(own):
    clock = Clock()
    torch.manual_seed(3)
    before = torch.get_rng_state()

    def work(n):
        torch.rand(5)
        clock.time += own + 0.1 * n

    pace = trial(work, 10_000, 60.0, clock)
    assert pace.whole == pytest.approx(own + 1000, rel=0.01)
    assert pace.each == pytest.approx(pace.whole / 10_000)
    assert clock.time - 100 < 60 + own
    assert torch.equal(before, torch.get_rng_state())


def test_a_trial_of_dear_work_is_short():
    clock, done = Clock(), []

    def work(n):
        done.append(n)
        clock.time += 30.0 * n

    assert trial(work, 100, 10.0, clock).each == 30
    assert done == [1]
    done.clear()
    assert trial(lambda n: done.append(n), 100, 10.0, Clock(0.001)).whole < 1
    assert done == [1, 1, 8, 64]


def test_time_is_shared_so_that_what_is_cheap_is_whole():
    assert shared({"a": 5, "b": 100, "c": 200}, 105) == {"a": 5, "b": 50, "c": 50}
    assert shared({"a": 5, "b": 10}, 105) == {"a": 5, "b": 10}


@pytest.mark.parametrize(
    ("count", "most", "least", "wanted"),
    [(3456, 10_000, 1, 3000), (0.3, 10, 1, 1), (0.3, 10, 4, 4), (99, 60, 1, 60), (17, 99, 1, 15),
     (950, 1297, 1, 800)],
)  # fmt: skip
def test_numbers_are_round(count, most, least, wanted):
    assert rounded(count, most, least) == wanted


def test_rows_are_saved_before_draws():
    model = VAE(load("digits").space, 2)
    assert passes(model, THOROUGH) == 116
    row = Cost(1 / 116, "rows")  # a second for each row
    assert cut(model, 10_000, THOROUGH, row, 20_000) == (10_000, THOROUGH)
    assert cut(model, 10_000, THOROUGH, row, 5000) == (5000, THOROUGH)
    assert cut(model, 10_000, THOROUGH, row, 110) == (1000, Effort(1, 10))
    rows, effort = cut(model, 10_000, THOROUGH, row, 4)
    assert effort == Effort(1, 5)
    assert rows * passes(model, effort) / 116 == pytest.approx(4, rel=0.3)
    assert cut(model, 10_000, THOROUGH, row, 1100, fixed=True) == (10_000, Effort(1, 10))
    step = Cost(0.01, "betas")
    assert cut(model, 300, THOROUGH, step, 40.1) == (300, THOROUGH._replace(betas=2000))


def test_what_was_asked_for_stays():
    model = Slow(load("moons"))
    whole = Plan(10_000, 0, 1000, THOROUGH, {"likelihood": 1e4, "samples": 1e3})
    one = Cost(1.0, "rows")
    plan = within(model, whole, one, Asked(None, None, THOROUGH, 125))
    assert plan == Plan(50, 0, 100, THOROUGH, {"likelihood": 50, "samples": 100})
    assert plan.fewer_than(whole) == ["50 of 10,000 test rows", "100 of 1,000 samples"]
    asked = Asked(10_000, 1000, THOROUGH, 125)
    assert within(model, whole, one, asked)[:4] == whole[:4]


def test_fewer_rows_are_a_part_of_the_protocol(moons):
    found = by_name(evaluate(Slow(moons, 1e-4), moons, minutes=0.005, samples=100))
    rows = found["nll"].protocol["rows"]
    assert 20 <= rows < len(moons.test)
    again = by_name(evaluate(Slow(moons), moons, rows=rows, samples=100))
    assert found == again


def test_fewer_samples_too(moons):
    model = Slow(moons, sampling=1e-3)
    speed = next(f for f in evaluate(model, moons, minutes=0.005) if f.unit == "rows/s")
    assert 100 <= speed.protocol["samples"] < 1000


@pytest.mark.parametrize("name", ["moons", "digits"])
def test_with_enough_time_all_is_measured_as_without(name):
    data = load(name)
    model = VAE(data.space, 2) if name == "digits" else Slow(data)
    effort = Effort(1, 2, 10, 5)
    plain = by_name(evaluate(model, data, effort=effort))
    assert plain == by_name(evaluate(model, data, effort=effort, minutes=60))
    assert plain == by_name(evaluate(model, data, effort=effort, minutes=0))
    assert plain["nll"].protocol["rows"] == len(data.test)


def test_an_annealing_path_becomes_shorter():
    data = load("digits").binarised()
    model = RBM(data.space, hidden=8, burn_in=5)
    figures = by_name(evaluate(model, data, minutes=0.005, samples=50, rows=50))
    settings = figures["nll"].estimator["settings"]
    assert settings["betas"] in range(100, 10_000)
    assert figures["nll"].protocol["rows"] == 50


def test_numbers_that_make_no_sense_are_refused(moons):
    for option in ({"rows": 0}, {"samples": 0}, {"minutes": -1}):
        with pytest.raises(ValueError, match=f"evaluate: {next(iter(option))} is"):
            evaluate(Slow(moons), moons, **option)


# --- during training --------------------------------------------------------------------------


def test_scores_within_a_time(moons):
    look = scores(moons.validation)
    whole = look(Slow(moons))
    assert look.within(Slow(moons), 100.0) == whole
    brief = scores(moons.validation)
    model = Slow(moons, 1e-3)
    found = brief.within(model, 0.1)
    assert 8 <= found["rows"] < 200
    assert found["nats"] == -moons.log_prob(brief.batch[0][: int(found["rows"])]).double().mean()
    model.scored = 0
    assert brief.within(model, 0.1) == found  # equally many each time, and no other trial
    assert model.scored == found["rows"]
    assert 0.5 < scores(moons.validation).seconds(model) < 2


def test_scores_of_samples_within_a_time(moons, monkeypatch):
    look = scores(moons.validation)
    assert list(look.within(Unscored(moons, sampling=1e-3), 0.1)) == ["energy_distance", "samples"]
    monkeypatch.setattr(type(look), "_figures", lambda self, model, amount: {})
    assert look.within(Unscored(moons, sampling=1e-3), 0.1) == {}  # a number of nothing
