"""Modules of a user's own: what is said when they cannot be saved, and builders."""

import json

import pytest
import torch
from torch import nn
from train import own_nets

from genus.adversarial import GAN
from genus.core import Pixels, Reals, Refused
from genus.data import Rows
from genus.functional.adversarial import OBJECTIVES
from genus.train import ArtifactError, Run, built, fit, load, save
from genus.train.parts import decode, encode, outside

BUILD = "train.own_nets:build"
PLANE = Rows(torch.randn(64, 2), Reals((2,)))


def game(generator, critic=None):
    critic = critic or nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    return GAN(PLANE.space, generator, critic, 2, OBJECTIVES["non_saturating"], [])


def test_a_game_of_plain_layers_is_trained_saved_and_loaded(tmp_path):
    model = game(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2)))
    fit(model, PLANE, Run(rounds=2, batch=16, out=tmp_path / "run", device="cpu"))
    twin = load(tmp_path / "run")
    assert all(map(torch.equal, twin.state_dict().values(), model.state_dict().values()))


def test_what_a_builder_built_comes_back_if_it_is_allowed(tmp_path):
    model = game(nn.Linear(2, 2), built(BUILD, width=5))
    folder = save(model, tmp_path / "model")
    written = json.loads((folder / "config.json").read_text())["model"]
    assert outside(written) == [BUILD]
    assert written["arguments"]["critic"] == {
        "class": "torch.nn.modules.container.Sequential",
        "builder": BUILD,
        "arguments": {"width": 5},
    }
    own_nets.CALLS.clear()
    with pytest.raises(
        ArtifactError, match=rf"^config.json: wants {BUILD} to build.*allow=\['{BUILD}'\]"
    ):
        load(folder)
    with pytest.raises(ArtifactError, match="outside genus"):
        load(folder, allow=["train.own_nets.Forgetful", "train.own_nets"])
    assert own_nets.CALLS == []
    twin = load(folder, allow=[BUILD])
    assert own_nets.CALLS == [5]
    x = torch.randn(4, 2)
    assert torch.equal(twin.critic(x), model.critic(x))
    assert encode(twin) == encode(model)  # it can be saved again


def test_a_whole_model_may_be_built(tmp_path):
    model = built("train.own_nets:wraps", model=game(nn.Linear(2, 2)))
    folder = save(model, tmp_path / "model")
    assert (folder / "README.md").read_text().count("# GAN") == 1
    assert type(load(folder, allow=["train.own_nets:wraps"])) is GAN


def test_what_cannot_be_saved_is_refused_before_the_first_round(tmp_path):
    run = Run(rounds=1, batch=16, out=tmp_path / "run", device="cpu")
    mend = r"as an attribute of the same name, or build it by genus.train.built\("
    for net, words in (
        (own_nets.Forgetful(2, 2), "Forgetful: its constructor does not keep inputs, outputs"),
        (own_nets.Stack(nn.Linear(2, 2)), "Stack: its constructor does not keep args"),
    ):
        with pytest.raises(Refused, match=rf"^save: {words}; .*{mend}"):
            fit(game(net), PLANE, run)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("builder", "words"),
    [
        ("train.own_nets.build", "'package.module:function' is wanted"),
        ("__main__:build", "'package.module:function' is wanted"),
        ("train.nowhere:build", "there is no module train.nowhere"),
        ("train.own_nets:nothing", "has no nothing"),
        ("train.own_nets:number", "returns int; a module is wanted"),
    ],
)
def test_a_builder_must_be_a_function_that_builds(builder, words):
    with pytest.raises(Refused, match=f"^built: .*{words}"):
        built(builder)


def test_names_outside_are_those_that_must_be_allowed():
    assert outside(encode(game(nn.Linear(2, 2)))) == []
    assert outside(encode(Pixels((1, 2, 2)))) == []
    written = {"class": "a.B", "arguments": {"x": [{"function": "c.d"}, {"class": "a.B"}], "y": 2}}
    assert outside(written) == ["a.B", "c.d"]
    with pytest.raises(ArtifactError, match="outside genus"):
        decode(written)
