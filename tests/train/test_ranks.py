"""Two ranks on halves of each batch make the moves that one process makes on the whole."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from genus.train.artifact import read_weights

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
