"""Columns that are given: contexts of rows, and rows that come back with what was drawn beside them."""

import random

import numpy as np
import pandas
import polars
import pytest
import torch

import genus
from genus.autoregressive import MixedMADE
from genus.cli.main import main
from genus.core import Reals, Refused
from genus.data import load
from genus.data.in_order.again import read_again
from genus.data.meaning import Meaning
from genus.recipes.autoregressive.rows import simpler
from genus.train import Run

ROWS = 200
pytestmark = pytest.mark.filterwarnings("ignore")  # what columns were taken for


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A table of which the income follows from the city and the age."""
    draw = random.Random(0)
    lines = ["id,city,age,income,notes"]
    for i in range(ROWS):
        city, age = draw.choice(["Paris", "Rome", "Oslo"]), draw.randint(18, 80)
        income = {"Paris": 3000, "Rome": 2000, "Oslo": 4000}[city] + 10 * age + draw.gauss(0, 40)
        told = "" if i % 9 == 0 else age
        lines.append(f"{i + 100},{city},{told},{income:.3f},note {draw.random()}")
    path = tmp_path_factory.mktemp("given") / "people.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def run(people, tmp_path_factory):
    """A short run on it."""
    out = tmp_path_factory.mktemp("run") / "rows"
    words = (
        f"fit rows --data {people} --data.drawn income --rounds 300 --out {out} --progress false"
    )
    assert main(words.split()) == 0
    return out


def test_what_is_given_becomes_a_context(people):
    data = load(people, given="city,age")
    assert data.space == Reals((1,))
    assert data.context_space == Reals((6,))  # three cities; whether there is an age; the age
    x, context = data.train.everything()
    assert (context[:, :3].sum(1) == 1).all()
    assert (context[:, 3:5].sum(1) == 1).all()
    assert (context[context[:, 4] == 1, 5] == 0).all()
    sheet = data.columns.decode(x, given=context)
    assert sheet.names == ["id", "city", "age", "income", "notes"]
    lines = {
        line.split(",")[3]: line.split(",")[1:3] for line in people.read_text().splitlines()[1:]
    }
    for city, age, income in zip(*sheet.columns[1:4], strict=True):
        near = min(lines, key=lambda text: abs(float(text) - float(income)))
        assert lines[near] == [city, age]


def test_the_others_can_be_named_instead(people):
    given, drawn = load(people, given="age,2"), load(people, drawn="income")
    assert given.columns == drawn.columns
    assert given.fingerprint == drawn.fingerprint


def test_a_meaning_keeps_what_is_given(people):
    data = load(people, drawn="income")
    kept = Meaning.from_json(data.recorded().to_json(), data.space, data.context_space)
    assert kept.columns == data.columns
    assert kept.columns.given == data.columns.given


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"given": "id"}, "'id' cannot be given, for it numbers the rows"),
        ({"given": "country"}, "no one column 'country' of those given"),
        ({"given": "city,age,income"}, "some given and some drawn"),
        ({"drawn": ""}, "some given and some drawn"),
        ({"given": "city", "drawn": "age"}, "given and drawn came; one of them is wanted"),
        ({"given": "city", "label": "age"}, "label and given came; one of them is wanted"),
    ],
)
def test_what_cannot_be_given_is_refused(people, options, said):
    with pytest.raises(Refused, match=said):
        load(people, **options)


def test_scores_are_those_of_what_is_drawn_given_the_rest(people, run):
    model = genus.TableModel.load(run)
    frame = pandas.read_csv(people)
    scores = model.score(frame)
    assert scores.shape == (ROWS,)
    data = load(people, drawn="income")
    x, context = data.columns.encode(cells(people))[0], data.columns.encode_given(cells(people))[0]
    truth = model.model.score_samples(x, context) + data.columns.log_jacobian(x).numpy()
    np.testing.assert_allclose(scores, truth, rtol=1e-6)
    other = frame.assign(city=frame.city.map({"Paris": "Rome", "Rome": "Oslo", "Oslo": "Paris"}))
    assert scores.mean() > model.score(other).mean() + 3
    odd = frame.head(2).assign(city=["Paris", "Bonn"])
    assert np.isnan(model.score(odd)).tolist() == [False, True]


def cells(path):
    return genus.data.tables.sheets.sheet(path)


def test_rows_come_back_with_what_is_drawn_beside_them(run, tmp_path):
    given = tmp_path / "given.csv"
    given.write_text("who,age,city\nAnn,30,Oslo\nBob,,Rome\nCy,x,Rome\nDi,40,Bonn\n")
    out = tmp_path / "made.csv"
    assert main(f"sample {run} --given {given} -n 3 --out {out}".split()) == 0
    made = polars.read_csv(out)
    assert made.columns == ["who", "age", "city", "income"]
    assert made["who"].to_list() == [who for who in ("Ann", "Bob", "Cy", "Di") for _ in range(3)]
    assert made["income"].is_null().to_list() == [False] * 6 + [True] * 6
    assert made["income"][:3].n_unique() == 3
    assert made["income"][:3].mean() > made["income"][3:6].mean() + 1000


def test_values_that_came_are_not_lost(run):
    model = genus.TableModel.load(run)
    given = pandas.DataFrame({"age": [30, 40], "city": ["Oslo", "Rome"], "income": [1.0, 2.0]})
    made = model.sample(given=given)
    assert made["income"] == [1.0, 2.0]
    assert min(made["drawn income"]) > 1000
    empty = model.sample(given=given.assign(income=[None, None]))
    assert [*empty] == ["age", "city", "income"]
    assert empty["income"] == made["drawn income"]


def test_one_row_can_be_given_in_words(run, tmp_path):
    out = tmp_path / "made.jsonl"
    assert main(f"sample {run} -n 4 --context age=30,city=Oslo --out {out}".split()) == 0
    made = polars.read_ndjson(out)
    assert made["city"].to_list() == ["Oslo"] * 4
    assert made["age"].to_list() == [30] * 4
    assert made["income"].n_unique() == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--given {rows} --out m.png", "a .csv"),
        ("--given {rows} --context age=3 --out m.csv", "--given came with --context"),
        ("--given {rows} --interpolate 4 --out m.csv", "--interpolate and --given came"),
        ("--given none.csv --out m.csv", "none.csv"),
        ("--given {lacks} --out m.csv", "the table lacks 'city'"),
        ("--context town=Oslo --out m.csv", "wanted is city=..., age=..."),
        ("--context city=Bonn --out m.csv", "Bonn"),
    ],
)
def test_what_cannot_be_drawn_is_refused(run, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("age,city\n30,Oslo\n")
    (tmp_path / "lacks.csv").write_text("age\n30\n")
    words = words.format(rows="rows.csv", lacks="lacks.csv")
    assert main([*f"sample {run}".split(), *words.split()]) == 2
    assert said in capsys.readouterr().err
    assert not [*tmp_path.glob("m.*")]


def test_a_model_that_is_given_nothing_says_so(people, tmp_path, capsys):
    out = tmp_path / "joint"
    assert main(f"fit gaussian --data {people} --out {out} --progress false".split()) == 0
    made = tmp_path / "m.csv"
    assert main(f"sample {out} --given {people} --out {made}".split()) == 2
    assert "is given no columns" in capsys.readouterr().err
    with pytest.raises(Refused, match="the model is given nothing"):
        genus.TableModel.load(out).sample(given=pandas.DataFrame({"age": [3]}))
    assert len(genus.TableModel.load(out).sample(5)["income"]) == 5


def test_a_simple_rival_is_the_regression(people):
    """A joint normal distribution, given some columns, is least squares with its residual."""
    data = load(people, drawn="income")
    (x, c), (v, w) = data.train.everything(), data.validation.everything()
    design = torch.cat([c, torch.ones(len(c), 1)], 1).double()
    weights = torch.linalg.lstsq(design, x.double(), driver="gelsd").solution
    residual = (x - design @ weights).square().mean().sqrt()
    away = v - torch.cat([w, torch.ones(len(w), 1)], 1).double() @ weights
    log_p = torch.distributions.Normal(0, residual).log_prob(away)[:, 0]
    truth = -(log_p + data.columns.log_jacobian(v)).mean().item()
    rivals = {one.name: one.nats for one in simpler(data)}
    assert rivals["gaussian"] == pytest.approx(truth, abs=0.02)


def test_another_table_is_read_as_the_run_has_read_its_own(people, run, tmp_path, capsys):
    """Its columns would look different: all cities but one are gone, and ages lie elsewhere."""
    lines = people.read_text().splitlines()
    few = [line for line in lines[1:] if "Oslo" in line][:30]
    strange = [line.replace("Oslo", "Bonn") for line in few[:3]]
    (tmp_path / "other.csv").write_text("\n".join([lines[0], *few, *strange]) + "\n")
    assert main(f"evaluate {run} --data {tmp_path}/other.csv --samples 50".split()) == 0
    told = capsys.readouterr()
    assert "columns are read as those of the run on people" in told.err
    assert "rows that cannot be read so: 3; the first, row 32: city is 'Bonn'" in told.err
    again = read_again(tmp_path / "other.csv", load(people, drawn="income").recorded(), {})
    assert again.columns == load(people, drawn="income").columns
    assert sum(map(len, again.splits.values())) == len(few)
    (nll,) = (float(line.split()[2]) for line in told.out.splitlines() if line[:3] == "nll")
    x, context = again.test.everything()
    model = genus.load(run)
    truth = model.score_samples(x, context) + again.columns.log_jacobian(x).numpy()
    assert nll == pytest.approx(-truth.mean(), rel=1e-3)


@pytest.mark.parametrize(
    "options", [{}, {"drawn": "income"}, {"missing": "drop"}, {"label": "city"}], ids=str
)
def test_a_runs_own_table_comes_back_in_its_own_splits(people, options):
    """So that no training row tests: rows that were left out then are left out again."""
    data = load(people, **options)
    again = read_again(people, data.recorded(), data.options)
    assert again.fingerprint == data.fingerprint
    assert again.notes == ("columns are read as those of the run on people",)


def test_tables_without_rows(people, run):
    model, none = genus.TableModel.load(run), pandas.read_csv(people).head(0)
    for ask in (model.score, lambda rows: model.sample(given=rows)):
        with pytest.raises(Refused, match=r"(has|are) no rows"):
            ask(none)
    with pytest.raises(Refused, match="columns of one length"):
        model.score({"age": [1], "city": []})


@pytest.mark.parametrize("recipe", ["maf", "nsf", "mdn", "rows"])
def test_recipes_take_what_is_given(people, recipe):
    train = getattr(__import__(f"genus.recipes.{HOME[recipe]}.{recipe}", fromlist=[recipe]), recipe)
    model = train(data=f"{people}?drawn=income", run=Run(rounds=3, progress=False))
    assert model.context_space == Reals((6,))
    made = genus.TableModel(model, load(people, drawn="income"))
    frame = pandas.read_csv(people).head(3)
    assert len(made.sample(2, given=frame)["drawn income"]) == 6
    assert np.isfinite(made.score(frame)).all()


@pytest.mark.parametrize("recipe", ["gaussian", "gmm", "planar", "realnvp", "ddpm", "vae_mlp"])
def test_recipes_that_learn_nothing_from_it_say_who_does(people, tmp_path, capsys, recipe):
    words = f"fit {recipe} --data {people} --data.drawn income,age --rounds 1 --out {tmp_path}/x"
    assert main(words.split()) == 2
    assert "rows, mdn, maf and nsf do" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


HOME = {"maf": "flow", "nsf": "flow", "mdn": "density", "rows": "autoregressive"}


def test_mixed_made_begins_as_the_regression_on_what_is_given(people):
    data = load(people, drawn="income")
    model = MixedMADE(data.space, context_space=data.context_space)
    before = model.log_prob(*data.test.everything()).mean()
    model.prepare(*data.train.everything())
    assert model.log_prob(*data.test.everything()).mean() > before + 1
