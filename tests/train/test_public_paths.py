"""Public paths: what a saved model names stays where it is, though files move."""

import json
from pathlib import Path

import pytest
import torch
from models import MODELS, build

import genus
from genus.flow.maps.residual import LipSwish
from genus.functional.adversarial.relativistic import Relativistic, logistic
from genus.train import ArtifactError
from genus.train.artifact import FORMAT
from genus.train.parts.rebuilding import _find, encode, public_path

FILE = Path(__file__).parent / "public_paths.txt"
PATHS = FILE.read_text().split()


def named(value):
    """Every class and function in a hyper-parameter's JSON."""
    if isinstance(value, list):
        for item in value:
            yield from named(item)
    elif isinstance(value, dict):
        said = (value.get(word) for word in ("class", "function"))  # or an argument of that name
        yield from (path for path in said if isinstance(path, str))
        for item in value.values():
            yield from named(item)


def test_the_outermost_folder_that_hands_it_on():
    assert public_path(genus.vae.VAE) == "genus.vae.VAE"
    assert public_path(genus.Bits) == "genus.core.Bits"
    assert public_path(Relativistic) == "genus.functional.adversarial.Relativistic"
    assert public_path(logistic) == "genus.functional.adversarial.logistic"
    assert public_path(torch.nn.Linear) == "torch.nn.modules.linear.Linear"


def test_what_no_folder_hands_on_cannot_be_saved():
    assert public_path(LipSwish) is None
    with pytest.raises(TypeError, match=r"residual\.LipSwish has no public path"):
        encode(LipSwish(4))


@pytest.mark.parametrize("path", PATHS)
def test_a_promised_path_is_there(path):
    assert public_path(_find(path, ())) == path


def test_no_path_is_new_without_being_promised():
    ran = genus_paths()
    gone, new = sorted({*PATHS} - ran), sorted(ran - {*PATHS})
    assert not gone, "saved models name these: keep their paths, or raise the format"
    assert not new, "run python tests/train/public_paths.py: these become promises"


def genus_paths():
    from train.public_paths import public_paths

    return {*public_paths()}


@pytest.mark.parametrize("name", MODELS)
def test_every_models_saved_form_names_public_paths(name, tmp_path):
    names = {*named(encode(build(MODELS[name])))}
    assert {path for path in names if path.startswith("genus.")} <= {*PATHS}


@pytest.mark.parametrize("format", [1, None, "2", FORMAT + 1])
def test_another_format_is_refused_in_a_sentence(tmp_path, format):
    genus.save(build(MODELS["table"]), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["format"] = format
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError) as found:
        genus.load(tmp_path)
    said = str(found.value)
    assert said == (
        f"{tmp_path}/config.json: is of format {format}, which this genus {genus.__version__} does "
        f"not read; it reads format 2: train the model again, or read it with the genus that wrote it"
    )


def test_oracles_that_ship_are_of_this_format():
    shipped = sorted((Path(genus.__file__).parent / "oracles").glob("*/config.json"))
    assert shipped
    for path in shipped:
        assert json.loads(path.read_text())["format"] == FORMAT
        assert {*named(json.loads(path.read_text())["model"])} <= {*PATHS}
