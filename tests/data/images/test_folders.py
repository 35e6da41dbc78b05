"""Folders of images, made by Pillow: what is read, what is refused, and in which words."""

import errno
import io
import json
import os
import shutil
import struct
import time
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from genus.core import Classes, Pixels
from genus.data import load
from genus.data.images import store
from genus.data.images.folders import images
from genus.data.images.store import PictureRows


def save(path, colour="red", size=(6, 4), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)


def levels(data, split="train"):
    return data.space.indices(getattr(data, split).everything()[0])


def seen(path, **options):
    """One image as the data set shows it, (c, h, w)."""
    folder = path.parent
    for i in range(3):
        shutil.copy(path, folder / f"copy{i}{path.suffix}")
    return levels(images(folder, **options))[0]


@pytest.fixture
def photos(tmp_path):
    """Two classes of six images each."""
    for i in range(6):
        save(tmp_path / "photos" / "cat" / f"{i}.png", (i, 0, 0))
        save(tmp_path / "photos" / "dog" / f"{i}.png", (0, i, 255))
    return tmp_path / "photos"


# --- the plain case ---------------------------------------------------------------------------


def test_sub_folders_are_classes(photos):
    data = images(photos)
    assert data.name == "photos"
    assert data.space == Pixels((3, 4, 6), 256)
    assert data.class_names == ("cat", "dog")
    assert [len(s) for s in data.splits.values()] == [10, 1, 1]
    assert data.labelled().context_space == Classes(2)
    for split in data.splits.values():
        x, label = split.labelled().everything()
        assert torch.equal(data.space.indices(x)[:, 2, 0, 0] == 255, label == 1)
    found = sorted(tuple(image[:, 2, 3].tolist()) for s in data.splits for image in levels(data, s))
    assert found == sorted([(i, 0, 0) for i in range(6)] + [(0, i, 255) for i in range(6)])


def test_reading_twice_gives_the_same(photos, tmp_path):
    other = tmp_path / "elsewhere"
    shutil.copytree(photos, other)
    one, two = images(photos), images(other)
    assert one.fingerprint == two.fingerprint
    assert torch.equal(one.train.batch(3, 4, 0)[0], two.train.batch(3, 4, 0)[0])
    save(other / "cat" / "3.png", (99, 0, 0))
    assert images(other).fingerprint != one.fingerprint
    assert images(photos, size=3).fingerprint != one.fingerprint


def test_images_without_folders_have_no_labels(tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.jpg")
    data = images(tmp_path)
    assert data.classes == 0
    with pytest.raises(ValueError, match="has no labels, and a conditional model wants them"):
        data.labelled()


def test_numbered_folders_come_in_the_order_of_numbers(tmp_path):
    for k in range(11):
        save(tmp_path / str(k) / "a.png", (k, 0, 0))
    data = images(tmp_path)
    assert data.class_names == tuple(map(str, range(11)))
    x, label = data.labelled().train.everything()
    assert torch.equal(data.space.indices(x)[:, 0, 0, 0], label)


# --- splits -----------------------------------------------------------------------------------


def test_split_folders(tmp_path):
    for split, red in (("train", 1), ("valid", 2), ("test", 3)):
        for kind, blue in (("cat", 0), ("dog", 9)):
            for i in range(2):
                save(tmp_path / split / kind / f"{i}.png", (red, i, blue))
    data = images(tmp_path)
    assert data.class_names == ("cat", "dog")
    for split, red in (("train", 1), ("validation", 2), ("test", 3)):
        assert (levels(data, split)[:, 0] == red).all()
        x, label = getattr(data.labelled(), split).everything()
        assert torch.equal(data.space.indices(x)[:, 2, 0, 0] == 9, label == 1)


def test_a_missing_split_is_cut_out_of_training(tmp_path):
    for i in range(20):
        save(tmp_path / "train" / f"{i}.png", (1, i, 0))
    save(tmp_path / "test" / "a.png", (3, 0, 0))
    data = images(tmp_path)
    assert [len(s) for s in data.splits.values()] == [18, 2, 1]
    assert (levels(data, "validation")[:, 0] == 1).all()
    assert (levels(data, "test")[:, 0] == 3).all()
    together = torch.cat([levels(data, s)[:, 1, 0, 0] for s in ("train", "validation")])
    assert sorted(together.tolist()) == list(range(20))


def test_splits_keep_the_share_of_classes_and_do_not_depend_on_the_order(tmp_path):
    for i in range(40):
        save(tmp_path / ("many" if i % 4 else "few") / f"{i}.png", (i, 0, 0))
    data = images(tmp_path)
    for split in (data.validation, data.test):
        assert split.labels.tolist().count(data.class_names.index("few")) == 1


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["train/a.png", "cat/b.png"], "holds train and cat; either all folders are splits"),
        (["train/a.png", "b.png"], "holds train and pictures beside them"),
        (
            ["test/a.png", "val/b.png"],
            "holds test, val; either all folders are splits, train among",
        ),
    ],
)
def test_half_split_folders_are_refused(tmp_path, names, words):
    for name in names:
        save(tmp_path / name)
    with pytest.raises(ValueError, match=words):
        images(tmp_path)


