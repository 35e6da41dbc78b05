"""Benchmarks: every committed table is what its cells say, and a benchmark that was stopped continues."""

import importlib
import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.special import entr
from scipy.stats import norm, poisson

from benchmarks import recipes
from benchmarks.bench import Bench, Cell, Skipped, alike, first_losses, stale, trained
from genus.data import load
from genus.data.tables.sheets import Sheet
from genus.flow import RealNVP
from genus.measure import Figure
from genus.recipes.density.gmm import gmm
from genus.train import Run, fit

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


def test_a_law_is_one():
    """Its entropy by draws is that in closed form, but for `late`, and its draws have its shares."""
    from benchmarks import table_sources as law

    columns = law.drawn(200_000, seed=9)
    plan, region, visits, _, minutes, _ = columns
    joint = law.PLAN[:, None] * law.REGION
    shares = np.zeros((3, 4))
    np.add.at(shares, (plan, region), 1 / len(plan))
    assert shares == pytest.approx(joint, abs=0.005)
    k = np.arange(200)
    p = poisson.pmf(k, law.VISITS[..., None])
    log_spend = 2 + 0.8 * np.log1p(k)
    yes = 1 / (1 + np.exp(-(law.LATE[plan] + 0.5 * (minutes - 16))))
    entropy = (
        entr(joint).sum()
        + (joint * entr(p).sum(-1)).sum()
        + (law.PLAN * norm.entropy(scale=law.SPEND)).sum()
        + (joint * (p * log_spend).sum(-1)).sum()
        + (joint.sum(0) * norm.entropy(scale=law.MINUTES)).sum()
        + (entr(yes) + entr(1 - yes)).mean()
    )
    found = -law.log_law(columns)
    assert found.mean() == pytest.approx(entropy, abs=4 * found.std() / len(found) ** 0.5)
    assert visits.mean() == pytest.approx((joint * law.VISITS).sum(), abs=0.05)


def test_each_fold_of_a_table_tests_rows_of_its_own(tmp_path):
    from benchmarks.table_sources import Fold, in_folder

    cells = Sheet(["what", "of"], [[k + 0.5 for k in range(43)], [k % 2 for k in range(43)]])
    tested = []
    for k in range(10):
        fold = Fold("things", in_folder("things", cells, k, tmp_path), None)
        tested += fold.columns.decode(fold.tested).columns[0]
    assert len(tested) == len({*tested}) == 40  # ten times 4


# --- the harness ------------------------------------------------------------------------------


class Halves:
    """A benchmark of three cells, which counts how often each was measured."""

    def __init__(
        self, fails_at=None, lacks=None, factor=1.0, protocol="halves", file="bench.py", probes=True
    ):
        self.measured, self.fails_at = [], fails_at
        bench = Bench(
            str(ROOT / "benchmarks" / file),
            "Halves",
            "number | half",
            {"what": protocol},
            "One note.",
        )

        def measure(number):
            if number == self.fails_at:
                raise RuntimeError("killed")
            if number == lacks:
                raise Skipped("--numbers is wanted")
            self.measured.append(number)
            return {"half": number / 2}

        @bench.cells
        def cells(options):
            for number in range(3):
                probe = (lambda n=number: [factor * n + 1]) if probes else None
                yield Cell(f"number {number}", partial(measure, number), probe)

        @bench.rows
        def rows(found, options):
            return [[name, f"{figures['half']:.1f}"] for name, figures in found.items()]

        self.run = lambda *words: bench.main([*words, "--out", str(self.out)])

    def into(self, out):
        self.out = out
        return self


def test_a_benchmark_that_was_stopped_continues(tmp_path):
    out = tmp_path / "halves.json"
    with pytest.raises(RuntimeError, match="killed"):
        Halves(fails_at=2).into(out).run()
    assert [*json.loads(out.read_text())["cells"]] == ["number 0", "number 1"]
    later = Halves().into(out)
    later.run()
    assert later.measured == [2]
    record = json.loads(out.read_text())
    assert record["rows"] == [["number 0", "0.0"], ["number 1", "0.5"], ["number 2", "1.0"]]
    assert {*record["cells"]["number 2"]} >= {"date", "machine", "versions", "weights", "source"}
    later.run("--again", "--only", "*1")
    assert later.measured == [2, 1]


def test_a_cell_that_lacks_something_is_left_out_and_the_others_are_measured(tmp_path, capsys):
    lacking = Halves(lacks=1).into(tmp_path / "halves.json")
    lacking.run()
    assert lacking.measured == [0, 2]
    assert "number 1: left out: --numbers is wanted" in capsys.readouterr().out


