"""The oracle: what ships, what it sees, and what a damaged one says."""

import json
import shutil

import pytest
import torch

import genus
from genus.autoregressive import MADE
from genus.core import Bits, Pixels, Reals
from genus.data import Rows, load
from genus.measure import Oracle, oracle
from genus.measure.oracles import SHIPPED, oracle_for
from genus.recipes.measure.oracle import oracle as recipe
from genus.train.fit import fit
from genus.train.run import Run


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(SHIPPED / "digits", tmp_path / "oracle")
    return tmp_path / "oracle"


def test_the_shipped_oracle_reads_digits(digits):
    judge = oracle("digits")
    x, label = digits.test.labelled().everything()
    seen = judge.see(x, digits.space)
    assert (seen.classes == label).double().mean() >= 0.98
    assert seen.features.shape == (len(x), judge.features)
    assert seen.features.dtype == torch.float64
    torch.testing.assert_close(
        seen.features.square().mean(1), torch.ones(300).double(), rtol=0.01, atol=0
    )


def test_the_shipped_oracle_learnt_from_the_train_split_as_it_is(digits):
    said = json.loads((SHIPPED / "digits" / "config.json").read_text())
    assert said["data"]["fingerprint"] == digits.labelled().train.fingerprint
    assert said["metrics"]["test_mistakes"] <= 0.02
    assert sum(file.stat().st_size for file in (SHIPPED / "digits").iterdir()) < 500_000


def test_it_is_frozen_and_quiet(digits):
    judge = oracle("digits")
    assert not judge.training
    assert not any(p.requires_grad for p in judge.parameters())
    x = digits.test.everything()[0][:5]
    assert torch.equal(judge.see(x, digits.space).features, judge.see(x, digits.space).features)


def test_bits_are_seen_as_black_and_white(digits):
    judge, bits = oracle("digits"), (digits.test.everything()[0][:20] > 0).float()
    seen = judge.see(bits, Bits((1, 8, 8)))
    torch.testing.assert_close(seen.features, judge.see(2 * bits - 1, digits.space).features)


def test_pixels_are_seen_as_they_would_be_stored(digits):
    judge, x = oracle("digits"), digits.test.everything()[0][:20]
    near = x + 0.3 * digits.space.bin * (torch.rand_like(x) - 0.5)
    torch.testing.assert_close(
        judge.see(near, digits.space).features, judge.see(x, digits.space).features
    )


def test_which_data_have_an_oracle(digits):
    assert oracle_for("digits", digits.space) is not None
    assert oracle_for("digits test binarised", Bits((1, 8, 8))) is not None
    assert oracle_for("digits_pairs", digits.space) is not None
    assert oracle_for("digits", Pixels((1, 16, 16), 17)) is None
    assert oracle_for("moons", Reals((2,))) is None


def test_a_space_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"sees x of shape \(1, 8, 8\)"):
        oracle("digits").see(torch.zeros(2, 1, 4, 4), Bits((1, 4, 4)))


def test_unknown_names_are_answered_with_what_there_is():
    with pytest.raises(ValueError, match=r"none for 'nothing'.*digits.*recipe 'oracle'"):
        oracle("nothing")


def test_a_tampered_oracle_is_noticed(folder):
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="damaged"):
        oracle(folder)
    weights.write_bytes(bytes(content[:-100]))
    with pytest.raises(ValueError, match="truncated"):
        oracle(folder)
    weights.unlink()
    with pytest.raises(ValueError, match="there is no such file"):
        oracle(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda c: c["model"].update({"class": "os.system"}),
            "wants os.system, which is outside genus",
        ),
        (
            lambda c: c["model"]["arguments"]["space"].update({"class": "os.system"}),
            "outside genus",
        ),
        (lambda c: c["model"]["arguments"].update(features=31), "does not fit"),
        (lambda c: c["model"]["arguments"].update(depth=3), "cannot build"),
        (lambda c: c.pop("model"), "does not describe a model"),
    ],
)
def test_a_config_that_is_no_oracles_is_refused(folder, change, told):
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=told):
        oracle(folder)


def test_the_recipe_writes_what_can_be_read(tmp_path):
    out = tmp_path / "oracle"
    run = Run(rounds=30, batch=32, lr=2e-3, out=out, device="cpu", ema=0.9)
    made = recipe(width=4, features=8, run=run)
    read = oracle(out)
    assert read.identity() == made.identity() == genus.load(out).identity()
    assert read.identity() != oracle("digits").identity()


def test_an_oracle_of_vectors_learns():
    torch.manual_seed(0)
    label = torch.arange(200) % 2
    x = torch.randn(200, 5) + 2 * label[:, None]
    rows = Rows(x, Reals((5,)), labels=label, classes=2).labelled()
    made = fit(Oracle(rows.space, 2, features=4, width=4), rows, Run(rounds=100, lr=1e-2))
    assert (made.see(x, rows.space).classes == label).double().mean() > 0.95


def test_one_class_is_not_enough():
    with pytest.raises(ValueError, match="classes is 1"):
        Oracle(Reals((2,)), 1)


def test_another_model_is_no_oracle(tmp_path):
    genus.save(MADE(Bits((3,))), tmp_path / "made")
    with pytest.raises(ValueError, match="holds a MADE, not an oracle"):
        oracle(tmp_path / "made")
