"""Code of a user's own on the command line: recipes by module:name, and classes by --allow."""

import json
import shutil
import sys

import pytest

from genus.cli.main import main

CODE = '''
"""A package of a user's own."""

import sys

import torch
from torch import nn

import genus
from genus.core import GenerativeModel, Losses


class Noise(GenerativeModel):
    """The mean of the rows, and noise."""

    def __init__(self, space, net):
        super().__init__()
        self.space, self.net = space, net

    def loss(self, x) -> Losses:
        return {"square": (self.net(torch.ones(1, 1)) - x).square().mean()}

    @torch.no_grad()
    def sample(self, n=None, context=None):
        return self.net(torch.ones(1, 1)) + self.noise(n, 2)


def noise(data: str = "moons", width: int = 3, run: genus.Run = genus.Run(rounds=4, batch=8)):
    """The mean of moons: better than nothing.

    Args:
        data: name or path of a data set.
        width: width of the network.
        run: length, folder and others.
    """
    source = genus.data.load(data)
    net = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, 2))
    return genus.fit(Noise(source.space, net), source.train, run)


def wrong(width, run=None):
    """No recipe."""


def raises(run: genus.Run = genus.Run(rounds=1)):
    """A fault: none better."""
    raise KeyError("mine")


def forgets(run: genus.Run = genus.Run(rounds=1)):
    """Returns nothing."""
    noise(run=run)
'''
NOISE = "lab.nets:noise"


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A folder with a package in it, as the current one; it is forgotten afterwards."""
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "nets.py").write_text(CODE, "utf-8")
    (tmp_path / "lab" / "needs.py").write_text("import nowhere_at_all\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    forget()


def forget():
    for name in [name for name in sys.modules if name.partition(".")[0] == "lab"]:
        del sys.modules[name]


@pytest.fixture
def run(lab):
    """A run of the recipe, in a process that has never heard of it."""
    assert main(["fit", NOISE, "--out", "run", "--device", "cpu", "--progress", "false"]) == 0
    forget()
    return lab / "run"


def test_a_recipe_is_trained_and_says_how_to_sample(lab, said):
    code, out, _ = said(f"fit {NOISE} --rounds 2 --width 4 --device cpu")
    assert code == 0
    command = out[out.index("genus sample") :].partition(" shows")[0]
    assert "--allow lab.nets.Noise" in command
    recipe = json.loads((lab / "runs/noise/config.json").read_text())["recipe"]
    assert (recipe["name"], recipe["options"]["width"]) == (NOISE, 4)
    forget()
    assert said(command.removeprefix("genus "))[0] == 0


def test_its_options_have_help(lab, said):
    code, out, _ = said(f"fit {NOISE} --help")
    assert code == 0
    assert "--width" in out
    assert "The mean of moons" in out


def test_a_class_is_built_only_if_it_is_allowed(run, said):
    for command in (f"sample {run} --out a.png", f"evaluate {run}"):
        code, _, err = said(command)
        assert code == 2
        assert "wants lab.nets.Noise, which is outside genus" in err
        assert "--allow lab.nets.Noise" in err
        assert "lab.nets" not in sys.modules
    assert said(f"sample {run} --out a.npy --allow lab.nets.Noise")[0] == 0
    code, out, _ = said(f"evaluate {run} --samples 50 --allow lab.other.X --allow lab.nets.Noise")
    assert code == 0
    assert "parameters" in out


@pytest.mark.parametrize("name", ["Noise", "genus.vae.VAE", ":x"])
def test_what_is_no_name_of_code_outside_is_refused(run, said, name):
    code, _, err = said(f"sample {run} --out a.npy --allow {name}")
    assert code == 2
    assert "neither package.module.Class nor package.module:function" in err


def test_a_run_is_resumed_by_its_recipe_which_no_folder_imports(run, said):
    code, _, err = said(f"fit --resume --out {run}")
    assert code == 2
    assert f"genus fit {NOISE} --resume --out {run}" in err
    assert "lab.nets" not in sys.modules
    code, _, _ = said(f"fit {NOISE} --resume --out {run} --rounds 6")
    assert code == 0
    assert json.loads((run / "config.json").read_text())["training"]["rounds"] == 6


def test_recipes_are_compared_with_those_of_genus(lab, said):
    code, _, _ = said(f"compare {NOISE} gaussian --data moons --minutes 0.003 --out report")
    assert code == 0
    own, other = json.loads((lab / "report/results.json").read_text())["models"]
    assert (own["name"], own["family"], other["name"]) == (NOISE, "own", "gaussian")
    assert own["aim"] == "The mean of moons: better than nothing."
    assert own["class"] == "Noise"
    assert (lab / "report/noise/config.json").exists()
    assert NOISE in (lab / "report/index.html").read_text("utf-8")
    shutil.rmtree(lab / "report")
    code, _, err = said(f"compare {NOISE} lab.other:noise --data moons --out report")
    assert (code, "there is no module lab.other" in err) == (2, True)


def test_the_list_names_it(lab, said):
    code, out, _ = said(f"list {NOISE} gaussian --json")
    assert code == 0
    own, other = json.loads(out)
    assert (own["name"], own["data"], other["name"]) == (NOISE, "moons", "gaussian")
    assert NOISE in said(f"list {NOISE}")[1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lab.nothing:noise", "there is no module lab.nothing; it is looked for in"),
        (":noise", "there is no module"),
        ("lab.nets:noisy", "lab.nets has no noisy; did you mean noise?"),
        ("lab.nets:wrong", "is no recipe; a function is wanted whose arguments have defaults"),
        ("lab.nets:Noise", "is no recipe; a function is wanted"),
        (
            "lab.needs:noise",
            "needs.py, line 1: ModuleNotFoundError: No module named 'nowhere_at_all'",
        ),
        ("lab.nets:raises", "nets.py, line 47: KeyError: 'mine'"),
        ("lab.nets:forgets", "returned NoneType; the trained model is wanted"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(lab, said, name, words):
    code, _, err = said(f"fit {name} --out run")
    assert code == 2
    assert words in err
    assert "Traceback" not in err