# --- what images may look like ----------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path, orientation):
    """The upright image is known; a camera stores it turned, and says so."""
    upright = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    assert torch.equal(seen(tmp_path / "a.png")[0], torch.from_numpy(upright).long())


def test_palettes_become_colours(tmp_path):
    image = Image.new("P", (6, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.save(tmp_path / "a.png")
    assert seen(tmp_path / "a.png")[:, 0, 0].tolist() == [10, 20, 30]


def test_one_bit_images_are_black_and_white(tmp_path):
    save(tmp_path / "a.png", 1, mode="1")
    assert seen(tmp_path / "a.png").unique().tolist() == [255]


def test_still_gifs_and_webp_are_images(tmp_path):
    save(tmp_path / "x" / "a.gif", "blue")
    save(tmp_path / "y" / "a.webp", (0, 0, 255), lossless=True)
    for folder in ("x", "y"):
        (path,) = (tmp_path / folder).iterdir()
        assert seen(path)[:, 0, 0].tolist() == [0, 0, 255]


def test_bitmaps_of_16_bits_a_pixel_are_images(tmp_path):
    """Five, six and five bits of blue, green and red, from the bottom up: BMP, by hand."""
    head = struct.pack("<IiiHHIIiiII", 40, 6, 4, 1, 16, 3, 48, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    size = 14 + len(head + masks) + 48
    start = struct.pack("<2sIHHI", b"BM", size, 0, 0, size - 48)
    (tmp_path / "a.bmp").write_bytes(start + head + masks + struct.pack("<24H", *[0xF800] * 24))
    assert seen(tmp_path / "a.bmp")[:, 0, 0].tolist() == [255, 0, 0]


def test_opaque_alpha_is_dropped(tmp_path):
    save(tmp_path / "a.png", (10, 20, 30, 255), mode="RGBA")
    assert seen(tmp_path / "a.png")[:, 0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("mode", "colour"), [("RGBA", (200, 100, 0, 51)), ("LA", (200, 51)), ("P", 0)]
)
def test_transparent_parts_stand_on_a_background(tmp_path, mode, colour):
    options = {"transparency": 0} if mode == "P" else {}
    save(tmp_path / "a.png", colour, mode=mode, **options)
    share = 0 if mode == "P" else 0.2
    inks = {"RGBA": [200, 100, 0], "LA": [200], "P": [0, 0, 0]}[mode]
    for background, level in (("white", 255), ("black", 0)):
        shown = seen(tmp_path / "a.png", background=background)[:, 0, 0].tolist()
        want = [share * ink + (1 - share) * level for ink in inks]
        assert shown == pytest.approx(want, abs=1.01)
    assert any("stand on white" in note for note in images(tmp_path).notes)


def test_colour_is_the_default_where_some_are_grey(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", (255, 0, 0))
    save(tmp_path / "grey.png", 7, mode="L")
    data = images(tmp_path)
    assert data.space == Pixels((3, 4, 6))
    assert data.notes == (
        "1 of 4 pictures are grey and become colour: --data.colour L makes all grey",
    )
    assert images(tmp_path, colour="RGB").notes == ()
    grey = images(tmp_path, colour="L")
    assert grey.space == Pixels((1, 4, 6))
    everything = torch.cat([levels(grey, s) for s in grey.splits])
    assert everything.unique().tolist() == [7, 76]  # ITU-R 601: 0.299 of 255


def test_grey_pictures_stay_grey(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.png", i, mode="L")
    assert images(tmp_path).space == Pixels((1, 4, 6))


@pytest.mark.parametrize(("side", "want"), [(200, 64), (63, 32), (20, 16), (3, 8)])
def test_where_sizes_differ_a_square_is_taken_that_nearly_all_reach(tmp_path, side, want):
    """Of 20 pictures one is smaller than the size that the others allow."""
    for i in range(19):
        save(tmp_path / f"{i}.png", size=(side + i, side))
    save(tmp_path / "b.png", size=(2, 2))
    data = images(tmp_path)
    assert data.space == Pixels((3, want, want))
    fewer = 20 if side < want else 1
    (note,) = data.notes
    assert f"a square of {want}x{want}; {fewer} smaller ones are enlarged; --data.size" in note
    assert images(tmp_path, size=(2, 3)).space == Pixels((3, 2, 3))
    assert images(tmp_path, size=want).notes == ()


def test_large_pictures_of_one_size_become_smaller(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.jpg", (i, 0, 0), size=(300, 200))
    data = images(tmp_path)
    assert data.space == Pixels((3, 64, 64))
    assert "all are 300x200" in data.notes[0]
    assert images(tmp_path, size=(200, 300)).space == Pixels((3, 200, 300))


def test_crop_keeps_proportions_and_stretch_does_not(tmp_path):
    """A white block in an image twice as wide as high: halved both ways, or quartered one way."""
    wide = np.zeros((40, 80), np.uint8)
    wide[10:30, 32:48] = 255
    Image.fromarray(wide).save(tmp_path / "a.png")
    crop = (seen(tmp_path / "a.png", size=20)[0] > 127).nonzero()
    assert (crop.max(0).values - crop.min(0).values + 1).tolist() == [10, 8]
    squeezed = (levels(images(tmp_path, size=20, resize="stretch"))[0, 0] > 127).nonzero()
    assert (squeezed.max(0).values - squeezed.min(0).values + 1).tolist() == [10, 4]


def test_resizing_is_antialiased(tmp_path):
    """Stripes finer than the new pixels become grey, not stripes of another width."""
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "a.png")
    small = seen(tmp_path / "a.png", size=8)[0, :, 2:-2]
    assert (small - 127.5).abs().max() < 3


# --- what is refused or skipped ---------------------------------------------------------------


def png_of_16_bits(path):
    """A colour PNG with 16 bits a channel, by hand: Pillow cannot write one."""

    def chunk(kind, content):
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    lines = b"".join(b"\0" + bytes(6 * 6) for _ in range(4))
    header = struct.pack(">IIBBBBB", 6, 4, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def truncated(path):
    noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-600])


def animated(path):
    frames = [Image.new("RGB", (6, 4), c) for c in ("red", "green", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])


BAD = {
    "text.png": (lambda path: path.write_text("not an image at all"), "not an image"),
    "notes.txt": (lambda path: path.write_text("hello"), "texts"),
    "empty.jpg": (lambda path: path.write_bytes(b""), "not an image"),
    "half.jpg": (truncated, "damaged"),
    "half.png": (truncated, "damaged"),
    ".DS_Store": (lambda path: path.write_bytes(b"\0\0"), "hidden"),
    "Thumbs.db": (lambda path: path.write_bytes(b"\0\0"), "hidden"),
    "gone.png": (lambda path: path.symlink_to("nowhere.png"), "unreadable"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_files_are_named_and_skipped_or_refused(photos, name):
    make, reason = BAD[name]
    make(photos / "cat" / name)
    with pytest.raises(
        ValueError, match=rf"1 files .*: {reason}: 1 \(cat/{name}.*leave strict out"
    ):
        images(photos, strict=True)
    with pytest.warns(UserWarning, match=rf"{reason}: 1 \(cat/{name}.*they are left out"):
        data = images(photos)
    assert data.skipped == {reason: (f"cat/{name}",)}
    assert sum(len(s) for s in data.splits.values()) == 12


def test_all_bad_files_are_counted_in_one_warning(photos):
    for name, (make, _) in BAD.items():
        make(photos / name)
    with pytest.warns(UserWarning, match=f"{len(BAD)} files") as warned:
        data = images(photos)
    assert len(warned) == 1
    assert sum(len(names) for names in data.skipped.values()) == len(BAD)


def test_a_folder_without_one_usable_image(tmp_path):
    with pytest.raises(ValueError, match="there are no pictures in it: it is empty"):
        images(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ValueError, match=r"no usable picture: texts: 1 \(a.txt\)$"):
        images(tmp_path)


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp"])
def test_of_animated_pictures_the_first_frame_is_taken(photos, name):
    animated(photos / "cat" / name)
    data = images(photos, colour="RGB", size=(4, 6))
    assert data.notes == ("1 are animated: the first frame of each is taken",)
    x = torch.cat([levels(data, split) for split in data.splits])
    red = (x - torch.tensor([255, 0, 0]).reshape(3, 1, 1)).abs().flatten(1).amax(1)
    assert len(x) == 13
    assert red.min() <= 2


def test_of_16_bits_the_upper_8_are_taken(tmp_path):
    deep = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2700
    Image.fromarray(deep).save(tmp_path / "a.png")
    assert torch.equal(seen(tmp_path / "a.png")[0], torch.from_numpy((deep >> 8).astype(np.int64)))
    assert images(tmp_path).notes == ("4 have 16 bits a channel: the upper 8 are taken",)
    for path in tmp_path.iterdir():
        png_of_16_bits(path)
    assert images(tmp_path).notes == ("4 have 16 bits a channel: the upper 8 are taken",)


def test_inks_become_light(tmp_path):
    save(tmp_path / "a.tif", (0, 255, 255, 0), mode="CMYK")
    assert seen(tmp_path / "a.tif")[:, 0, 0].tolist() == [255, 0, 0]
    assert images(tmp_path).notes == ("4 are of inks (CMYK): they become light",)


def test_too_few_images(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="rows to learn from: 1; each of train, validation and"):
        images(tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 0}, "positive numbers"),
        ({"resize": "squash"}, "resize is 'squash'; crop or stretch"),
        ({"colour": "CMYK"}, "colour is 'CMYK'; L or RGB"),
        ({"background": "pink"}, "background is 'pink'; white or black"),
        ({"kind": "films"}, "kind is 'films'; pictures or pairs or domains"),
        ({"direction": "up"}, "direction is 'up'; AtoB or BtoA"),
        ({"workers": -1}, "workers is -1"),
        ({"label": "kind"}, "has no metadata, so no column kind"),
    ],
)
def test_options_are_checked(photos, options, words):
    with pytest.raises(ValueError, match=words):
        images(photos, **options)


# --- metadata ---------------------------------------------------------------------------------


@pytest.fixture
def listed(tmp_path):
    for i in range(6):
        save(tmp_path / f"{i}.png", (i, 0, 0))
    return tmp_path


def write_jsonl(folder, entries):
    (folder / "metadata.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries))


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_metadata_give_labels(listed, kind):
    entries = [{"file_name": f"{i}.png", "label": "odd" if i % 2 else "even"} for i in range(6)]
    if kind == "jsonl":
        write_jsonl(listed, entries)
    else:
        lines = [f"{e['file_name']},{e['label']}" for e in entries]
        (listed / "metadata.csv").write_text("\n".join(["file_name,label", *lines]) + "\n")
    data = images(listed)
    assert data.class_names == ("even", "odd")
    x, label = data.labelled().train.everything()
    assert torch.equal(data.space.indices(x)[:, 0, 0, 0] % 2, label)


def test_metadata_of_split_folders_and_another_column(tmp_path):
    for split in ("train", "test"):
        for i in range(4):
            save(tmp_path / split / f"{i}.png", (i, 0, 0))
        write_jsonl(tmp_path / split, [{"file_name": f"{i}.png", "digit": i % 3} for i in range(4)])
    data = images(tmp_path, label="digit")
    assert data.class_names == ("0", "1", "2")
    x, label = data.labelled().test.everything()
    assert torch.equal(data.space.indices(x)[:, 0, 0, 0] % 3, label)
    assert images(tmp_path).classes == 0


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"label": 1}], "line 1 has no file_name"),
        ([{"file_name": "0.png"}, {"file_name": "0.png"}], "lists 0.png a second time"),
        ([{"file_name": "0.png", "label": None}], "line 1 has an empty label"),
        ([{"file_name": "0.png", "label": [1]}], r"the label is \[1\]; a word or a whole number"),
        ([{"file_name": "0.png"}], r"not in the metadata: 5 \(1.png, 2.png, 3.png, ...\)"),
        (
            [{"file_name": f"{i}.png"} for i in range(7)],
            r"in the metadata, but missing: 1 \(6.png\)",
        ),
    ],
)
def test_faulty_metadata(listed, entries, words):
    write_jsonl(listed, entries)
    with pytest.raises(ValueError, match=words):
        images(listed, strict=True)


