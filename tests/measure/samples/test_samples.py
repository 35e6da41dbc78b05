"""Measures of samples: what each is blind to and what it sees, on features of known kinds."""

import math

import pytest
import torch

from genus.measure.oracles import OracleOutput
from genus.measure.samples import samples
from genus.measure.samples.samples import (
    as_drawn,
    class_kl,
    classes_covered,
    diversity,
    fidelity,
    frechet_distance,
    kernel_distance,
    memorisation,
    sample_figures,
)


def features(n, shift=0.0):
    return torch.randn(n, 4, dtype=torch.float64) + shift


def seen(n, shift=0.0, classes=3):
    label = torch.randint(classes, (n,))
    return OracleOutput(features(n, shift) + 5 * label[:, None], label)


def test_diversity_does_not_depend_on_the_memory(monkeypatch):
    rows = seen(200)
    whole = diversity(rows)
    monkeypatch.setattr(samples, "AT_ONCE", 300)
    assert diversity(rows) == pytest.approx(whole)


def test_frechet_of_shifted_gaussians_and_its_error():
    """|shift|^2 d, up to a bias that falls with n; the error is that over draws of the samples."""
    real = features(20_000)
    assert frechet_distance(real, features(20_000, 0.5)).value == pytest.approx(1.0, abs=0.05)
    found = [frechet_distance(real, features(300, 0.5)) for _ in range(60)]
    values = torch.tensor([one.value for one in found])
    errors = torch.tensor([one.error for one in found])
    assert 0.7 < errors.mean() / values.std() < 1.4


def test_kernel_distance_of_the_same_distribution_is_around_zero():
    one = kernel_distance(features(400), features(300))
    assert abs(one.value) < 5 * one.error
    far = kernel_distance(features(400), features(300, 0.5))
    assert far.value > 5 * far.error


def test_class_kl():
    real = torch.tensor([0] * 10 + [1] * 10)
    made = torch.tensor([0] * 15 + [1] * 5)
    truth = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert class_kl(real, made, 2).value == pytest.approx(truth)
    assert class_kl(real, real, 2).value == 0
    assert class_kl(real, made[:15], 2).value == pytest.approx(math.log(2))


def test_a_class_is_covered_by_a_tenth_of_its_share():
    real = torch.arange(10).repeat(10)
    made = torch.tensor([0] * 980 + [1] * 11 + [2] * 9)
    assert classes_covered(real, made, 10) == 2
    assert classes_covered(real, real, 10) == 10


def test_diversity_is_the_distance_within_classes():
    x = torch.tensor([[0.0], [3.0], [100.0], [101.0]], dtype=torch.float64)
    label = torch.tensor([0, 0, 1, 1])
    assert diversity(OracleOutput(x.repeat(5, 1), label.repeat(5))).value == pytest.approx(
        2 * 50 / 90
    )
    assert diversity(OracleOutput(x, torch.arange(4))).value == 0


def test_memorisation_sees_copies():
    train, test = features(500), features(200)
    assert memorisation(train, test, train[:100]).value == 0
    near = memorisation(train, test, train[:100] + 0.01 * features(100))
    assert near.value < 0.1
    fresh = memorisation(train, test, features(300))
    assert abs(fresh.value - 1) < 5 * fresh.error + 0.1
    assert memorisation(train, test, features(100, 3.0)).value > 1.5


def test_equal_samples_are_perfect():
    real = seen(200)
    found = {name: one.value for name, one in fidelity(real, real, 3, 5).items()}
    assert abs(found["frechet"]) < 1e-9
    assert found["precision"] == found["recall"] == found["coverage"] == 1
    assert found["classes"] == 3
    assert found["class_kl"] == 0


def test_floor_rows_are_different_and_leave_classes_to_chance():
    label = torch.arange(10).repeat(130)
    rows = as_drawn(label, 1000, 0)
    assert len(rows.unique()) == len(rows) == 1000
    counts = label[rows].bincount()
    assert 5 < counts.double().std() < 15  # a fixed share would have no spread
    assert torch.equal(rows, as_drawn(label, 1000, 0))
    assert not torch.equal(rows, as_drawn(label, 1000, 1))
    assert len(as_drawn(label[:50], 1000, 0)) == 50


def test_all_figures_have_floors_protocol_and_direction():
    train, test = seen(400), seen(150)
    found = sample_figures(seen(200), train, test, 3, {"data": "toy"}, k=3)
    assert {f.name for f in found} == {
        "frechet", "kernel_distance", "precision", "recall", "density", "coverage", "classes",
        "class_kl", "diversity", "memorisation",
    }  # fmt: skip
    assert all(f.floor is not None and f.better and f.sign == "~" for f in found)
    assert all(f.protocol["samples"] == 200 and f.protocol["neighbours"] == 3 for f in found)
    good = {f.name: f for f in found}
    bad = {f.name: f for f in sample_figures(seen(200, 9.0), train, test, 3, {"data": "toy"}, k=3)}
    for name in ("frechet", "kernel_distance"):
        assert bad[name].value > 10 * max(good[name].value, good[name].floor)


def test_samples_on_demand_are_checked():
    made, test = seen(200), seen(150)
    wanted = made.classes.clone()
    wanted[:50] = (wanted[:50] + 1) % 3
    found = sample_figures(made, seen(400), test, 3, {}, wanted=wanted, labels=test.classes)
    right = found[-1]
    assert (right.name, right.value, right.floor) == ("right_class", 0.75, 1.0)


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="5 samples and 150 test rows; more than 10"):
        sample_figures(seen(5), seen(400), seen(150), 3, {})
