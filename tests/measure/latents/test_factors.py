"""Disentanglement: against scikit-learn's information, and codes whose figures are known."""

import pytest
import torch
from sklearn.metrics import mutual_info_score

from genus.data import load
from genus.errors import Refused
from genus.measure.latents.factors import (
    binned,
    disentanglement,
    entropy,
    information,
    known_factors,
)


def planted(n=4000, values=(4, 3, 5)):
    torch.manual_seed(0)
    return {f"v{k}": torch.randint(0, number, (n,)) for k, number in enumerate(values)}


def turned(codes):
    """The same code, of which every unit is mixed with every other."""
    torch.manual_seed(1)
    mix = torch.linalg.qr(torch.randn(codes.shape[1], codes.shape[1]))[0]
    return codes @ mix


def test_information_is_scikit_learns_without_its_bias():
    a, b = planted()["v0"], planted()["v2"]
    b = torch.where(torch.rand(len(b)) < 0.5, a, b)
    bias = 3 * 4 / (2 * len(a))
    assert information(a, b).item() == pytest.approx(mutual_info_score(a, b) - bias, abs=1e-12)
    assert information(a, a).item() == pytest.approx(entropy(a).item() - 9 / (2 * len(a)))


def test_independent_columns_tell_nothing_in_the_mean():
    """Without the correction twenty bins and ten values would tell 0.04 nats in 2,000 rows."""
    torch.manual_seed(0)
    pairs = [(torch.randint(0, 20, (2000,)), torch.randint(0, 10, (2000,))) for _ in range(40)]
    found = torch.stack([information(a, b) for a, b in pairs]).mean()
    assert found < 0.004
    assert sum(mutual_info_score(a, b) for a, b in pairs) / 40 > 0.035


def test_bins_are_of_equal_width():
    assert binned(torch.tensor([0.0, 0.09, 0.11, 0.5, 1.0]), 10).tolist() == [0, 0, 1, 5, 9]
    assert binned(torch.ones(3), 10).tolist() == [0, 0, 0]


def test_a_code_that_is_the_factors_has_all_of_them():
    factors = planted()
    codes = torch.stack([v.float() + 0.05 * torch.randn(len(v)) for v in factors.values()], 1)
    found = disentanglement(torch.cat([codes, torch.randn(len(codes), 1)], 1), factors)
    assert found.gap > 0.95
    assert min(found.disentanglement, found.completeness) > 0.9
    assert found.informativeness > 0.99
    assert found.chance == pytest.approx((1 / 4 + 1 / 3 + 1 / 5) / 3, abs=0.03)
    assert (found.told.argmax(0) == torch.arange(3)).all()


def test_a_turned_code_tells_as_much_and_is_entangled():
    factors = planted()
    codes = torch.stack([v.float() / v.max() for v in factors.values()], 1)
    codes = codes + 0.01 * torch.randn_like(codes)
    straight, mixed = disentanglement(codes, factors), disentanglement(turned(codes), factors)
    assert mixed.informativeness > 0.95
    assert mixed.gap < 0.35 < straight.gap
    assert mixed.disentanglement < 0.5 < straight.disentanglement
    assert mixed.completeness < 0.5 < straight.completeness


def test_one_factor_in_two_units_is_not_complete():
    factors = planted()
    v = factors["v0"].float()
    codes = torch.stack([v + 0.1 * torch.randn(len(v)) for _ in range(2)], 1)
    found = disentanglement(codes, {"v0": factors["v0"]})
    assert found.gap < 0.05
    assert found.completeness < 0.1
    assert found.disentanglement == 1  # each unit tells of one factor alone


def test_noise_reads_nothing():
    factors = planted()
    found = disentanglement(torch.randn(4000, 3), factors)
    assert found.gap < 0.01
    assert found.informativeness < found.chance + 0.03


@pytest.mark.parametrize("world", ["portraits_six", "scenes_six"])
def test_the_six_factors_of_a_world_are_independent(world):
    split = load(f"{world}?rows=3000&size=16&cache=0").train
    factors = known_factors(split, world)
    assert len(factors) == 6
    for name, values in factors.items():
        for other, others in factors.items():
            told = information(values, others)
            assert told < 0.02 if name != other else told > 0.5


def test_what_cannot_be_measured_is_refused():
    codes, factors = torch.randn(50, 3), {"v": torch.arange(50) % 2}
    with pytest.raises(Refused, match="codes are"):
        disentanglement(codes[:, :1], factors)
    with pytest.raises(Refused, match="rows is 9"):
        disentanglement(codes[:9], {"v": factors["v"][:9]})
    with pytest.raises(Refused, match="v has 1 values"):
        disentanglement(codes, {"v": torch.zeros(50).long()})
    with pytest.raises(Refused, match="not finite"):
        disentanglement(codes / 0, factors)
    split = load("portraits?rows=20&size=16&cache=0").train
    with pytest.raises(Refused, match="portraits with no names"):
        known_factors(split, "portraits")
    with pytest.raises(Refused, match="no world"):
        known_factors(load("digits").train, "digits")
