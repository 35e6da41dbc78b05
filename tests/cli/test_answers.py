"""Pictures of one's own, which a model of pairs answers with files of the same names."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genus
from genus.cli.main import main
from genus.cli.work.questions import questions
from genus.core import Pixels, Reals, sample
from genus.data import load


def picture(path: Path, number: int, size=(24, 16), frames=1, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(number).integers(0, 256, (frames, *size[::-1]), dtype=np.uint8)
    first, *others = (Image.fromarray(frame) for frame in levels)
    more = {"save_all": True, "append_images": others, "duration": 100} if others else {}
    first.save(path, **more, **how)


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    """A run of pix2pix, whose dropout makes draws differ."""
    folder = tmp_path_factory.mktemp("pix2pix") / "run"
    words = f"fit pix2pix --data digits_pairs --width 3 --rounds 2 --batch 8 --out {folder}"
    assert main(words.split()) == 0
    return folder


@pytest.fixture
def photos(tmp_path):
    picture(tmp_path / "photos" / "a.jpg", 1)
    picture(tmp_path / "photos" / "sub" / "b.PNG", 2)
    picture(tmp_path / "photos" / "c.bmp", 3)
    return tmp_path / "photos"


def answered(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_answers_have_the_names_of_their_questions(at, photos, tmp_path, capsys):
    (photos / "notes.txt").write_text("no picture")
    (photos / "broken.png").write_bytes(b"no picture either")
    assert main(["sample", str(at), "--context", str(photos), "--out", f"{tmp_path}/out/"]) == 0
    assert answered(tmp_path / "out") == {"a.jpg", "sub/b.PNG", "c.png"}
    assert "2 of 5 files" in (err := capsys.readouterr().err)
    assert "broken.png: not an image" in err
    with Image.open(tmp_path / "out" / "c.png") as image:
        assert image.size == (8, 8)
        assert "genus" in image.info
    assert genus.load(at).context_space.shape == (1, 8, 8)


def test_an_answer_is_that_of_the_model_and_depends_on_its_question_alone(at, photos, tmp_path):
    out = tmp_path / "all.npy"
    words = ["sample", str(at), "--context", str(photos), "-n", "2", "--seed", "3"]
    assert main([*words, "--out", str(out)]) == 0
    whole = torch.from_numpy(np.load(out)).reshape(3, 2, 1, 8, 8)
    model = genus.load(at)
    asked = questions(str(photos), model.context_space, {"resize": "crop"})
    assert [one.name for one in asked.files] == ["a.jpg", "c.bmp", "sub/b.PNG"]
    for x, answers in zip(asked.x, whole, strict=True):
        expected = sample(model, None, 3, x.expand(2, -1, -1, -1))
        assert torch.equal(answers, expected)
    assert not torch.equal(whole[0, 0], whole[0, 1])
    words[3] = str(photos / "c.bmp")
    assert main([*words, "--out", str(tmp_path / "one.npy")]) == 0
    assert np.array_equal(np.load(tmp_path / "one.npy"), whole[1])


def test_several_draws_are_numbered(at, photos, tmp_path):
    words = ["sample", str(at), "--context", f"{photos}/*.jpg", "-n", "2"]
    assert main([*words, "--out", f"{tmp_path}/out/", "--format", "webp"]) == 0
    assert answered(tmp_path / "out") == {"a-1.webp", "a-2.webp"}


def test_a_picture_comes_back_alone_and_several_beside_their_questions(at, photos, tmp_path):
    assert (
        main(["sample", str(at), "--context", f"{photos}/a.jpg", "--out", f"{tmp_path}/1.png"]) == 0
    )
    assert main(["sample", str(at), "--context", str(photos), "--out", f"{tmp_path}/3.png"]) == 0
    with Image.open(tmp_path / "1.png") as one, Image.open(tmp_path / "3.png") as three:
        assert one.size == (8, 8)
        assert three.width > 2 * 8


def test_clips_are_answered_frame_by_frame_with_the_same_noise(at, tmp_path):
    picture(tmp_path / "clips" / "clip.gif", 5, frames=3)
    still = np.random.default_rng(6).integers(0, 256, (16, 24), dtype=np.uint8)
    frames = [Image.fromarray(still), Image.fromarray(255 - still), Image.fromarray(still)]
    at_again = tmp_path / "clips" / "again.webp"
    frames[0].save(at_again, save_all=True, append_images=frames[1:], lossless=True, duration=40)
    words = ["sample", str(at), "--context", str(tmp_path / "clips")]
    assert main([*words, "--out", f"{tmp_path}/out/"]) == 0
    assert answered(tmp_path / "out") == {"clip.gif", "again.webp"}
    with Image.open(tmp_path / "out" / "clip.gif") as film:
        assert film.n_frames == 3
    assert main([*words, "--out", f"{tmp_path}/x.npy"]) == 0
    first, other, again, *_ = np.load(tmp_path / "x.npy")
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    one = ["sample", str(at), "--context", str(tmp_path / "clips" / "clip.gif")]
    assert main([*one, "--out", f"{tmp_path}/film.gif"]) == 0
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 3


def test_all_answers_have_the_style_of_a_picture(photos, tmp_path, capsys):
    at = tmp_path / "run"
    words = f"fit bicyclegan --data digits_pairs --width 4 --rounds 2 --batch 8 --out {at}"
    assert main(words.split()) == 0
    words = ["sample", str(at), "--context", f"{photos}/a.jpg", "-n", "3"]
    style = ["--style", f"{photos}/c.bmp"]
    assert main([*words, "--out", f"{tmp_path}/free.npy"]) == 0
    assert main([*words, *style, "--out", f"{tmp_path}/bound.npy"]) == 0
    free, bound = (np.load(tmp_path / f"{name}.npy") for name in ("free", "bound"))
    assert not np.array_equal(free[0], free[1])
    assert np.array_equal(bound[0], bound[1])
    model = genus.load(at)
    asked, like = (questions(f"{photos}/{name}", model.space, {}).x for name in ("a.jpg", "c.bmp"))
    with torch.no_grad():
        expected = model.space.quantise(model.translate(asked, model.encode(like)))
    assert np.allclose(bound[0], expected[0], atol=1e-6)
    assert main([*words, "--style", str(photos), "--out", f"{tmp_path}/x.npy"]) == 2
    assert "of 3 pictures; one is wanted" in capsys.readouterr().err


def test_what_colours_pictures_colours_those_of_ones_own(photos, tmp_path):
    at, data = tmp_path / "run", "portraits?size=16&rows=300"
    words = f"fit colouriser --data {data} --width 2 --hidden 4 --latent 2 --rounds 2 --batch 8"
    assert main([*words.split(), "--out", str(at)]) == 0
    out = tmp_path / "x.npy"
    assert (
        main(["sample", str(at), "--context", f"{photos}/a.jpg", "--mean", "--out", str(out)]) == 0
    )
    model = genus.load(at)
    asked = questions(f"{photos}/a.jpg", model.parting.space, {}).x
    found = torch.from_numpy(np.load(out))
    assert found.shape == (1, 3, 16, 16)
    known, kept = (model.parting.apart(x)[1] for x in (asked, found))
    inside = found.abs().amax(1, keepdim=True) < 1
    assert inside.any()
    assert torch.allclose(known[inside], kept[inside], atol=1e-4)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            ["--context", "none.png", "--out", "x.png"],
            "none.png: there is no such picture or folder",
        ),
        (["--context", "none/*.png", "--out", "x.png"], "none/*.png: holds no picture"),
        (
            ["--context", "PHOTOS", "--out", "x.csv"],
            "--out is x.csv, and answers are pictures; .png",
        ),
        (
            ["--context", "PHOTOS", "--style", "PHOTOS", "--out", "x.png"],
            "Pix2Pix knows no styles: leave --style out",
        ),
        (
            ["--context", "PHOTOS", "--frames", "3", "--out", "x.gif"],
            "--frames came with the pictures of --context",
        ),
        (
            ["--context", "CLASH", "--out", "out/", "--format", "png"],
            "the answers to a.bmp and to a.jpg would both be called a.png",
        ),
        (
            ["--context", "CLIP", "--out", "out/", "--format", "png"],
            "clip.gif is a clip, and --format is png; webp or npy",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused(more, said, at, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "clash" / "a.jpg", 1)
    picture(tmp_path / "clash" / "a.bmp", 1)
    picture(tmp_path / "clip.gif", 1, frames=2)
    paths = {"PHOTOS": "photos", "CLASH": "clash", "CLIP": "clip.gif"}
    assert main(["sample", str(at), *(paths.get(word, word) for word in more)]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_pictures_are_read_as_the_space_wants(photos):
    grey = questions(f"{photos}/a.jpg", Pixels((1, 4, 4), 2), {"resize": "stretch"}).x
    assert grey.shape == (1, 1, 4, 4)
    assert {*grey.unique().tolist()} <= {-1.0, 1.0}
    colour = questions(f"{photos}/a.jpg", Reals((3, 4, 4)), {}).x
    assert colour.shape == (1, 3, 4, 4)
    assert colour.abs().max() <= 1
    with pytest.raises(genus.Refused, match=r"is given as a picture, and the model wants .*Reals"):
        questions(f"{photos}/a.jpg", Reals((5, 4, 4)), {})


def test_label_maps_are_not_mixed(tmp_path):
    stripes = np.repeat(np.array([[0, 255]], dtype=np.uint8), 9, 0).repeat(9, 1)
    for i in range(10):
        for side in ("A", "B"):
            path = tmp_path / "pairs" / side / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.roll(stripes, i, 1)).save(path)
    with pytest.warns(match="taken as pairs"):
        mixed = load(tmp_path / "pairs", size=5)
    with pytest.warns(match="taken as pairs"):
        whole = load(tmp_path / "pairs", size=5, given="labels")
    assert mixed.options["given"] == "pictures"
    assert whole.options["given"] == "labels"
    assert (mixed.train.everything()[1].abs() < 1).any()
    assert (whole.train.everything()[1].abs() == 1).all()
    for options, kept in ((mixed.options, False), (whole.options, True)):
        x = questions(str(tmp_path / "pairs" / "A" / "1.png"), Pixels((1, 5, 5)), options).x
        assert bool((x.abs() == 1).all()) == kept
