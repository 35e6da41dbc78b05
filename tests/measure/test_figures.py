"""Figures: what they say of themselves, and when they refuse to stand side by side."""

import json
from dataclasses import replace

import pytest

from genus.measure import (
    Figure,
    Figures,
    comparable,
    differences,
    from_json,
    render,
    side_by_side,
    table,
    to_json,
)

PROTOCOL = {"data": "digits", "split": "test", "rows": 300, "seed": 0}
EXACT = Figure("nll", 31.25, "nats", PROTOCOL, error=0.5, better="lower")
BOUND = replace(
    EXACT, value=33.0, sign="<=", estimator={"name": "iwae", "settings": {"k": 50}}, floor=30.0
)


def test_a_figure_in_a_line():
    assert str(EXACT) == "nll = 31.25 ± 0.5 nats"
    assert str(replace(BOUND, error=None, unit="")) == "nll <= 33"


def test_an_exact_value_may_stand_beside_a_bound_on_the_same_rows():
    comparable(EXACT, BOUND)


def test_the_seed_need_not_agree():
    comparable(EXACT, replace(EXACT, protocol=PROTOCOL | {"seed": 1}))


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (replace(EXACT, protocol=PROTOCOL | {"split": "train"}), "split: test and train"),
        (replace(EXACT, protocol=PROTOCOL | {"samples": 10}), "samples: None and 10"),
        (replace(EXACT, unit="bits/dim"), "unit: nats and bits/dim"),
        (replace(EXACT, name="frechet"), "name: nll and frechet"),
    ],
)
def test_figures_of_different_protocols_are_refused_by_name(other, named):
    with pytest.raises(ValueError, match=named):
        comparable(EXACT, other)


def test_one_estimator_with_two_settings_is_refused():
    other = replace(BOUND, estimator={"name": "iwae", "settings": {"k": 5000}})
    assert differences(BOUND, other) == {"estimator's k": (50, 5000)}


def test_reports_side_by_side():
    speed = Figure("samples_per_second", 1234.5, "rows/s", {}, better="higher")
    columns = side_by_side({"flow": [EXACT, speed], "vae": [BOUND]})
    assert columns == {"nll": {"flow": EXACT, "vae": BOUND}, "samples_per_second": {"flow": speed}}
    lines = table({"flow": [EXACT, speed], "vae": [BOUND]}).splitlines()
    assert lines[2].split() == ["flow", "31.25", "1,234"]
    assert lines[3].split() == ["vae", "<=33", "-"]
    assert len({len(line) for line in lines[:4]}) == 1


def test_the_floor_ends_the_table():
    assert table({"vae": [BOUND]}).splitlines()[-1].split() == ["real", "data", "30"]


def test_a_table_of_different_protocols_is_refused():
    with pytest.raises(ValueError, match="rows: 300 and 10"):
        table({"a": [EXACT], "b": [replace(EXACT, protocol=PROTOCOL | {"rows": 10})]})


def test_rendering_tells_value_sign_settings_and_protocol():
    text = render([EXACT, BOUND])
    assert "<=     33" in text
    assert "iwae k=50" in text
    assert "data digits, split test, rows 300, seed 0" in text


def test_rendering_nothing():
    assert "figure" in render([])


def test_json_there_and_back():
    odd = replace(EXACT, value=float("inf"), error=None, floor=float("nan"))
    text = to_json([EXACT, BOUND, odd])
    assert json.loads(text)[2]["value"] == "inf"  # plain JSON: no Infinity
    back = from_json(text)
    assert back[:2] == [EXACT, BOUND]
    assert back[2].value == float("inf")
    assert back[2].floor != back[2].floor


def test_a_figure_does_not_print_its_whole_protocol():
    assert repr(EXACT) == "<nll = 31.25 ± 0.5 nats; digits, test, 300 rows>"
    assert repr(Figure("n", 2, "", {})) == "<n = 2>"


def test_figures_are_a_list_that_prints_as_a_table():
    figures = Figures([EXACT, BOUND])
    assert figures == [EXACT, BOUND]
    assert isinstance(from_json(to_json(figures)), Figures)
    assert str(figures) == repr(figures) == render(figures)
    assert str(Figures()) == Figures()._repr_html_() == "[]"
    page = figures._repr_html_()
    assert page.count("<tr>") == 3
    assert "&lt;=" in page
    assert "protocol: data digits" in page


def test_a_comparison_prints_as_a_table():
    found = side_by_side({"made": [EXACT], "<b>flow</b>": [BOUND]})
    assert found == {"nll": {"made": EXACT, "<b>flow</b>": BOUND}}
    assert str(found) == table({"made": [EXACT], "<b>flow</b>": [BOUND]})
    assert "<b>flow" not in found._repr_html_()
    assert found._repr_html_().count("<tr>") == 2  # one for each figure
