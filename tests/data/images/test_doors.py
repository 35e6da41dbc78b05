"""Folders of pictures as they lie on people's disks: each opens at the first try, and samples go out."""

import json
import re
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genus.cli.main import main
from genus.data import load
from genus.data.images.folders import images
from genus.data.named import GROUPS
from genus.data.sources import Note, Source, catalogue


def picture(path, seed=0, size=(32, 32), mode="RGB", **options):
    """Smooth colours, of which no two seeds give the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    channels = {"L": 1, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    coarse = rng.integers(0, 256, (5, 5, channels), dtype=np.uint8)
    image = Image.fromarray(
        coarse[..., 0] if channels == 1 else coarse, mode if channels < 4 else None
    )
    image = image.convert(mode) if image.mode != mode else image
    image.resize(size, Image.Resampling.BICUBIC).save(path, **options)


def flat(root):
    for i in range(12):
        picture(root / f"IMG_{2 * i * i}.jpg", i)


FLAT_PAIRS = {
    "trainA": ("train{}_{}.jpg", "AB"),
    "last": ("{1:04}_{0}.png", "AB"),
    "short": ("{1}{0}.png", "ab"),
    "words": ("street-{1}.{0}.jpg", ("input", "target")),
    "maps": ("{1}_{0}.png", ("label", "photo")),
}


@pytest.mark.parametrize("names", FLAT_PAIRS)
def test_pairs_may_lie_in_one_folder(names, tmp_path):
    name, sides = FLAT_PAIRS[names]
    for i in range(12):
        for side in (0, 1):
            picture(tmp_path / name.format(sides[side], i), 100 * side + i)
    picture(tmp_path / "cover.jpg", 999)
    with pytest.warns(
        Note, match=f"taken as pairs, for their names are equal but for {sides[0].lower()}"
    ):
        data = load(tmp_path, size=16)
    assert data.context_space is not None
    assert not data.unpaired
    assert sum(len(split) for split in data.splits.values()) == 12
    assert [len(files) for files in data.skipped.values()] == [1]
    single = load(tmp_path, kind="pictures", size=16)
    assert single.context_space is None
    assert (single.classes, sum(map(len, single.splits.values()))) == (0, 25)


def test_splits_and_domains_in_the_names_of_one_folder(tmp_path):
    for i in range(12):
        picture(tmp_path / "pairs" / f"{'test' if i > 9 else 'train'}A_{i}.jpg", i)
        picture(tmp_path / "pairs" / f"{'test' if i > 9 else 'train'}B_{i}.jpg", i + 50)
        picture(tmp_path / "two" / f"trainA_{i}.jpg", i)
        picture(tmp_path / "two" / f"trainB_{i + 30}.jpg", i + 50)
    with pytest.warns(Note, match="taken as pairs"):
        assert len(load(tmp_path / "pairs", size=16).test) == 2
    with pytest.warns(Note, match="taken as two domains without pairs, a and b"):
        assert load(tmp_path / "two", size=16).unpaired


def test_partners_of_some_pictures_are_told(tmp_path):
    for i in range(6):
        picture(tmp_path / f"{i}_A.jpg", i)
        picture(tmp_path / f"{i}_B.jpg", i + 50)
        picture(tmp_path / f"holiday{7 * i * i}.jpg", i + 70)
    with pytest.warns(
        Note, match="12 of 18 pictures have a partner by name, such as 0_A.jpg and 0_B"
    ):
        assert load(tmp_path, size=16).context_space is None


def test_partners_may_spell_accents_in_two_ways(tmp_path):
    for i in range(12):
        picture(tmp_path / "A" / unicodedata.normalize("NFD", f"caf\u00e9{i}.png"), i)
        picture(tmp_path / "B" / f"caf\u00e9{i}.png", i + 50)
    with pytest.warns(Note, match="taken as pairs"):
        assert not load(tmp_path, size=16).unpaired


def camera(root):
    """A telephone's folder: large, upright and across, with what a telephone leaves there."""
    for i in range(24):
        exif = Image.Exif()
        exif[0x0112] = 6 if i % 3 else 1
        picture(root / f"IMG_{2 * i * i}.JPG", i, (400, 300), exif=exif)
    picture(root / "small.png", 99, (20, 20))
    (root / ".DS_Store").write_bytes(b"\0")
    (root / "Thumbs.db").write_bytes(b"\0")
    (root / "IMG_1.mov").write_bytes(b"\0")
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff")


