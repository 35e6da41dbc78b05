"""Artifacts: what comes back, and every way in which a folder is refused."""

import json
import os
import pickle
import struct

import pytest
import torch
from games import Blob
from torch import nn

from genus.core import Bits, GenerativeModel, Pixels, Reals
from genus.functional.densities.densities import log_normal
from genus.nn import MLP
from genus.train import artifact
from genus.train.artifact import ArtifactError, decode, encode, load, save

ALLOW = ["games.Blob"]


class Kit(GenerativeModel):
    """Takes a network, a space, a function and plain data."""

    def __init__(self, net: nn.Module, space: Pixels, score=log_normal, widths=(1, 2), rate=None):
        super().__init__()
        self.net, self.space, self.score, self.widths, self.rate = net, space, score, widths, rate

    def sample(self, n):
        return torch.zeros(n, *self.space.shape)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(4)
    model = Blob()
    with torch.no_grad():
        model.mean.normal_()
    return save(model, tmp_path / "model", note={"recipe": {"name": "blob"}})


def test_a_kit_comes_back_with_all_that_it_was_given():
    kit = Kit(MLP(3, 4, (5,)), Pixels((1, 2, 2), 17), widths=(3, (4, 5)), rate=0.1)
    here = f"{Kit.__module__}.Kit"
    text = json.dumps(encode(kit))
    twin = decode(json.loads(text), allow=[here])
    assert (twin.space, twin.score, twin.widths, twin.rate) == (
        kit.space,
        log_normal,
        (3, (4, 5)),
        0.1,
    )
    assert encode(twin) == encode(kit)
    twin.load_state_dict(kit.state_dict())


@pytest.mark.parametrize("value", [object(), lambda x: x, {1: 2}, torch.zeros(1)])
def test_what_is_no_json_is_refused_before_anything_is_written(value, tmp_path):
    kit = Kit(MLP(1, 1), Pixels((1,)), rate=value)
    with pytest.raises(TypeError, match="save: a hyper-parameter is"):
        save(kit, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_folder_says_what_it_is(folder):
    config = json.loads((folder / "config.json").read_text())
    assert config["model"] == {"class": "games.Blob", "arguments": {"features": 2}}
    assert config["parameters"] == 4
    assert config["promises"] == ["log_prob", "sample"]
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: genus\n")
    assert '"name": "blob"' in card


def test_weights_come_back_exactly(folder):
    torch.manual_seed(4)
    want = torch.randn(2)
    assert torch.equal(load(folder, allow=ALLOW).mean.data, want)


def test_averaged_weights_are_preferred(tmp_path):
    raw, average = Blob(), Blob()
    with torch.no_grad():
        average.mean.fill_(2)
    save(raw, tmp_path, average=average)
    assert (load(tmp_path, allow=ALLOW).mean == 2).all()
    assert (load(tmp_path, average=False, allow=ALLOW).mean == 0).all()


def test_classes_outside_are_refused_by_name(folder):
    with pytest.raises(ArtifactError, match=r"wants games\.Blob.*allow=\['games\.Blob'\]"):
        load(folder)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("os.system", "outside genus"),
        ("genus.train.save", "is no formula"),
        ("genus.train.ArtifactError", "not a module or a plain record"),
        ("genus.functional.adversarial.r1", "not a module or a plain record"),
        ("genus.train.artifact.json", "is not defined there"),
        ("genus.train.artifact.nn", "is not defined there"),
        ("genus.train.artifact.replace", "there is no"),
        ("genus.core.spaces.Bits", "which is genus.core.Bits"),
        ("genus.core.Nothing", "there is no genus.core.Nothing"),
        ("genus.nowhere.Thing", "there is no genus.nowhere.Thing"),
        (7, "not the name of a class"),
    ],
)
def test_a_class_path_cannot_reach_other_code(folder, path, words):
    config = json.loads((folder / "config.json").read_text())
    config["model"]["class"] = path
    del config["hash"]  # as one who means it would
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match=words):
        load(folder)


