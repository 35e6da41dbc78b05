"""Benchmarks: every committed table is what its cells say, and a benchmark that was stopped continues."""

import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path.relative_to(ROOT).with_suffix("").as_posix()
    for path in (ROOT / "benchmarks").glob("*/*.py")
)


def bench_of(name):
    return importlib.import_module(name.replace("/", ".")).BENCH


@pytest.mark.parametrize("name", FILES)
def test_every_committed_table_is_what_its_cells_say(name):
    bench = bench_of(name)
    options = bench.parser().parse_args([])
    record = json.loads(bench.results.read_text("utf-8"))
    figures = {cell: one["figures"] for cell, one in record["cells"].items()}
    assert record["rows"] == bench.table(figures, options)
    assert record["columns"] == bench.columns
    assert all(len(row) == len(bench.columns) for row in record["rows"])
    assert record["notes"] == bench.notes_of(figures, options)
    assert record["command"] == f"make bench NAME={name.removeprefix('benchmarks/')}"


@pytest.mark.parametrize("name", FILES)
def test_every_cell_that_is_there_is_listed(name):
    bench = bench_of(name)
    listed = {cell.name for cell in bench.listed(bench.parser().parse_args([]))}
    assert {*json.loads(bench.results.read_text("utf-8"))["cells"]} <= listed
