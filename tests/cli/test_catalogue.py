"""The catalogue: it is read at once, and it says what the recipes are."""

import json
import os

import pytest
import torch
from standins import standin

from genus import recipes
from genus.recipes.__main__ import (
    built,
    entry,
    homes,
    promises,
    recipe_in,
    source_of,
    within_reach,
)

pytestmark = pytest.mark.usefixtures("few_sentences")
WRITTEN = json.loads(recipes.CATALOGUE.read_text("utf-8"))


def test_standins(standins):
    entries = {entry.name: entry for entry in recipes.catalogue()}
    assert list(entries) == ["tiny", "shy", "broken"]  # by family
    tiny = entries["tiny"]
    assert (tiny.family, tiny.data) == ("density", "digits")
    assert tiny.promises == ("sample", "elbo", "log_weight", "fit")
    assert tiny.aim == "Two Gaussians on digits: better than one."


def test_measured_figures_are_shown(standins, monkeypatch, tmp_path):
    path = tmp_path / "measured.json"
    path.write_text('{"tiny": {"figure": "80.1 nats", "date": "2025-01-01"}}')
    monkeypatch.setattr(recipes, "MEASURED", path)
    assert {e.name: e.measured for e in recipes.catalogue()}["tiny"] == "80.1 nats"


def test_what_a_recipe_says_of_itself():
    said = entry("density", standin("tiny"))
    assert said["aim"] == "Two Gaussians on digits: better than one."
    assert said["options"] == {"data": "digits", "components": 2, "sizes": [3, 4]}
    assert said["run"] == {"rounds": 3, "batch": 64}


def test_a_source_is_the_recipes_or_its_models():
    tiny, shy = standin("tiny"), standin("shy")
    own = 'Nobody, "A recipe for tests", 2025, arXiv:0000.00000'
    assert source_of("density", tiny, built(tiny)) == own
    assert "Hinton" in source_of("energy", shy, built(shy))  # of the model, as the recipe has none


def test_every_recipe_is_in_it():
    assert {name: known["family"] for name, known in WRITTEN.items()} == homes()
    assert list(WRITTEN) == sorted(WRITTEN)


@pytest.mark.parametrize("name", homes())
def test_it_says_what_a_recipe_says(name):
    said = entry(homes()[name], recipe_in(homes()[name], name))
    assert {word: WRITTEN[name][word] for word in said} == said, "run `make catalogue`"
    assert said["aim"].endswith(".")


@pytest.mark.parametrize("name", homes())
def test_it_says_what_a_model_can_do(name):
    data = WRITTEN[name]["options"]["data"]
    if not within_reach(data):
        pytest.skip(f"{name} learns from {data}, in the folder that GENUS_DATA names")
    family = homes()[name]
    recipe = recipe_in(family, name)
    model = built(recipe)
    assert WRITTEN[name]["promises"] == promises(model), "run `make catalogue`"
    assert WRITTEN[name]["source"] == source_of(family, recipe, model), "run `make catalogue`"
    inside = {type(module).__module__.split(".")[1] for module in model.modules() if ours(module)}
    assert family in inside, f"{name} stands in {family}, and its model is of {inside}"


def ours(module: torch.nn.Module) -> bool:
    return type(module).__module__.startswith("genus.")


def test_data_that_are_not_here_keep_what_is_written(monkeypatch):
    monkeypatch.delenv("GENUS_DATA", raising=False)
    assert within_reach("digits")
    assert within_reach("moons?x=1")
    assert not within_reach("mnist")
    assert not within_reach("tinyshakespeare?window=64")
    monkeypatch.setitem(os.environ, "GENUS_DATA", "/anywhere")
    assert within_reach("mnist")
