"""genus lab, as a user types it, and the files that it writes."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from genus.cli.main import main
from genus.laboratory import EXPERIMENTS, Experiment, find
from genus.laboratory.outcome import Outcome, listed, short
from genus.laboratory.page import page
from genus.media.style import canvas, png, style

QUICK = {  # options that make an experiment fast
    "saturating": {"rounds": (0, 5)},
    "distances": {"rounds": 2, "points": 3},
    "critic": {"rounds": 40},
    "fields": {"rounds": 40},
    "nonanswers": {"rows": 50},
    "features": {"hidden": 8, "rounds": 50},
    "hmm": {"steps": 60, "rows": 5},
    "topics": {"count": 5, "others": (2,)},
    "theis": {"samples": 200},
    "density": {"rows": (50, 100), "rounds": 20},
    "discriminative": {"rows": (30, 60), "repeats": 2},
    "estimate": {"rounds": 30, "rows": 3},
    "reparameterise": {"rows": 2000},
    "latent": {"rounds": 20},
    "mapping": {"rounds": 60},
    "samples": {"rounds": 20, "width": 16},
}


@pytest.fixture
def said(capsys):
    def run(line, *more):
        code = main([*line.split(), *map(str, more)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_the_list_comes_without_torch():
    code = (
        "import sys; from genus.cli.main import main\n"
        "assert main(['lab']) == 0 and main(['lab', '--help']) == 0 and main(['--help']) == 0\n"
        "assert main(['diagnose', '--help']) == 0\n"
        "assert not {'torch', 'numpy', 'matplotlib', 'jsonargparse'} & {*sys.modules}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for name, line in EXPERIMENTS.items():
        assert re.search(rf"^  {name} +{re.escape(line)}$", done.stdout, re.MULTILINE)


def test_drawing_leaves_no_global_pyplot():
    code = (
        "import sys; from genus.laboratory import find; from genus.media.style import style, png\n"
        "e = find('dirac')\n"
        "with style(): png(e.plot(e.run()))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.filterwarnings("error::UserWarning")  # a letter that the font does not have
def test_every_experiment_can_be_drawn_written_and_read(name):
    experiment = find(name)
    outcome = experiment.run(**QUICK.get(name, {}))
    assert outcome.name == name
    assert outcome.sentence.endswith(".")
    assert "nan" not in outcome.sentence
    assert all(len(row) == len(outcome.columns) for row in outcome.rows)
    record = json.loads(outcome.to_json())
    assert record["experiment"] == name
    assert {*record["arrays"]} == {*outcome.arrays}
    pictures = []
    for dark in (False, True):
        with style(dark):
            pictures.append(png(experiment.plot(outcome)))
    light, night = (Image.open(io.BytesIO(picture)).convert("L") for picture in pictures)
    assert light.size == night.size
    assert light.getpixel((0, 0)) > 250
    assert night.getpixel((0, 0)) < 50
    assert len(pictures[0]) < 150_000
    text = page(outcome, *pictures, f"genus lab {name}")
    first, second = (base64.b64encode(picture).decode() for picture in pictures)
    assert f'(prefers-color-scheme: dark)" srcset="data:image/png;base64,{second}"' in text
    assert f'<img src="data:image/png;base64,{first}"' in text
    for part in ("prefers-color-scheme: dark", "<figure>", "<table>", "<pre>"):
        assert part in text
    assert not re.search(r"<script|<link|@import|(src|srcset|href)=\"(?!data:|#|\w+\.html)", text)


def test_one_experiment_by_command(said, tmp_path):
    code, out, err = said("lab dynamics --step 0.05 --moves 12 --out", tmp_path / "new")
    assert (code, err) == (0, "")
    assert "At this step" in out
    assert out.endswith(f"{tmp_path}/new/dynamics.html\n")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "dynamics.png",
        "dynamics.json",
        "dynamics.html",
    }
    record = json.loads((tmp_path / "new" / "dynamics.json").read_text())
    assert record["options"]["step"] == 0.05
    assert len(record["arrays"]["saddle/optimistic/path"]) == 13
    assert "--step 0.05 --moves 12" in (tmp_path / "new" / "dynamics.html").read_text()


def test_all_of_them(said, tmp_path, monkeypatch):
    def stub(name):
        outcome = Outcome(name, f"What of {name}?", f"{name} & co.", "", "", "", (), (), {}, {})
        return Experiment(lambda: outcome, lambda outcome: canvas(1, 1))

    monkeypatch.setattr("genus.cli.lab.find", stub)
    code, out, err = said("lab all --out", tmp_path)
    assert (code, err) == (0, "")
    assert out.endswith(f"{tmp_path}/index.html\n")
    text = (tmp_path / "index.html").read_text()
    places = [text.index(f'href="{name}.html"') for name in EXPERIMENTS]
    assert places == sorted(places)
    assert "dirac &amp; co." in text
    assert all(
        (tmp_path / f"{name}.{kind}").exists() for name in EXPERIMENTS for kind in ("png", "json")
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("lab drac", "genus lab: there is no experiment drac; did you mean dirac?"),
        ("lab zzz", "genus lab: there is no experiment zzz; genus lab lists them"),
        ("lab --out x", "genus lab: which experiment? genus lab lists them; or genus lab all"),
        ("lab dirac --gama 1", "genus lab dirac: there is no option --gama; did you mean gamma?"),
        ("lab dirac --gamma x", "genus lab dirac: --gamma is x; wanted is float, such as 0.3"),
        ("lab dirac --gamma=-1", "genus: dirac: gamma is -1.0; a number above 0 is wanted"),
        (
            "lab saturating --rounds x",
            "genus lab saturating: --rounds is x; wanted is a list, such as [0, 25, 100, 400]",
        ),
        ("lab dirac 4", "genus lab dirac: does not know what to do with 4"),
        ("lab dirac --out /proc/genus", "genus: /proc/genus: No such file or directory"),
        ("diagnose", "genus diagnose: the following arguments are required: RUN"),
        ("diagnose /nowhere", "genus diagnose: /nowhere is no folder; that of a run is wanted"),
    ],
)
def test_mistakes_are_told_in_a_sentence(said, line, sentence):
    assert said(line) == (2, "", sentence + "\n")


def test_help_of_an_experiment(said):
    code, out, err = said("lab fields --help")
    assert (code, err) == (0, "")
    assert "factor by which the broken run's critic learns more slowly" in out
    assert "--out" in out


def test_the_docs_have_them_all():
    docs = Path(__file__).parents[2] / "docs"
    text = (docs / "laboratory.md").read_text()
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == [*EXPERIMENTS]
    for name in EXPERIMENTS:
        assert f"(pictures/lab_{name}.png)" in text
        assert (docs / "pictures" / f"lab_{name}.png").stat().st_size < 150_000


# --- diagnose ---------------------------------------------------------------------------------


def test_diagnose_wants_the_log_of_a_game(said, tmp_path):
    sentence = f"genus diagnose: {tmp_path} has no metrics.jsonl; the folder of a run is wanted\n"
    assert said("diagnose", tmp_path) == (2, "", sentence)
    (tmp_path / "metrics.jsonl").write_text('{"event": "losses", "round": 0, "model/nll": 1.0}\n')
    code, out, err = said("diagnose", tmp_path)
    assert (code, out) == (2, "")
    assert "no figures of a game of critic and generator, or of a latent" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("severity", "code"), [("good", 0), ("warning", 3), ("failure", 3)])
def test_diagnose_prints_the_verdict(said, tmp_path, monkeypatch, severity, code):
    from genus.measure import diagnosis

    (tmp_path / "metrics.jsonl").write_text("")
    found = [
        diagnosis.Finding("healthy", "good", 10, "as it should be"),
        diagnosis.Finding("a name", severity, 20, "a sentence"),
    ]
    monkeypatch.setattr(diagnosis, "diagnose", lambda folder: found)
    assert said("diagnose", tmp_path) == (code, "as it should be\na sentence\n", "")


# --- style ---------------------------------------------------------------------------------


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("dark", [False, True])
def test_lines_stand_out_from_their_ground(dark):
    import matplotlib as mpl

    with style(dark):
        ground = "#1d2126" if dark else "#ffffff"
        assert mpl.colors.to_hex(mpl.rcParams["axes.facecolor"]) == ground
        for colour in mpl.rcParams["axes.prop_cycle"].by_key()["color"]:
            high, low = sorted((luminance(colour), luminance(ground)), reverse=True)
            assert (high + 0.05) / (low + 0.05) > (4 if dark else 2.2)


# --- words ------------------------------------------------------------------------------------


def test_numbers_in_words():
    told = {0.0: "0", 0.12345: "0.123", -2.0: "−2", 12345.6: "12,346", 1.94e-6: "1.9·10⁻⁶"}  # noqa: RUF001
    assert {value: short(value) for value in told} == told
    assert (short(float("inf")), short(1e-17)) == ("∞", "0")


def test_lists_in_words():
    assert [listed(list(letters)) for letters in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