def test_a_fingerprint_that_lacks_something_is_passed_over(capsys):
    def probe():
        raise Skipped("--numbers is wanted")

    known = {"one": {"fingerprint": [1.0]}}
    assert [*stale("halves", [Cell("one", dict, probe)], known)] == []
    assert "one: not looked at: --numbers is wanted" in capsys.readouterr().out


def test_what_processors_disagree_on_grows_with_the_rounds_and_no_more():
    was = [1.0] * 20
    assert alike(was, [1 + 9e-5, *was[1:]])
    assert not alike(was, [1 + 2e-4, *was[1:]])
    assert alike(was, [*was[:-1], 1 + 5e-3])
    assert not alike(was, [*was[:-1], 1 + 2e-2])
    assert not alike(was, was[:-1])


def test_a_planted_change_is_stale_and_a_rename_is_not(tmp_path):
    out = tmp_path / "halves.json"
    Halves().into(out).run()
    for same in (Halves(), Halves(file="render.py"), Halves(factor=1 + 1e-6)):
        with pytest.raises(SystemExit) as found:
            same.into(out).run("--check")
        assert found.value.code == 0
    with pytest.raises(SystemExit, match="number 1 is stale"):
        Halves(factor=1.01).into(out).run("--check")


def test_a_stamp_gives_cells_a_fingerprint_and_measures_nothing(tmp_path):
    out = tmp_path / "halves.json"
    Halves(probes=False).into(out).run("--only", "*0", "*1")
    before = json.loads(out.read_text())
    later = Halves().into(out)
    later.run("--stamp", "--only", "*1", "*2")
    assert later.measured == []
    after = json.loads(out.read_text())
    assert after["cells"]["number 1"].pop("fingerprint") == [2.0]
    assert after == before
    with pytest.raises(SystemExit, match="number 1 is stale"):
        Halves(factor=2).into(out).run("--check")


def test_a_stamp_leaves_a_fingerprint_that_is_there(tmp_path):
    out = tmp_path / "halves.json"
    Halves().into(out).run()
    before = out.read_bytes()
    Halves(factor=2).into(out).run("--stamp")
    assert out.read_bytes() == before


def test_cells_of_another_protocol_are_not_mixed(tmp_path):
    out = tmp_path / "halves.json"
    Halves().into(out).run()
    before = out.read_bytes()
    for words in ((), ("--again", "--only", "*1")):
        other = Halves(protocol="thirds").into(out)
        with pytest.raises(SystemExit, match="holds cells of another protocol"):
            other.run(*words)
        assert other.measured == []
    assert out.read_bytes() == before


def test_a_fingerprint_sees_what_is_trained():
    run = Run(rounds=900, batch=16, seed=3)
    prints = [
        first_losses(lambda run, k=k: gmm(run=run, components=k), run, rounds=2) for k in (3, 3, 4)
    ]
    assert alike(prints[0], prints[1])
    assert not alike(prints[0], prints[2])


def test_a_changed_recipe_is_stale(monkeypatch):
    def found(name):
        known = recipes.read()[name]
        cells = [cell for cell in recipes.cells() if cell.name == name]
        return [*stale("recipes", cells, {name: known})]

    assert found("gmm") == []
    changed = partial(gmm, components=4)
    monkeypatch.setattr(recipes.recipes, "find", lambda name: changed)
    assert found("gmm") == [
        "recipes: gmm is stale: it was measured before a change of what it measures"
    ]


def test_minutes_of_a_run_that_was_killed_are_not_known(tmp_path):
    def train(run):
        model = RealNVP(load("moons").space, 2, 4)
        return fit(model, load("moons").train, replace(run, rounds=4, checkpoint_every=1))

    _, minutes = trained(train, Run(rounds=4), tmp_path / "run")
    assert minutes > 0
    (tmp_path / "run" / "cpu_minutes.json").unlink()  # as a kill leaves it
    _, minutes = trained(train, Run(rounds=4), tmp_path / "run")
    assert math.isnan(minutes)


def test_figures_that_lead_where_an_extractor_judges():
    """It knows no classes."""
    far = Figure("frechet", 3.0, "", {"space": "Reals(shape=(2,))"}, "~", None, 1.5)
    near = Figure("nll", 2.0, "nats", {"space": "Reals(shape=(2,))"})
    assert recipes.headline([near, far]) == f"{near}, frechet 2.0 times the floor"
    classes = Figure("classes", 9.0, "classes", {})
    assert recipes.headline([near, far, classes]).endswith(", 9 classes")
