"""The thousand modes: by counting, on real digits, on collapsed samples, on noise."""

import math

import pytest
import torch

from genus.core import GenerativeModel
from genus.data import load
from genus.measure import evaluate, pacing, scores
from genus.measure.samples.stacked import SAMPLES, channel_oracle, stacked_figures, stacked_values

N = 3000


@pytest.fixture(scope="module")
def split():
    return load("stacked_digits").test


def figures(made, split):
    judge = channel_oracle(split)
    assert judge is not None
    train = load("stacked_digits").train
    return {
        f.name: f for f in stacked_figures(judge, made, train, split, {"data": "stacked_digits"})
    }


def test_modes_and_divergence_by_counting():
    classes = torch.tensor([[0, 1], [0, 1], [1, 0], [2, 2]])
    found = stacked_values(classes, 3)
    assert found["modes"] == 3
    wanted = 0.5 * math.log(0.5 * 9) + 2 * 0.25 * math.log(0.25 * 9)
    assert found["mode_kl"] == pytest.approx(wanted)
    every = torch.cartesian_prod(*[torch.arange(10)] * 3)
    assert stacked_values(every, 10) == pytest.approx({"modes": 1000, "mode_kl": 0.0})
    assert stacked_values(every[:1].repeat(50, 1), 10) == pytest.approx(
        {"modes": 1, "mode_kl": math.log(1000)}
    )


def test_other_real_rows_are_at_the_floor(split):
    found = figures(load("stacked_digits").train.batch(7, N, 5)[0], split)
    for name, apart in (("modes", 0.03), ("mode_kl", 0.1), ("channel_frechet", 0.5)):
        assert found[name].value == pytest.approx(found[name].floor, rel=apart), name
    # the expectation of the divergence of n draws from k equal classes is (k - 1) / 2n, and no less
    assert found["mode_kl"].floor > 999 / (2 * N)
    assert found["modes"].protocol["samples"] == N


def test_dropped_modes_are_missed(split):
    made, number = split.labelled().batch(1, N, 0)
    one = made[number // 100 != 4]
    found = figures(one, split)
    assert found["modes"].value < 0.95 * found["modes"].floor
    assert found["mode_kl"].value > found["mode_kl"].floor + 0.07  # log(10 / 9) = 0.105
    assert found["channel_frechet"].value > found["channel_frechet"].floor


def test_a_channel_in_the_wrong_place_is_another_mode(split):
    made, number = split.labelled().batch(0, N, 0)
    made = made[number == number[0]]
    turned = figures(torch.cat([made, made.roll(1, 1)]), split)
    assert turned["modes"].value >= 2


def test_noise_has_modes_and_no_looks(split):
    torch.manual_seed(0)
    noise = split.space.quantise(2 * torch.rand(N, 3, 8, 8) - 1)
    found = figures(noise, split)
    assert found["channel_frechet"].value > 20 * found["channel_frechet"].floor


class Repeats(GenerativeModel):
    """Real rows of the training split."""

    def __init__(self, split):
        super().__init__()
        self.space, self.split = split.space, split
        self.register_buffer("calls", torch.zeros(()))

    def sample(self, n):
        return self.split.batch(torch.randint(10**6, ()).item(), n, 1)[0]


def test_evaluate_gives_them(monkeypatch):
    assert pacing.STACKED == SAMPLES == 26_000
    monkeypatch.setattr(pacing, "STACKED", 9000)
    data = load("stacked_digits")
    found = {f.name: f for f in evaluate(Repeats(data.train), data, samples=100)}
    assert found["modes"].protocol["samples"] == 9000
    assert found["modes"].floor == 1000
    assert found["modes"].value >= 999
    assert found["mode_kl"].value < 0.08
    assert found["channel_frechet"].value < 1


def test_a_run_looks_at_them():
    """The leading figure is smaller for more modes."""
    data = load("stacked_digits")
    look = scores(data.validation)
    torch.manual_seed(0)
    good = look(Repeats(data.train))
    assert next(iter(good)) == "mode_kl"
    assert good["modes"] > 980
    assert good["mode_kl"] == pytest.approx(999 / 10_000, abs=0.02)
