"""Two ranks on halves of each batch make the moves that one process makes on the whole."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from genus.train.artifact import read_weights
from genus.train.keeping.state import header_of, kept

pytestmark = pytest.mark.xdist_group("ranks")  # which are played once
SCRIPT = Path(__file__).parent / "ranks_of_a_game.py"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same games, played by one process and by two ranks."""
    folder = tmp_path_factory.mktemp("ranks")
    for how, out in (([], folder / "one"), (TORCHRUN, folder / "two")):
        command = [sys.executable, *how, str(SCRIPT), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("game", ["blob", "duel"])
@pytest.mark.parametrize("way", ["play", "accumulate", "fit"])
def test_two_ranks_are_one_process(runs, game, way):
    name = f"{game}-{way}"
    one = read_weights(runs / "one" / name / "rank0" / "model.safetensors")
    for rank in (0, 1):
        two = read_weights(runs / "two" / name / f"rank{rank}" / "model.safetensors")
        for key, value in one.items():
            torch.testing.assert_close(two[key], value, rtol=1e-10, atol=1e-12)
    assert any(value.abs().max() > 1e-3 for value in one.values())


def test_one_rank_keeps_the_log(runs):
    for count in ("one", "two"):
        log = (runs / count / "duel-fit" / "metrics.jsonl").read_text()
        assert log.count('"losses"') == 4


@pytest.mark.parametrize("rank", [0, 1])
def test_each_rank_goes_on_with_its_own_buffers(runs, rank):
    """Its chain is neither the other's nor that of the start, and ends as without a stop."""
    two = runs / "two"
    whole, parts, other = (
        read_weights(two / name / f"rank{which}" / "model.safetensors")
        for name, which in (("whole", rank), ("parts", rank), ("whole", 1 - rank))
    )
    assert all(torch.equal(parts[name], value) for name, value in whole.items())
    assert not torch.equal(whole["chain"], other["chain"])
    assert torch.equal(whole["mean"], other["mean"])


def test_the_log_is_that_of_all_ranks(runs):
    """The mean of the losses of both, which differ; and the same after a stop."""
    losses = {}
    for name in ("whole", "parts"):
        lines = (runs / "two" / name / "metrics.jsonl").read_text().splitlines()
        losses[name] = [json.loads(line)["model/nll"] for line in lines]
    assert losses["whole"][-1] == losses["parts"][-1]
    one, two = (
        [json.loads(line) for line in (runs / count / "blob-fit" / "metrics.jsonl").open()]
        for count in ("one", "two")
    )
    for alone, together in zip(one, two, strict=True):
        assert together["model/nll"] == pytest.approx(alone["model/nll"], rel=1e-9)


def test_all_ranks_stop_after_the_same_round(runs):
    header = header_of(runs / "two" / "stopped" / "state.pt")
    assert header["circumstances"]["ranks"] == 2
    found = kept(runs / "two" / "stopped" / "state.pt", torch.device("cpu")).state
    assert found["number"] == 3
    assert len(found["ranks"]) == 2
    for rank in (0, 1):
        end = read_weights(runs / "two" / "stopped" / f"rank{rank}" / "model.safetensors")
        assert torch.equal(end["mean"], found["average"]["mean"])
        assert torch.equal(end["chain"], found["ranks"][rank]["buffers"][1]["chain"])


def test_all_ranks_lose_patience_together_and_return_the_best(runs):
    state = kept(runs / "two" / "tired" / "state.pt", torch.device("cpu")).state
    assert (
        state["number"] == 7
    )  # the first look, after two rounds, is the best; two more; one to tell
    ends = [
        read_weights(runs / "two" / "tired" / f"rank{rank}" / "model.safetensors")
        for rank in (0, 1)
    ]
    assert all(torch.equal(ends[1][name], value) for name, value in ends[0].items())
    assert torch.equal(ends[0]["mean"], state["best_weights"]["mean"])
    assert not torch.equal(ends[0]["mean"], state["average"]["mean"])


@pytest.mark.skipif(os.name != "posix", reason="processes are forked here")
@pytest.mark.parametrize("why", ["torchrun has gone", "did not come within"])
def test_a_rank_that_is_left_alone_ends(why):
    """A grandchild, whose parent ends at once; or a child, whose others never come."""
    code = (
        "import os, sys, threading, time; import genus.train.ranks as ranks\n"
        "from datetime import timedelta\n"
        "ranks.WATCH, alone = 0.05, sys.argv[1] == 'alone'\n"
        "ranks.JOIN = ranks.JOIN if alone else timedelta(seconds=0.2)\n"
        "if alone and os.fork(): time.sleep(0.3); os._exit(0)\n"
        "threading.Thread(target=ranks._watch, args=(os.getppid(), threading.Event())).start()\n"
        "time.sleep(60)\n"
    )
    how = "alone" if "gone" in why else "late"
    begun = time.monotonic()
    ended = subprocess.run(  # its pipes are open until the last of its processes ends
        [sys.executable, "-c", code, how], capture_output=True, text=True, timeout=50, check=False
    )
    assert why in ended.stderr
    assert time.monotonic() - begun < 40
