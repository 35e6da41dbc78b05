"""Figures of samples of a world by what a reader reads, on laws that were planted."""

import math

import pytest
import torch

from genus.core import Pixels
from genus.data import load
from genus.data.worlds.portraits import PORTRAITS, parameters
from genus.measure.judges import BySight, judge_of
from genus.measure.readers.judging import (
    SeenLabels,
    correlations_kept,
    impossible,
    known_of,
    law_apart,
    reader_figures,
)
from genus.measure.readers.truth import labels_of

LABELS = list(labels_of(PORTRAITS))
GLASSES = next(one for one in LABELS if one.name == "glasses")
HAIR_COLOUR = next(one for one in LABELS if one.name == "hair_colour")


def rows(n=2000, seed=0, **wishes):
    return known_of(LABELS, parameters(n, seed, wishes))


@pytest.fixture(scope="module")
def truth():
    return rows(8000, 1)


def figures(fake, truth, **known):
    found = reader_figures(LABELS, fake, rows(seed=2), truth, {"reader": {}, **known})
    return {figure.name: figure for figure in found}


def test_the_right_law_is_within_its_error(truth):
    for one in LABELS:
        apart, error = law_apart(one, rows(), truth)
        assert apart <= 5 * error


def test_a_planted_law_is_measured(truth):
    apart, error = law_apart(GLASSES, rows(glasses="none:0.5+round:0.5"), truth)
    assert abs(apart - (0.5 - 0.16)) <= 5 * error
    gone, error = law_apart(GLASSES, rows(glasses="none:0.62+round:0.16+square:0.22"), truth)
    assert gone > 5 * error  # a kind that is missing


def test_what_does_not_show_has_no_law(truth):
    fake = rows()
    bald = fake.values | {"hair_colour": torch.full((2000,), -1)}
    apart, _ = law_apart(HAIR_COLOUR, SeenLabels(bald, fake.refused), truth)
    assert math.isnan(apart)
    assert "law_hair_colour" not in figures(SeenLabels(bald, fake.refused), truth)
    half = parameters(2000, 0)
    half["hair_colour"][half["hat"] > 0] = 5  # under a hat, where it mostly does not show
    same, error = law_apart(
        HAIR_COLOUR, known_of(LABELS, half | {"hair": half["hair"].clamp(max=4)}), truth
    )
    assert same <= 5 * error


def test_what_never_comes_together_is_impossible(truth):
    assert impossible(LABELS, rows(), truth).double().mean() < 0.01
    bearded = parameters(500, 0) | {
        "age": torch.zeros(500, dtype=torch.int64),
        "beard": torch.full((500,), 4),
    }
    assert impossible(LABELS, known_of(LABELS, bearded), truth).all()


def test_correlations_are_kept_or_lost(truth):
    fake = rows()
    assert correlations_kept(LABELS, fake, truth) == pytest.approx(1, abs=0.1)
    order = torch.randperm(2000, generator=torch.Generator().manual_seed(0))
    mixed = fake.values | {name: fake.values[name][order] for name in ("age", "eyes", "light")}
    assert correlations_kept(LABELS, SeenLabels(mixed, fake.refused), truth) < 0.9
    alone = {
        name: value[torch.randperm(2000, generator=torch.Generator().manual_seed(k))]
        for k, (name, value) in enumerate(fake.values.items())
    }
    assert abs(correlations_kept(LABELS, SeenLabels(alone, fake.refused), truth)) < 0.1


def test_figures_have_floors_and_say_what_was_refused(truth):
    fake = rows(glasses="round")
    refused = torch.arange(2000) % 4 == 0
    found = figures(SeenLabels(fake.values, refused), truth, data="portraits")
    assert found["refused"].value == 0.25
    assert found["refused"].floor == 0
    assert found["law_glasses"].value > 20 * (found["law_glasses"].floor or 1)
    assert found["law_hat"].value < 5 * (found["law_hat"].error or 0)
    assert found["correlations_kept"].floor == pytest.approx(1, abs=0.1)
    assert all(figure.protocol["samples"] == 2000 for figure in found.values())
    nothing = figures(SeenLabels(fake.values, torch.ones(2000, dtype=torch.bool)), truth)
    assert set(nothing) == {"refused"}


def test_a_world_is_judged_by_its_reader_too():
    data = load("portraits?size=32&rows=300")
    judge = judge_of(data)
    assert isinstance(judge, BySight)
    assert judge.reader is not None
    assert isinstance(data.space, Pixels)
    others = judge_of(load("scenes?size=32&rows=30"))
    assert isinstance(others, BySight)
    assert others.reader is None