def test_only_formulas_are_functions():
    with pytest.raises(ArtifactError, match="is no formula"):
        decode({"function": "genus.save"})
    with pytest.raises(ArtifactError, match="is not a function"):
        decode({"function": "genus.core.Bits"})
    with pytest.raises(ArtifactError, match="outside genus"):
        decode({"function": "os.remove"})


def test_a_pickle_is_refused(folder, tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "executed"),))

    (folder / "model.safetensors").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ArtifactError, match="truncated, or not safetensors"):
        load(folder, allow=ALLOW)
    torch.save({"mean": torch.zeros(2)}, folder / "model.pt")
    with pytest.raises(ArtifactError, match="a pickle can run code"):
        artifact.read_weights(folder / "model.pt")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_truncated_weights_are_refused(folder, keep):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ArtifactError, match="truncated"):
        load(folder, allow=ALLOW)


def test_one_changed_bit_is_noticed(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="damaged"):
        load(folder, allow=ALLOW)


def test_a_header_without_a_hash_is_refused(folder):
    from safetensors.torch import save_file

    save_file({"mean": torch.zeros(2), "log_std": torch.zeros(2)}, folder / "model.safetensors")
    with pytest.raises(ArtifactError, match="do not have the hash"):
        load(folder, allow=ALLOW)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "does not describe a model"),
        ('{"model": {}, "format": 99}', "is of format 99.* it reads format 2"),
        (
            '{"model": {"class": "genus.core.Reals", "arguments": {"shape": [1]}}, "format": 2, "parameters": 1}',
            "not a model",
        ),
        (
            '{"model": {"class": "genus.nn.MLP", "arguments": {"depth": 1}}, "format": 2, "parameters": 1}',
            "cannot build",
        ),
    ],
)
def test_a_config_that_says_nonsense_is_refused(folder, text, words):
    (folder / "config.json").write_text(text)
    with pytest.raises(ArtifactError, match=words):
        load(folder)


def test_weights_of_another_shape_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    config["model"]["arguments"]["features"] = 3
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match="does not have the hash that stands in it"):
        load(folder)
    del config["hash"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError, match=r"does not fit config\.json"):
        load(folder, allow=ALLOW)


def test_missing_things_are_named(tmp_path, folder):
    with pytest.raises(ArtifactError, match="there is no such folder"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match=r"no config\.json in it"):
        load(tmp_path / "empty")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ArtifactError, match="there is no such file"):
        load(folder, allow=ALLOW)


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    artifact.write(path, b"before")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        artifact.write(path, b"after and much longer")
    assert path.read_bytes() == b"before"
    assert [x.name for x in tmp_path.iterdir()] == ["file"]


def test_the_hash_sees_names_types_shapes_and_values():
    one = {"a": torch.zeros(2, 3)}
    others = [
        {"b": torch.zeros(2, 3)},
        {"a": torch.zeros(3, 2)},
        {"a": torch.zeros(2, 3, dtype=torch.int32)},
        {"a": torch.full((2, 3), -0.0)},
    ]
    assert len({artifact.digest(x) for x in [one, *others]}) == 5


def test_a_lone_weights_file_holds_plain_tensors(folder):
    content = (folder / "model.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    assert set(header) == {"__metadata__", "mean", "log_std"}


def test_equal_weights_are_equal_files(folder, tmp_path):
    model = load(folder, allow=ALLOW)
    content = (folder / "model.safetensors").read_bytes()
    for i in range(10):
        again = save(model, tmp_path / str(i))
        assert (again / "model.safetensors").read_bytes() == content


def test_spaces_come_back():
    for space in (Reals((2,)), Bits((3, 4)), Pixels((1, 8, 8), 17)):
        assert decode(json.loads(json.dumps(encode(space)))) == space


def test_a_notebook_sees_where_a_model_came_from(tmp_path):
    note = {"recipe": {"name": "blob", "options": {"data": "<moons>", "seed": 3}}}
    page = load(save(Blob(), tmp_path / "run", note=note), allow=["games.Blob"])._repr_html_()
    assert "run (recipe blob, data &lt;moons&gt;, seed 3)" in page
    assert "log_prob" in page
    assert "loaded from" not in Blob()._repr_html_()
