"""A recipe's signature as options."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from genus import recipes
from genus.cli.arguments.options import RecipeParser, as_yaml, plain
from genus.errors import Refused
from genus.train.run import Run


@pytest.fixture
def parser(standins):
    return RecipeParser(recipes.find("tiny"), Path("runs/tiny"))


def test_defaults_are_the_recipes(parser):
    options = parser.resolved()
    assert options["components"] == 2
    assert options["rounds"] == 3  # of the recipe's default Run
    assert options["batch"] == 64
    assert options["out"] == Path("runs/tiny")
    assert options["progress"] is True


def test_help_has_meanings_types_and_defaults(parser):
    text = parser.help()
    assert "Two Gaussians on digits: better than one." in text
    assert "how many there are. (type: int, default: 2)" in text
    assert "--log-every" in text
    assert "--log_every" not in text


def test_every_field_of_run_is_an_option(parser):
    text = parser.help()
    for field in fields(Run):
        assert (f"--{field.name.replace('_', '-')} " in text) == (field.name != "note")


def test_sequences_and_switches(parser):
    given = parser.given(["--sizes", "[1, 2, 3]", "--resume", "--autocast", "false", "--lr=1e-5"])
    assert given == {"sizes": (1, 2, 3), "resume": True, "autocast": False, "lr": 1e-5}


@pytest.mark.parametrize(
    ("line", "rounds", "minutes"),
    [
        ("", 3, None),
        ("--minutes 2", None, 2.0),
        ("--rounds 9", 9, None),
        ("--rounds 9 --minutes 2", 9, 2.0),
        ("--config minutes.yaml", None, 5.0),
        ("--config minutes.yaml --rounds 9", 9, None),
        ("--config=minutes.yaml --minutes 2", None, 2.0),
        ("--rounds 9 --config minutes.yaml", 9, None),  # the line is stronger, wherever it stands
    ],
)
def test_the_strongest_place_decides_when_to_stop(
    parser, tmp_path, monkeypatch, line, rounds, minutes
):
    monkeypatch.chdir(tmp_path)
    Path("minutes.yaml").write_text("minutes: 5\n")
    options = parser.resolved(parser.given(line.split()))
    assert (options["rounds"], options["minutes"]) == (rounds, minutes)


def test_options_of_data_become_part_of_their_name(parser):
    given = parser.given(["--data.size", "48x64", "--data", "photos", "--data.colour=L"])
    assert parser.resolved(given)["data"] == "photos?size=48x64&colour=L"
    assert parser.resolved(parser.given(["--data.fold", "3"]))["data"] == "digits?fold=3"
    stored = {"data": "photos?size=32&colour=L"}
    given = parser.given(["--data.size", "64"])
    assert parser.resolved(stored, given)["data"] == "photos?size=64&colour=L"
    assert "--data.size SIZE" in parser.help()
    with pytest.raises(Refused, match=r"--data\.size: a value is wanted"):
        parser.given(["--data.size", "--rounds", "3"])


def test_yaml_and_back(parser, tmp_path):
    line = ["--components", "5", "--sizes", "[7]", "--minutes", "0.5", "--lr", "1e-5", "--ema", "0"]
    options = parser.resolved(parser.given(line))
    path = tmp_path / "options.yaml"
    path.write_text(as_yaml(options))
    assert parser.resolved(parser.given(["--config", str(path)])) == options


def test_stored_options_and_back(parser):
    options = parser.resolved(parser.given(["--sizes", "[7]", "--out", "there"]))
    assert parser.checked(plain(options)) == options
    assert "gone" not in parser.checked({"gone": 1})  # of an older version of the recipe


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--componets 3", "there is no option --componets; did you mean --components?"),
        ("--log-evry 3", "there is no option --log-evry; did you mean --log-every?"),
        ("--components many", "--components is many; wanted is int, such as 2"),
        ("--ends-with first", "--ends-with is first; wanted is auto, best or last"),
        ("--sizes 3", "--sizes is 3; wanted is tuple[int, ...], such as [3, 4]"),
        ("--components", "argument --components: expected one argument"),
        ("extra", "does not know what to do with extra"),
        ("--config no.yaml", "--config: File does not exist: '{here}/no.yaml'"),
        ("--config typo.yaml", "there is no option componets; did you mean components?"),
        ("--config value.yaml", "--components is many; wanted is int, such as 2"),
    ],
)
def test_complaints(parser, tmp_path, monkeypatch, line, sentence):
    monkeypatch.chdir(tmp_path)
    Path("typo.yaml").write_text("componets: 3\n")
    Path("value.yaml").write_text("components: many\n")
    with pytest.raises(Refused) as found:
        parser.given(line.split())
    assert str(found.value) == f"genus fit tiny: {sentence.format(here=tmp_path)}"


@pytest.mark.parametrize("name", recipes.names())
def test_real_recipes_become_options(name, tmp_path):
    recipe = recipes.find(name)
    assert list(inspect.signature(recipe).parameters)[-1] == "run"
    parser = RecipeParser(recipe, tmp_path / name)
    path = tmp_path / "options.yaml"
    path.write_text(as_yaml(parser.resolved()))
    assert parser.resolved(parser.given(["--config", str(path)])) == parser.resolved()
    for option in inspect.signature(recipe).parameters:  # each is explained
        assert f"{option}:" in inspect.getdoc(recipe), f"{name} does not say what {option} is"