def mixed(root):
    """Everything that a browser saves."""
    for i in range(8):
        picture(root / f"{i * i}.webp", i, (60 + i, 50))
        picture(root / f"grey {i * i}.png", i, (64, 40), "L")
    picture(root / "print.jpg", 20, (70, 70), "CMYK")
    picture(root / "logo.png", 21, (90, 90), "RGBA")
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("red", "green")]
    frames[0].save(root / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(np.full((50, 50), 40000, np.uint16)).save(root / "deep.png")


def classes(root):
    for i in range(12):
        picture(root / ("cat" if i % 2 else "dog") / f"{i * i}.png", i)


def split_classes(root):
    for split in ("train", "val", "test"):
        for i in range(8):
            picture(root / split / ("cat" if i % 2 else "dog") / f"{split}{i * i}.png", i)


def dates(root):
    for i in range(12):
        picture(root / str(2019 + i % 3) / f"{1 + i % 4:02d}" / f"IMG_{2 * i * i}.jpg", i)


def metadata_labels(root):
    for i in range(12):
        picture(root / f"{i * i}.png", i)
    lines = [f"{i * i}.png,{'odd' if i % 2 else 'even'}" for i in range(12)]
    (root / "metadata.csv").write_text("\n".join(["file_name,label", *lines]))


def metadata_attributes(root):
    for i in range(12):
        picture(root / f"{i * i}.png", i)
    entries = [
        {"file_name": f"{i * i}.png", "hat": bool(i % 2), "hair": ["red", "black"][i // 6]}
        for i in range(12)
    ]
    (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, entries)))


def edges(root, name, seed, mode="RGB"):
    """A drawing of the shapes that a picture of the same seed shows."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((32, 32, 3), np.uint8)
    for _ in range(3):
        top, left = rng.integers(0, 22, 2)
        canvas[top : top + 10, left : left + 10] = rng.integers(80, 256, 3)
    if mode == "edges":
        grey = canvas.mean(2)
        canvas = np.repeat((np.abs(np.gradient(grey)[0]) > 9)[..., None] * np.uint8(255), 3, 2)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    return canvas


def halves(root):
    for i in range(16):
        both = [edges(root, f"{i * i}.png", i, mode) for mode in ("edges", "RGB")]
        Image.fromarray(np.concatenate(both, 1)).save(root / f"{i * i}.png")


def two_folders(root):
    for i in range(12):
        for folder, mode in (("A", "edges"), ("B", "RGB")):
            name = f"{folder}/{i * i}.png"
            Image.fromarray(edges(root, name, i, mode)).save(root / name)


def split_pairs(root):
    for split in ("train", "test"):
        for i in range(12):
            for side, mode in (("A", "edges"), ("B", "RGB")):
                name = f"{split}{side}/{split}{i * i}.png"
                Image.fromarray(edges(root, name, i, mode)).save(root / name)


def label_maps(root):
    for i in range(12):
        picture(root / "images" / f"{i * i}.jpg", i)
        picture(root / "labels" / f"{i * i}.png", i)


def maps_beside(root):
    for i in range(12):
        picture(root / f"{i * i}.jpg", i)
        picture(root / f"{i * i}_mask.png", i)


def domains(root):
    for i in range(12):
        picture(root / "trainA" / f"horse{i * i}.jpg", i)
        picture(root / "trainB" / f"zebra{i * i}.jpg", 50 + i)


def clips(root):
    for k in range(4):
        rng = np.random.default_rng(k)
        start = rng.integers(0, 256, (32, 32, 3)).astype(float)
        drift = rng.normal(0, 4, (32, 32, 3))
        for i in range(12):
            frame = np.clip(start + i * drift, 0, 255).astype(np.uint8)
            path = root / f"walk{k}" / f"frame_{i:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(frame).save(path)


def panoramas(root):
    for i in range(12):
        picture(root / f"{i * i}.jpg", i, (64, 32))


def accents(root):
    for i in range(12):
        picture(root / f"é {i * i} [1]#.jpg", i)


DOORS = {  # the first line of genus data, what is given with each x, labels, and a word that is said
    flat: ("a folder of pictures", None, 0, ""),
    camera: ("a folder of pictures", None, 0, "cut to a square of 64x64; 1 smaller ones"),
    mixed: ("a folder of pictures", None, 0, "are grey and become colour"),
    classes: ("a folder of pictures in 2 classes", None, 2, ""),
    split_classes: ("a folder of pictures in 2 classes", None, 2, ""),
    dates: ("a folder of pictures in 3 folders", None, 0, "are dates, and no classes"),
    metadata_labels: ("a folder of pictures in 2 classes", None, 2, ""),
    metadata_attributes: (
        "a folder of pictures",
        None,
        0,
        "attributes of each picture are hat, hair",
    ),
    halves: ("a folder of pairs", "Pixels", 0, "A in the left half of each picture"),
    two_folders: ("a folder of pairs", "Pixels", 0, "the names in A and B are equal"),
    split_pairs: ("a folder of pairs", "Pixels", 0, "the names in a and b are equal"),
    label_maps: ("a folder of pairs", "Pixels", 0, "images is made of labels"),
    maps_beside: ("a folder of pairs", "Pixels", 0, "a label map and the photograph beside it"),
    domains: ("two folders of pictures", "Pixels", 0, "two domains without pairs"),
    clips: ("a folder of clips", None, 0, "the frames of 4 clips"),
    panoramas: ("a folder of pictures", None, 0, "halves do not seem to belong together"),
    accents: ("a folder of pictures", None, 0, ""),
}


@pytest.fixture(params=list(DOORS), ids=lambda make: make.__name__)
def door(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request.param(tmp_path / "photos")
    return DOORS[request.param]


def test_a_door_opens(door, tmp_path, capsys):
    kind, given, labels, said = door
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = load("photos")
    assert str(data.context_space).startswith(str(given))
    assert data.classes == labels
    assert said in " ".join(str(warning.message) for warning in caught)
    assert main(["data", "photos", "--out", "few.png"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"photos: {kind}")
    assert said in re.sub(r"\s+", " ", told)
    assert (tmp_path / "few.png").stat().st_size > 100
    if data.unpaired:
        assert "no recipe learns from two domains" in told
        assert main(["fit", "pix2pix", "--data", "photos", "--rounds", "1", "--out", "run"]) == 2
        assert "two domains without pairs" in capsys.readouterr().err
        return
    recipe = re.search(r"genus fit (\w+) --data photos", told)[1]
    words = ["--rounds", "2", "--batch", "2", "--evaluate-every", "1000", "--progress", "false"]
    assert main(["fit", recipe, "--data", "photos", "--out", "run", *words, "--width", "4"]) == 0
    stored = json.loads((tmp_path / "run" / "config.json").read_text())["recipe"]["options"]["data"]
    for option, value in data.options.items():
        assert f"{option}={value}" in stored
    assert main(["sample", "run", "-n", "3", "--out", "made/"]) == 0
    made = sorted((tmp_path / "made").iterdir())
    assert len(made) == 3
    with Image.open(made[0]) as image:
        assert image.size == data.space.shape[:0:-1]


def test_what_was_decided_can_be_decided_otherwise(tmp_path):
    halves(tmp_path / "a")
    two_folders(tmp_path / "b")
    assert load(tmp_path / "a", kind="pictures").context_space is None
    assert load(tmp_path / "b", kind="pictures").class_names == ("A", "B")
    x, context = load(tmp_path / "a").train.first(3)
    y, other = load(tmp_path / "a", direction="BtoA").train.first(3)
    assert (x == other).all()
    assert (context == y).all()
    assert load(tmp_path / "b", kind="domains").unpaired


def test_frames_of_a_clip_stay_together(tmp_path):
    clips(tmp_path)
    data = load(tmp_path)
    assert [len(split) for split in data.splits.values()] == [24, 12, 12]


def test_a_pattern_and_a_single_picture(tmp_path):
    flat(tmp_path / "photos")
    picture(tmp_path / "photos" / "other.png", 50)
    assert sum(map(len, load(f"{tmp_path}/photos/*.jpg").splits.values())) == 12
    with pytest.raises(ValueError, match="there is no file"):
        load(f"{tmp_path}/photos/*.gif")
    picture(tmp_path / "wall.jpg", 1, (330, 170))
    data = load(tmp_path / "wall.jpg")
    assert sum(map(len, data.splits.values())) == 20 * 10
    assert "its 200 tiles of 16x16" in data.notes[0]


def test_attributes_are_contexts_with_names(tmp_path):
    metadata_attributes(tmp_path)
    data = load(tmp_path).labelled()
    assert data.attributes == {"hat": ("no", "yes"), "hair": ("black", "red")}
    assert data.parse_context("hat=yes,hair=black").tolist() == [1, 0]
    with pytest.raises(ValueError, match="hair is 'blue'; one of black, red is wanted"):
        data.parse_context("hair=blue")
    x, context = data.train.everything()
    assert context.shape == (len(x), 2)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["a.mid", "b.mid"], "a folder of MIDI files: 2"),
        (["a.mp3", "b.flac", "c.txt"], "a folder of sounds: 2"),
        (["a.heic"], "HEIC photographs: 1"),
        (["a.zip"], "archives"),
        ([], "an empty folder"),
    ],
)
def test_what_cannot_be_read_yet_is_called_by_its_kind(tmp_path, capsys, names, kind):
    (tmp_path / "x").mkdir()
    for name in names:
        (tmp_path / "x" / name).write_bytes(b"0")
    assert main(["data", str(tmp_path / "x")]) == 0
    assert kind in capsys.readouterr().out
    assert main(["data", str(tmp_path / "y")]) == 2


def test_readme_and_help_name_every_option(capsys):
    readme = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
    assert main(["data", "--help"]) == 0
    told = capsys.readouterr().out
    for option in Source(images).options():
        assert f"| `{option}` |" in readme
        assert f"--data.{option} " in told


def test_the_list_of_names_is_whole(capsys):
    assert {name for names in GROUPS.values() for name in names} == {*catalogue()["names"]}
    assert main(["data"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name} " in told for name in catalogue()["names"])


@pytest.mark.parametrize(
    "names", [("1", "2", "3"), ("1_cats", "2_dogs"), ("low", "high"), ("01", "02")]
)
def test_folders_that_look_like_dates_or_sides_are_classes(tmp_path, names):
    for k, name in enumerate(names):
        for i in range(6):
            picture(tmp_path / name / f"{i * i}.png", 100 * k + i)
    data = load(tmp_path)
    assert {*data.class_names} == {*names}
    assert data.context_space is None


@pytest.mark.parametrize("names", [("2019", "2020"), ("January", "feb"), ("01 - may", "02_June")])
def test_dates_are_no_classes(tmp_path, names):
    for k, name in enumerate(names):
        for i in range(6):
            picture(tmp_path / name / f"{i * i}.png", 100 * k + i)
    assert load(tmp_path).classes == 0


def test_strict_refuses_a_picture_without_a_partner(tmp_path):
    two_folders(tmp_path)
    picture(tmp_path / "A" / "alone.png")
    with pytest.warns(UserWarning, match="without a partner: 1"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"without a partner: 1 \(A/alone.png\)"):
        load(f"{tmp_path}?strict=true")
    assert load(f"{tmp_path}?strict=false").context_space is not None
    with pytest.raises(ValueError, match="strict is 'perhaps'; true or false is wanted"):
        load(f"{tmp_path}?strict=perhaps")


def test_a_tile_of_no_pixels_is_refused(tmp_path):
    picture(tmp_path / "wall.jpg", 1, (330, 170))
    with pytest.raises(ValueError, match="size is 0; a positive number"):
        load(tmp_path / "wall.jpg", size=0)


def test_a_picture_that_is_whole_only_in_its_head_is_described(tmp_path, capsys):
    for i in range(4):
        picture(tmp_path / "x" / f"{i * i}.png", i)
        path = tmp_path / "x" / f"{i * i}.png"
        path.write_bytes(path.read_bytes()[:60])
    assert main(["data", str(tmp_path / "x")]) == 0
