"""Two ranks on halves of each batch make the moves that one process makes on the whole."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from genus.artifact import read_weights

SCRIPT = Path(__file__).parent / "ranks_of_a_game.py"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def run(how, *arguments):
    command = [sys.executable, *how, str(SCRIPT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("game", ["blob", "duel"])
@pytest.mark.parametrize("how", ["play", "--accumulate", "--fit"])
def test_two_ranks_are_one_process(game, how, tmp_path):
    options = [] if how == "play" else [how]
    run([], game, str(tmp_path / "one"), *options)
    run(TORCHRUN, game, str(tmp_path / "two"), *options)
    one = read_weights(tmp_path / "one.rank0" / "model.safetensors")
    for rank in (0, 1):
        two = read_weights(tmp_path / f"two.rank{rank}" / "model.safetensors")
        for name, value in one.items():
            torch.testing.assert_close(two[name], value, rtol=1e-10, atol=1e-12)
    assert (one[next(iter(one))] != 0).any()
    if how == "--fit":
        assert (tmp_path / "two" / "metrics.jsonl").read_text().count("losses") == 4
