"""The picture of a run on a table shows columns, not a grey square for each number."""

import io

import numpy as np
import pytest
import torch
from clocks import Clock
from games import Blob
from PIL import Image

from genus.core import Reals
from genus.data import Rows, load
from genus.media import columns
from genus.media.columns import Compared, columns_png
from genus.recipes import find
from genus.recipes._tables import TablePicture
from genus.train import Run, fit


def table(folder, rows=200):
    chance = np.random.default_rng(0)
    lines = ["city,age,joined,empty"]
    for _ in range(rows):
        age = "" if chance.random() < 0.1 else str(chance.integers(18, 80))
        day = np.datetime64("2020-01-01") + chance.integers(0, 900)
        city = chance.choice(["Oslo", "Rome, by the $river$"])
        lines.append(f'"{city}",{age},{day},')
    path = folder / "people.csv"
    path.write_text("\n".join(lines))
    return path


def shown(monkeypatch):
    """The columns that are drawn from now on."""
    seen = []
    whole = columns.columns_png

    def watched(values, *more):
        seen.append(values)
        return whole(values, *more)

    monkeypatch.setattr("genus.recipes._tables.columns_png", watched)
    return seen


@pytest.mark.parametrize("recipe", ["rows", "maf", "gmm"])
def test_each_recipe_draws_the_columns_of_a_table(recipe, tmp_path, monkeypatch):
    seen = shown(monkeypatch)
    path, out = table(tmp_path), tmp_path / "run"
    find(recipe)(data=str(path), run=Run(rounds=3, batch=16, out=out))
    (picture,) = sorted(out.glob("samples/*.png"))[-1:]
    assert Image.open(picture).width > 500
    city, age, joined = seen[-1]
    assert [(c.name, c.kind) for c in (city, age, joined)] == [
        ("city", "words"),
        ("age", "numbers"),
        ("joined", "dates"),
    ]
    assert set(city.made) <= set(city.real) == {"Oslo", "Rome, by the $river$"}
    validation = load(path).validation.everything()[0]
    assert 0 < len(age.real) < len(city.real) == len(validation)  # what is missing is no zero
    assert min(age.real) >= 18
    assert min(joined.real) >= np.datetime64("2020-01-01", "s").astype(float)
    assert len(joined.made) > 800


def test_rows_that_are_not_finite_and_dates_at_the_end_of_time_are_drawn(tmp_path, monkeypatch):
    seen = shown(monkeypatch)
    path = table(tmp_path)
    path.write_text(path.read_text().replace("2020-01", "9999-12"))
    data = load(path)
    draw = TablePicture(data)
    rows = data.train.everything()[0].repeat(10, 1)[:1000].clone()
    rows[::2] = torch.nan
    rows[1] = torch.inf
    monkeypatch.setattr("genus.recipes._tables.sample", lambda *_: rows)
    draw(None, tmp_path / "x.png")
    assert len(seen[-1][0].made) == 499
    assert (tmp_path / "x.png").exists()
    rows[:] = torch.nan
    draw(None, tmp_path / "x.png")
    assert len(seen[-1][0].made) == 0


def test_pictures_of_tables_take_a_small_part_of_a_run(tmp_path):
    """A picture takes one second, and there is an evaluation a second: one in twenty is drawn, and the last."""
    clock, drawn = Clock(), []

    class Slow:
        rare = True

        def __call__(self, model, path):
            clock.time += 1.0
            drawn.append(path)

    rows = torch.randn(64, 2)

    def evaluate(model):
        clock.time += 1.0
        return {"nats": 1.0}

    run = Run(rounds=100, batch=8, evaluate_every=1, out=tmp_path / "run")
    fit(Blob(), Rows(rows, Reals((2,))), run, evaluate=evaluate, picture=Slow(), clock=clock)
    assert drawn[-1].stem == "00000100"
    assert 4 <= len(drawn) <= 12


def test_what_is_given_is_not_drawn(tmp_path, monkeypatch):
    seen = shown(monkeypatch)
    data = f"{table(tmp_path)}?given=city"
    find("rows")(data=data, run=Run(rounds=2, batch=16, out=tmp_path / "run"))
    assert [c.name for c in seen[-1]] == ["age", "joined"]


def test_any_column_can_be_drawn():
    few = Compared("a", [], [1.0, 2.0], "numbers")
    flat = Compared("b", [3.0] * 5, [3.0] * 4, "numbers")
    none = Compared("c", [], [], "numbers")
    day = Compared("d", [86400.0], [86400.0 * 9], "dates")
    words = Compared("e" * 60, ["", None, "$x_$", "long" * 9], ["$x_$"], "words")
    for some in ([few], [flat], [none], [day], [words], [few, flat, none, day, words] * 6):
        picture = Image.open(io.BytesIO(columns_png(some)))
        assert picture.width > 200
    assert picture.height > 6 * 150  # thirty columns: six rows of four are shown


def test_bars_and_steps_show_shares():
    seen = {}

    class Axes:
        def bar(self, at, heights, width, color, label):
            seen[label] = heights

        def stairs(self, heights, at, fill, alpha, color, label):
            seen[label] = list(heights)

        def set_xticks(self, *_, **__):
            pass

        def locator_params(self, **_):
            pass

        def set_xlim(self, low, high):
            seen["range"] = (low, high)

    columns._bars(Axes(), Compared("w", ["a", "a", "b", ""], ["b", "c"], "words"))
    assert seen == {"real rows": [0.5, 0.25, 0.25, 0.0], "samples": [0.0, 0.5, 0.0, 0.5]}
    columns._steps(Axes(), Compared("n", [0.0, 24.0], [0.5, 0.5, 23.5, 99.0], "numbers"))
    assert seen["real rows"][0] == seen["real rows"][-1] == 0.5
    assert seen["samples"][0] == 0.5  # one of four lies beyond the axis
    assert sum(seen["samples"]) == 0.75
