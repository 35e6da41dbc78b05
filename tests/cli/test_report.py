"""The report: groups, words and curves, on figures made up for the purpose."""

import json
import math
import xml.etree.ElementTree as xml
from itertools import combinations

import pytest

from genus.measure import Figure, differences, to_json
from genus.report import groups, printed, verdict
from genus.report.curves import chart, legend, nice
from genus.report.page import game
from genus.report.verdict import digits, level, listed

GREY, BITS = "Pixels(shape=(1, 8, 8), levels=17)", "Bits(shape=(1, 8, 8))"
PAIRS = "Reals(shape=(1, 8, 8))"


def protocol(space, context=None, **more):
    return {
        "data": "digits",
        "split": "test",
        "fingerprint": space,
        "rows": 300,
        "space": space,
        "context": context,
        "seed": 0,
    } | more


def record(name, space=GREY, nll=None, sign="=", frechet=None, context=None, error=0.1, **more):
    own = []
    if nll is not None:
        how = {"name": {"=": "exact", "<=": "elbo", "~": "ais"}[sign]}
        at = protocol(space, context)
        own.append(Figure("nll", nll, "nats", at, sign, error, better="lower", estimator=how))
    if frechet is not None:
        at = protocol(space, context, samples=1000)
        own.append(Figure("frechet", frechet, "", at, "~", error, 0.1, "lower"))
    for figure, (value, floor, better) in more.items():
        at = protocol(space, context, samples=1000)
        own.append(Figure(figure, value, "", at, "~", None, floor, better))
    promises = ["sample", *([] if nll is None else ["log_prob"])]
    figures = json.loads(to_json(own))
    return {"name": name, "failure": None, "figures": figures, "promises": promises}


def words(*records):
    results = {
        "models": records,
        "minutes": 1,
        "data": {"name": "digits", "splits": {"train": 1297, "test": 300}},
    }
    return "\n".join(verdict(results, groups(records)))


# --- groups -----------------------------------------------------------------------------------


def test_no_column_holds_figures_of_two_protocols():
    records = [
        record("vae", nll=90, sign="<=", frechet=1.0),
        record("flow", nll=88, frechet=2.0),
        record("made", BITS, nll=20, frechet=1.5),
        record("rbm", BITS, nll=22, sign="~", frechet=3.0),
        record("gan", frechet=0.5),
        record("pix2pix", frechet=0.4, context=PAIRS),
    ]
    found = groups(records)
    assert [(g.kind, g.models) for g in found] == [
        ("likelihood", ["vae", "flow"]),
        ("likelihood", ["made", "rbm"]),
        ("samples", ["vae", "flow", "gan"]),
        ("samples", ["made", "rbm"]),
        ("samples", ["pix2pix"]),
    ]
    for group in found:
        for name in group.columns:
            for a, b in combinations(group.column(name).values(), 2):
                assert not differences(a, b)
    assert printed(found).count("digits, test rows") == 5


def test_what_costs_is_in_no_group():
    own = [Figure("parameters", 3.0, "", {}), Figure("samples_per_second", 9.0, "rows/s", {})]
    assert groups([{"name": "a", "figures": json.loads(to_json(own))}]) == []
    assert groups([{"name": "failed"}]) == []


def test_another_effort_is_another_group():
    def estimate(k):
        how = {"name": "iwae", "settings": {"k": k}}
        figure = Figure("nll", 90.0, "nats", protocol(GREY), "<=", estimator=how)
        return json.loads(to_json([figure]))

    found = groups([{"name": "a", "figures": estimate(1)}, {"name": "b", "figures": estimate(9)}])
    assert [group.models for group in found] == [["a"], ["b"]]


def test_best():
    a = record("a", frechet=2.0, diversity=(1.0, 1.5, "floor"), recall=(0.5, 0.9, "higher"))
    b = record("b", frechet=1.0, diversity=(1.6, 1.5, "floor"), recall=(0.5, 0.9, "higher"))
    (group,) = groups([a, b])
    assert group.best("frechet") == {"b"}
    assert group.best("diversity") == {"b"}  # nearest to real rows
    assert group.best("recall") == set()  # all the same


# --- words ------------------------------------------------------------------------------------


def test_the_best_likelihood_and_what_a_bound_is_worth():
    text = words(record("flow", nll=88.0), record("vae", nll=90.0, sign="<="))
    assert "flow finds unseen rows most probable: 88.00 nats a row; next is vae" in text
    assert "the true value of vae may be better than the table shows" in text
    text = words(record("flow", nll=92.0), record("vae", nll=90.0, sign="<="))
    assert "vae finds unseen rows most probable: <= 90.00 nats" in text
    assert "may be better" not in text  # a bound that wins has won


