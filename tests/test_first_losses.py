"""The comparison of first losses sees what differs."""

import copy
import json

import pytest

from benchmarks import first_losses
from benchmarks.bench import RESULTS

RECORD = {
    "log": {"metrics.jsonl": [{"round": 1, "nll": 0.5}, {"round": 2, "nll": float("nan")}]},
    "weights": {"model.safetensors": {"sha256": "ab", "norm": 2.0}},
}


def changed(change):
    record = copy.deepcopy(RECORD)
    change(record)
    return record


def nll(value):
    return changed(lambda r: r["log"]["metrics.jsonl"][0].update(nll=value))


def test_a_record_is_its_own_equal():
    for exact in (True, False):
        assert first_losses.difference(RECORD, copy.deepcopy(RECORD), exact) is None


@pytest.mark.parametrize(
    ("now", "exact"),
    [
        (nll(0.5 + 2**-53), True),
        (nll(0.5001), False),
        (nll(float("nan")), False),
        (changed(lambda r: r["log"]["metrics.jsonl"].pop()), True),
        (changed(lambda r: r["log"].clear()), False),
        (changed(lambda r: r["weights"].clear()), False),
        (changed(lambda r: r["weights"]["model.safetensors"].update(sha256="cd")), True),
        (changed(lambda r: r["weights"]["model.safetensors"].update(norm=2.001)), False),
    ],
)
def test_what_differs_is_seen(now, exact):
    assert first_losses.difference(RECORD, now, exact)


def test_on_another_machine_small_numbers_are_compared_too():
    assert first_losses.equal(0.5, 0.50001, exact=False)
    assert not first_losses.equal(1e-5, 2e-5, exact=False)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"rounds": 20}', '{"rounds": 3, "machine": {}, "recipes": {}}']
)
def test_a_file_that_is_none_ends_in_a_sentence(text, tmp_path):
    path = tmp_path / "losses.json"
    with pytest.raises(SystemExit, match=r"losses\.json"):
        first_losses.known(path, must_exist=True)
    path.write_text(text)
    with pytest.raises(SystemExit, match=r"losses\.json"):
        first_losses.known(path, must_exist=False)


def test_the_committed_file_is_whole():
    path = RESULTS / "first_losses.json"
    assert first_losses.known(path, must_exist=True) == json.loads(path.read_text())
