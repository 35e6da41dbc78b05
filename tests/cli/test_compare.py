"""compare: from recipes to one page."""

import json
import shutil
from functools import partial
from html.parser import HTMLParser

import pytest
from standins import stand_in

import genus
from genus import measure
from genus.cli.main import main
from genus.media import read_note
from genus.train import artifact


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A page about two recipes that go well and one that does not, and the exit code."""
    out = tmp_path_factory.mktemp("compare") / "report"
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch)
        quick(patch)
        code = main(f"compare tiny shy broken --minutes 0.005 --out {out}".split())
    return out, code


def quick(patch):
    effort = measure.Effort(draws=1, importance=2, betas=50, chains=10)
    judge = partial(measure.evaluate, effort=effort, samples=60)
    patch.setattr(measure, "evaluate", judge)


def test_results(report):
    out, code = report
    assert code == 2  # one recipe failed, in code that is not of genus
    results = json.loads((out / "results.json").read_text())
    tiny, shy, broken = results["models"]
    assert "KeyError: 'digits 0'" in broken["failure"]
    assert "KeyError" in (out / "broken" / "failure.txt").read_text()
    for record in (tiny, shy):
        assert record["failure"] is None
        assert {"nll", "frechet"} <= {figure["name"] for figure in record["figures"]}
        assert record["rounds_per_second"] > 0
        assert record["samples_per_second"] > 0
        assert all((out / path).exists() for path in record["pictures"].values())
    assert set(tiny["pictures"]) == {"samples", "shown", "near_pixels", "near_oracle"}
    assert tiny["view"].startswith("Pixels")
    assert shy["view"].startswith("Bits")  # each recipe takes its own view of the data
    assert list(shy["curves"]) == ["model"]
    assert set(shy["curves"]["model"]) == {"data", "dream"}
    # the runs are artifacts that know their recipe
    assert artifact.read_config(out / "shy")["recipe"]["options"]["data"] == "digits"


def test_every_picture_notes_its_origin(report):
    out, _ = report
    paths = [out / "real.png", *(out / "tiny").glob("*.png")]
    assert len(paths) == 5
    for path in paths:
        note = read_note(path)
        assert note["name"] == path.parent.name
        assert note["command"].startswith("genus compare tiny shy broken --data digits --minutes")
        assert {"seed": 0, "genus": genus.__version__}.items() <= note.items()
        assert str(out.parent) not in json.dumps(note)
    assert read_note(out / "tiny" / "samples.png")["config"]["recipe"]["name"] == "tiny"


class Page(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.headings, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        if "id" in dict(attrs):
            self.ids.append(dict(attrs)["id"])

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def page(report):
    return Page((report[0] / "index.html").read_text())


def test_the_page_asks_for_nothing(report, page):
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "video", "audio", "base"}
    for tag, attrs in page.tags:
        for key in ("src", "href", "srcset", "data", "action", "poster", "style"):
            value = attrs.get(key)
            assert value is None or value.startswith(("data:image/png;base64,", "#")), (tag, value)
        assert not [key for key in attrs if key.startswith("on")]
    text = (report[0] / "index.html").read_text()
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_can_be_read_by_anybody(page):
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("title")
    assert page.all("main")
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)  # no level is left out
    assert all(image.get("alt") for image in page.all("img"))
    assert all(
        svg.get("aria-label") or svg.get("aria-hidden")
        for svg in page.all("svg")
        if "viewBox" in svg or "viewbox" in svg
    )
    assert all(head.get("scope") for head in page.all("th"))
    assert len(page.ids) == len(set(page.ids))
    links = [link["href"][1:] for link in page.all("a")]
    assert set(links) <= set(page.ids)


def test_the_page_shows_every_model(report):
    text = (report[0] / "index.html").read_text()
    for name in ("tiny", "shy", "broken"):
        assert f'id="{name}"' in text
    assert "broken.py, line 16: KeyError" in text[text.index("It failed: ") :]
    assert "genus compare tiny shy broken --data digits --minutes 0.005" in text
    assert text.count("real rows</th>") == 2  # the floor, in each of the two tables of samples


def test_what_is_finished_is_kept(standins, report, said, monkeypatch, tmp_path):
    out = shutil.copytree(report[0], tmp_path / "report")  # others look at it as it was
    before = json.loads((out / "results.json").read_text())

    def never(*args, **kwargs):
        raise AssertionError("measured again")

    monkeypatch.setattr(measure, "evaluate", never)
    code, _, _ = said(f"compare shy tiny --minutes 0.005 --resume --out {out}")
    assert code == 0
    after = json.loads((out / "results.json").read_text())
    assert [record["name"] for record in after["models"]] == ["shy", "tiny"]
    kept = {record["name"]: record for record in before["models"]}
    assert all(record == kept[record["name"]] for record in after["models"])


def test_a_folder_in_use_is_left_alone(standins, said, tmp_path):
    (tmp_path / "mine.txt").write_text("")
    code, _, err = said(f"compare tiny --out {tmp_path}")
    assert code == 2
    assert err == (
        f"genus: compare: {tmp_path} is not empty; --resume continues it, or --out names "
        f"another folder\n"
    )


def test_data_that_do_not_suit_are_reported_in_one_sentence(standins, said, tmp_path):
    out = tmp_path / "out"
    code, _, err = said(f"compare tiny --data moons --minutes 0.001 --out {out}")
    assert code == 2
    assert "tiny: Dequantised: space is Reals(shape=(2,)); Pixels are wanted; the others" in err
    assert "Pixels are wanted" in (out / "index.html").read_text()


def test_an_unknown_data_set_writes_nothing(standins, said, tmp_path):
    code, _, err = said(f"compare tiny --data dgits --out {tmp_path / 'out'}")
    assert code == 2
    assert "digits" in err
    assert not (tmp_path / "out").exists()