def test_figures_within_their_errors_are_level():
    text = words(record("a", nll=88.0, error=0.5), record("b", nll=88.4, error=0.5))
    assert "a and b are level within their errors" in text


def test_models_without_likelihood_and_alone():
    text = words(record("gan", frechet=0.5), record("made", BITS, nll=20, frechet=1.0))
    assert "gan has no likelihood" in text
    assert "made is alone on pixels as bits" in text
    assert "gan, alone on 17 levels a pixel, have a Fréchet distance of 5.0 times the floor" in text


def test_two_views_that_disagree():
    text = words(record("flow", nll=88.0, frechet=3.0), record("ddpm", nll=95.0, frechet=0.3))
    assert "flow scores best and ddpm has the best samples" in text
    text = words(record("flow", nll=88.0, frechet=0.3), record("ddpm", nll=95.0, frechet=3.0))
    assert "flow leads in both" in text


def test_copies_gaps_and_failures_are_named():
    thief = record(
        "thief", frechet=0.1, memorisation=(0.2, 1.0, "floor"), classes=(7.0, 10.0, "higher")
    )
    text = words(thief, {**record("gone"), "failure": "it fell"})
    assert "thief lies nearer to the training rows than unseen rows do" in text
    assert "thief (7 of 10)" in text
    assert "gone is missing: it fell." in text


def test_caveats_are_always_there():
    text = words(record("a", frechet=0.5), record("b", frechet=0.6))
    assert "one seed and a minute" in text
    assert "With 300 test rows even real data have a distance of 0.1 from themselves" in text
    assert words({**record("gone"), "failure": "it fell"})  # also when there is nothing else


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (123.456, 0.57, "123.46"),
        (123.456, 5.7, "123.5"),
        (123.456, 57.0, "123"),
        (0.00449, 0.0026, "0.0045"),
        (0.00449, None, "0.00449"),
        (45678.9, None, "45,679"),
        (math.inf, 0.1, "inf"),
        (3.0, 0.0, "3"),
    ],
)
def test_digits_are_those_that_the_error_leaves(value, error, text):
    assert digits(value, error) == text


def test_lists_and_levels():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    exact = [Figure("nll", value, "nats", {}) for value in (1.0, 1.0, 2.0)]
    assert level(exact[0], exact[1])
    assert not level(exact[0], exact[2])


def test_what_is_said_of_a_game_stands_on_the_page_as_text():
    assert "<li>1 of 8 modes; a &lt; b</li>" in game({"game": ["1 of 8 modes; a < b"]})
    assert game({"game": []}) == game({}) == ""


# --- curves -----------------------------------------------------------------------------------


def test_a_chart_is_well_formed_and_says_what_it_shows():
    lines = {
        "real <loss>": [[i, i / 10, math.exp(-i / 30)] for i in range(100)],
        "fake": [[5, 1, 2], [6, 1, 2]],
    }
    svg = xml.fromstring(chart(lines, "losses of the critic"))
    assert svg.get("aria-label") == (
        "losses of the critic: real <loss> from 1 to 0.0369, fake from 2 to 2"
    )
    paths = [e.get("d") for e in svg.iter() if e.tag.endswith("path")]
    assert len(paths) == 2
    assert "nan" not in "".join(paths)
    xml.fromstring(legend(list(lines)))


@pytest.mark.parametrize(
    "values",
    [[math.nan, 1.0, math.inf, 2.0], [0.0, 0.0], [5.0, 5.0], [1e30, -1e30], [-3.0, -2.0, 1e9]],
)
def test_a_chart_survives_any_curve(values):
    svg = chart({"term": [[i, i, value] for i, value in enumerate(values)]}, "losses")
    xml.fromstring(svg)
    assert "nan" not in svg
    assert "inf" not in svg.replace("infinite", "")


def test_no_line_no_chart():
    assert chart({"term": [[3, 1, 2.0]]}, "losses") == ""
    assert chart({"term": [[0, 0, math.nan]]}, "losses") == ""
    assert chart({}, "losses") == ""


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3, 7), (88.1, 88.3), (0, 1e6), (1e-9, 2e-9), (-80, 80)]
)
def test_ticks_are_few_and_round(low, high):
    ticks = nice(low, high)
    assert 3 <= len(ticks) <= 8
    assert all(low - 1e-12 <= tick <= high * (1 + 1e-9) + 1e-12 for tick in ticks)
