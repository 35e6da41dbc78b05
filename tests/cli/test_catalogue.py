"""The catalogue is read from source text: it must say what the recipes are."""

import inspect
import os
from dataclasses import replace

import pytest

from genus import recipes
from genus.data.loading import OUTSIDE


def test_standins(standins):
    entries = {entry.name: entry for entry in recipes.catalogue()}
    assert list(entries) == ["tiny", "shy", "broken"]  # by family, those without one last
    tiny = entries["tiny"]
    assert (tiny.family, tiny.data) == ("density", "digits")
    assert tiny.promises == ("sample", "elbo", "log_weight", "fit")
    assert tiny.aim == "Two Gaussians on digits: better than one."
    assert tiny.source == 'Nobody, "A recipe for tests", 2025, arXiv:0000.00000'
    assert entries["shy"].family == "energy"
    assert "Hinton" in entries["shy"].source  # of the model, as the recipe names none


def test_measured_figures_are_shown(standins, monkeypatch, tmp_path):
    path = tmp_path / "measured.json"
    path.write_text('{"tiny": {"figure": "80.1 nats", "date": "2025-01-01"}}')
    monkeypatch.setattr(recipes, "MEASURED", path)
    assert {e.name: e.measured for e in recipes.catalogue()}["tiny"] == "80.1 nats"


@pytest.mark.parametrize("entry", recipes.catalogue(), ids=lambda entry: entry.name)
def test_real_recipes_are_as_the_catalogue_says(entry):
    assert entry.family
    assert entry.aim.endswith(".")
    if entry.data.partition("?")[0] in OUTSIDE and not os.environ.get("GENUS_DATA"):
        pytest.skip(f"{entry.name} learns from {entry.data}, in the folder that GENUS_DATA names")
    recipe = recipes.find(entry.name)
    taken = inspect.signature(recipe).parameters
    few = {name: few for name, few in {"pairs": 8, "first": 0}.items() if name in taken}
    model = recipe(run=replace(taken["run"].default, rounds=0, minutes=None), **few)
    promises = model.promises()
    assert set(entry.promises) == promises, f"{entry.name}: {promises}"
