"""A state is read as it was written, or refused in one sentence: flipped bits, cut files, hostile entries."""

import random
from dataclasses import replace

import pytest
import torch
from games import Blob
from laws import Rows

from genus.adversarial import GAN
from genus.core import Reals, Refused
from genus.nn import MLP
from genus.train.artifact import load
from genus.train.finite import first_endless
from genus.train.fit import fit
from genus.train.keeping.state import header_of, keep, kept
from genus.train.run import Run

CPU = torch.device("cpu")
FLIPS = 500


@pytest.fixture(scope="module")
def rows():
    torch.manual_seed(0)
    return Rows(Reals((2,)), None, (torch.randn(256, 2),))


@pytest.fixture
def run(rows, tmp_path):
    """A short run with an average."""
    plan = Run(rounds=3, ema=0.9, out=tmp_path / "x", device="cpu")
    fit(Blob(), rows, plan)
    return plan


def again(run, rows):
    return fit(Blob(), rows, replace(run, resume=True))


def test_a_flipped_bit_of_a_state_is_noticed(run, rows):
    path, chance = run.out / "state.pt", random.Random(0)
    content = path.read_bytes()
    for _ in range(FLIPS):
        bad = bytearray(content)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(Refused, match=r"state\.pt is damaged"):
            kept(path, CPU)
    path.write_bytes(content)
    again(run, rows)


def test_a_flipped_bit_of_an_artifact_is_noticed(run):
    chance = random.Random(1)
    load_it = {"allow": ["games.Blob"]}
    load(run.out, **load_it)
    for name in ("model.safetensors", "ema.safetensors"):
        path, average = run.out / name, name[0] == "e"
        content = path.read_bytes()
        for _ in range(FLIPS // 2):
            bad = bytearray(content)
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
            path.write_bytes(bad)
            with pytest.raises(ValueError, match=name):
                load(run.out, average=average, **load_it)
        path.write_bytes(content)


def test_a_flipped_bit_of_what_the_config_says_of_the_model_is_noticed(run):
    path, chance = run.out / "config.json", random.Random(2)
    content = path.read_bytes()
    end = content.index(b'"versions"')
    for _ in range(FLIPS // 2):
        bad = bytearray(content)
        at = chance.randrange(end)
        bad[at] ^= 1 << chance.randrange(8)
        if bad.split() == content.split():  # white space for white space
            continue
        path.write_bytes(bad)
        try:
            model = load(run.out, allow=["games.Blob"])
        except ValueError:
            continue
        assert b'"hash"' not in bad, bad[at - 20 : at + 20]  # else nothing vouches for it
        assert model.space == Reals((2,))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.9, 0.999])
def test_a_cut_file_is_refused(run, rows, share):
    path = run.out / "state.pt"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(Refused, match=r"state\.pt is damaged"):
        again(run, rows)
    path.write_bytes(content)
    for name in ("config.json", "metrics.jsonl", "README.md", "model.safetensors"):
        other = run.out / name
        if other.exists():  # what the state restores
            other.write_bytes(other.read_bytes()[: int(share * other.stat().st_size)])
    again(run, rows)
    load(run.out, allow=["games.Blob"])


WRONG = {
    "number": [-1, "3", 2.5, None],
    "seconds": [float("nan"), -1.0, "0", None],
    "looked": ["1", None],
    "settled": [1, None],
    "memory": [None, [1], torch.zeros(2)],
    "ranks": [
        None,
        [1],
        [{}],
        [{"buffers": 3, "pending": []}],
        [{"buffers": [], "pending": [{"nll": "x"}]}],
    ],
    "best": [None, "0"],
    "waited": [None, 1.5],
    "best_weights": [3, {}, {"mean": torch.zeros(5), "log_std": torch.zeros(2)}],
    "best_figures": [3],
    "model": [
        None,
        {},
        {"mean": torch.zeros(2)},
        {"mean": torch.zeros(3), "log_std": torch.zeros(2)},
        {"mean": torch.zeros(2).double(), "log_std": torch.zeros(2)},
        {"mean": torch.tensor([0, torch.nan]), "log_std": torch.zeros(2)},
        {"mean": [0, 0], "log_std": torch.zeros(2)},
    ],
    "average": [None, {}, {"mean": torch.full((2,), torch.inf), "log_std": torch.zeros(2)}],
    "optimizers": [
        None,
        {},
        {"other": {}},
        {"model": 3},
        {"model": {"state": {}, "param_groups": 3}},
    ],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG.items() for value in values]
)
def test_a_hostile_entry_is_refused(run, rows, key, value):
    found = kept(run.out / "state.pt", CPU)
    keep(run.out, found.header, {**found.state, key: value})
    with pytest.raises(Refused, match=r"state\.pt is damaged"):
        again(run, rows)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda s: s["state"][0].update(exp_avg=torch.zeros(10**4)),
            r"exp_avg of parameter 0 is torch.float32 of \(10000,\)",
        ),
        (lambda s: s["state"][0].update(exp_avg=torch.tensor([torch.nan, 0])), "not finite"),
        (
            lambda s: s["state"][0].update(exp_avg=torch.zeros(2).double()),
            "exp_avg of parameter 0 is torch.float64",
        ),
        (lambda s: s["state"][1].pop("exp_avg_sq"), "parameter 1 has other moments than the first"),
        (lambda s: s["param_groups"][0].pop("lr"), "other settings"),
        (lambda s: s.update(param_groups=[3]), "no state of an optimiser"),
        (lambda s: s["state"].update({9: {}}), "other parameters"),
        (lambda s: s["state"].update({0: 3}), "no dict"),
        (lambda s: s["param_groups"][0].update(params=[0]), "other parameters"),
        (lambda s: s["param_groups"][0].update(eps=float("nan")), "not finite"),
    ],
)
def test_hostile_moments_are_refused(run, rows, spoil, said):
    found = kept(run.out / "state.pt", CPU)
    spoil(found.state["optimizers"]["model"])
    keep(run.out, found.header, found.state)
    with pytest.raises(Refused, match=said):
        again(run, rows)


@pytest.mark.parametrize("key", ["identity", "changes", "circumstances"])
@pytest.mark.parametrize("value", [3, None, "x"])
def test_a_hostile_header_is_refused(run, rows, key, value):
    found = kept(run.out / "state.pt", CPU)
    keep(run.out, {**found.header, key: value}, found.state)
    with pytest.raises(Refused, match=rf"state\.pt is damaged: its entry '{key}'"):
        again(run, rows)


def test_the_header_is_read_alone(run):
    header = header_of(run.out / "state.pt")
    assert header["identity"]["batch"] == 128
    assert header_of(run.out / "config.json") is None
    assert header_of(run.out / "none") is None


def test_a_state_of_another_game_is_refused(run, tmp_path, rows):
    gan = GAN(Reals((2,)), MLP(3, 2, (4,)), MLP(2, 1, (4,)), 3)
    with pytest.raises(Refused, match="had another model"):
        fit(gan, rows, replace(run, ema=0.9, resume=True))


def test_large_numbers_are_finite_though_their_sum_is_not():
    large = torch.full((4,), 3e38)
    assert first_endless([("large", large)]) == ""
    for value in (torch.nan, torch.inf, -torch.inf):
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            x = torch.zeros(1000, dtype=dtype)
            x[7] = value
            assert first_endless([("count", torch.ones(2).long()), ("x", x)]) == "x"
    assert first_endless([("both", torch.tensor([torch.inf, -torch.inf]))]) == "both"