def test_metadata_elsewhere_are_no_images(photos):
    write_jsonl(photos / "cat", [{"file_name": "0.png", "label": 1}])
    with pytest.warns(UserWarning, match=r"tables: 1 \(cat/metadata.jsonl\)"):
        images(photos)


def test_metadata_that_cannot_be_read(listed):
    (listed / "metadata.jsonl").write_text("{broken")
    with pytest.raises(ValueError, match=r"metadata.jsonl: cannot be read"):
        images(listed)


# --- memory and threads -----------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A folder of the cache, which is used however small the pictures are."""
    monkeypatch.setattr("genus.data.images.store.SMALL", 0)
    monkeypatch.setenv("GENUS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(("limit", "kept"), [(0, 0), (4 * 6 * 3 * 5, 5), (2**30, 12)])
def test_cache_and_workers_change_nothing(photos, cache, monkeypatch, workers, limit, kept):
    monkeypatch.setattr("genus.data.images.store.SMALL", 2**30)
    want = images(photos)
    monkeypatch.setattr("genus.data.images.store.SMALL", 0)
    for _ in range(2):  # the second time from the cache
        data = images(photos, workers=workers, cache=limit)
        assert isinstance(data.train.rows, PictureRows)
        assert len(data.train.rows.pictures.rows) == kept
        for i in range(5):
            for a, b in zip(
                want.labelled().train.batch(i, 7, 0),
                data.labelled().train.batch(i, 7, 0),
                strict=True,
            ):
                assert torch.equal(a, b)
        assert want.fingerprint == data.fingerprint
    assert [path.suffix for path in sorted(cache.glob("*"))] == [".json", ".rows"] * bool(limit)


def test_the_cache_is_read_again_until_a_file_or_an_option_changes(photos, cache, monkeypatch):
    images(photos)
    decoded = []
    read = store.read
    monkeypatch.setattr(store, "read", lambda path, look: decoded.append(path) or read(path, look))
    images(photos)
    assert not decoded
    save(photos / "cat" / "0.png", "green")
    data = images(photos)
    x = torch.cat([levels(data, split) for split in data.splits])
    assert (x[:, 1] == 128).flatten(1).all(1).sum() == 1
    assert len(decoded) == 12
    images(photos, size=2)
    assert len(decoded) == 24


def test_a_damaged_cache_is_made_anew(photos, cache):
    want = images(photos).fingerprint
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:-3])
    data = images(photos)
    assert data.fingerprint == want
    assert len(data.train.everything()[0]) == 10


def test_the_oldest_files_of_the_cache_make_room(photos, cache):
    for size in (2, 3, 4):
        images(photos, size=size, cache=12 * 3 * 16)
    (rows,) = cache.glob("*.rows")
    assert rows.stat().st_size == 12 * 3 * 16


def test_a_cache_that_cannot_be_written_is_said(photos, cache, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENUS_CACHE", str(tmp_path / "file"))
    with pytest.raises(ValueError, match="let the variable GENUS_CACHE name another folder"):
        images(photos)


def test_a_full_disk_is_said_and_leaves_nothing(photos, cache, monkeypatch):
    class Full(io.FileIO):
        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

    real = store.Path.open

    def opened(path, mode="r", *args, **kwargs):
        return Full(path, "w") if path.suffix == ".draft" else real(path, mode, *args, **kwargs)

    monkeypatch.setattr(store.Path, "open", opened)
    with pytest.raises(ValueError, match=r"cannot be written: No space left.*say cache=0"):
        images(photos)
    assert not [*cache.glob("*")]


def test_a_draft_of_a_killed_process_is_removed_after_a_day(photos, cache):
    cache.mkdir()
    for name, age in ((".pictures-1.7.draft", 2 * store.ABANDONED), (".pictures-2.7.draft", 60)):
        (cache / name).touch()
        os.utime(cache / name, (time.time() - age,) * 2)
    images(photos)
    assert [path.name for path in cache.glob(".*")] == [".pictures-2.7.draft"]


def test_a_file_that_could_not_be_read_is_tried_again(photos, cache):
    (photos / "cat" / "gone.png").symlink_to("nowhere.png")
    with pytest.warns(UserWarning, match="unreadable: 1"):
        images(photos)
    assert not [*cache.glob("*.json")]


def test_a_file_that_changes_later_is_noticed(photos, cache):
    data = images(photos, cache=0)
    for path in (photos / "cat").iterdir():
        save(path, "green")
    with pytest.raises(ValueError, match="has changed since the folder was read"):
        data.train.everything()
    shutil.rmtree(photos / "cat")
    with pytest.raises(ValueError, match="has changed since the folder was read"):
        data.train.everything()


def test_load_takes_options_in_the_path(photos):
    assert load(f"{photos}?size=2x3&colour=L").space == Pixels((1, 2, 3))
    assert load(photos, size=2).space == Pixels((3, 2, 2))
    assert load(f"{photos}/").name == "photos"


def test_a_loop_of_links_ends(photos):
    (photos / "cat" / "again").symlink_to(photos)
    assert sum(len(s) for s in images(photos).splits.values()) == 12
