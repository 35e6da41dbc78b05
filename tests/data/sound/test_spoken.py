"""Spoken digits out of wav files, and sounds into them."""

import io
import os
import tarfile
import wave

import pytest
import torch

import genus
from genus.autoregressive import WaveNet
from genus.cli.main import main
from genus.core import Attributes, Bits, Pixels, Reals, Tokens
from genus.data import load
from genus.data.sound.spoken import HOP, LENGTH, spoken
from genus.data.sound.waves import read_wave
from genus.functional.sequences.sound import log_mel, mu_law
from genus.media.waves import as_wave, wave_bytes
from genus.train.artifact import save


def tone(number, length):
    """A ramp that says which recording it is: sample i is 100 number + i, int16."""
    return (100 * number + torch.arange(length)).to(torch.int16)


def recording(samples, rate=8000, channels=1):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.numpy().astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(params=["files", "archive"])
def folder(request, tmp_path):
    names = [(digit, who, take) for digit in (0, 7) for who in ("ann", "bo") for take in range(10)]
    files = {
        f"{digit}_{who}_{take}.wav": recording(tone(take, 3000 + 400 * take))
        for digit, who, take in names
    }
    if request.param == "files":
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        return tmp_path
    with tarfile.open(tmp_path / "all_recordings.tar.xz", "w:xz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"recordings/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return tmp_path


def test_takes_are_split_cut_and_filled_with_silence(folder):
    data = spoken(folder)
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 8,
        "validation": 12,
        "test": 20,
    }
    (x,) = data.test.everything()
    data.space.check(x, "spoken")
    assert data.space == Tokens(256, LENGTH)
    want = torch.zeros(LENGTH)
    want[:3400] = tone(1, 3400) / 32768
    assert torch.equal(x[1], mu_law(want))
    assert (x[0, 3000:] == 128).all()
    assert data.test.lengths[:5].tolist() == [3000, 3400, 3800, 4200, 4600]
    assert data.train.lengths.max() == LENGTH


def test_labels_are_digits_and_digit_and_speaker(folder):
    data = spoken(folder)
    assert data.test.labels.tolist() == [0] * 10 + [7] * 10
    x, context = data.labelled().test.everything()
    assert data.labelled().context_space == Attributes((10, 2))
    assert context.tolist() == [[d, s] for d in (0, 7) for s in (0, 1) for _ in range(5)]
    assert torch.equal(x, data.test.everything()[0])
    with pytest.raises(ValueError, match="has a context already"):
        spoken(folder, "spoken_mel").labelled()


def test_kinds_are_the_same_takes(folder):
    tokens, line, bits, mel = (
        spoken(folder, kind).test for kind in ("spoken", "spoken8", "spoken16", "spoken_mel")
    )
    (x,) = tokens.everything()
    assert torch.equal(line.space.indices(line.everything()[0]), x)
    wave_ = (bits.space.indices(bits.everything()[0]) - 32768) / 32768
    assert bits.space == Pixels((LENGTH,), 65536)
    assert torch.equal(mu_law(wave_), x)
    y, frames = mel.everything()
    assert torch.equal(y, x)
    assert mel.context_space == Reals((LENGTH // HOP, 40))
    torch.testing.assert_close(frames, log_mel(wave_))
    assert len({split.fingerprint for split in (tokens, line, bits, mel)}) == 4


def test_each_epoch_has_each_take_once(folder):
    split = spoken(folder).labelled().test
    rows = torch.cat([split.batch(i, 7, 3)[0] for i in range(3)])[:20]
    found = sorted(row.tolist() for row in rows)
    assert found == sorted(row.tolist() for row in split.everything()[0])


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"RIFF", "damaged"),
        (recording(tone(0, 100), rate=16000), "16000 samples a second"),
        (recording(tone(0, 100), channels=2), "2 channels"),
    ],
)
def test_recordings_that_do_not_fit_are_refused(tmp_path, content, what):
    (tmp_path / "0_ann_0.wav").write_bytes(content)
    with pytest.raises(ValueError, match=what):
        spoken(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no recording"):
        spoken(tmp_path)


@pytest.mark.skipif(not os.environ.get("GENUS_DATA"), reason="the recordings are in GENUS_DATA")
def test_the_real_recordings():
    data = load("spoken").labelled()
    assert [len(split) for split in data.splits.values()] == [2520, 180, 300]
    assert data.context_space == Attributes((10, 6))


# files


def test_what_is_written_is_what_is_read(tmp_path):
    x = torch.tensor([[0.0, 0.25, -1.0], [1.0, -0.5, 1 / 32768]])
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "x.wav").write_bytes(wave_bytes(x, rate=1000))
    samples, rate = read_wave((tmp_path / "new" / "x.wav").read_bytes(), "x.wav")
    assert rate == 1000
    assert samples[:3].tolist() == [0, 8192, -32768]
    assert samples[153:156].tolist() == [32767, -16384, 1]  # after a pause
    assert len(samples) == 2 * (3 + 150)


def test_each_space_of_sounds_becomes_a_wave():
    tokens = torch.arange(256)[None]
    line, bits = Pixels((256,)), Pixels((3,), 65536)
    want = as_wave(tokens, Tokens(256, 256))
    torch.testing.assert_close(as_wave(line.values(tokens), line), want)
    assert torch.equal(mu_law(want), tokens)
    x = bits.quantise(torch.tensor([[-1.0, 0.3, 1.0]]))
    assert torch.equal(as_wave(x, bits), x)
    with pytest.raises(ValueError, match="space is Bits"):
        as_wave(torch.zeros(1, 3), Bits((3,)))


def test_samples_of_a_trained_model_are_written_as_sound(tmp_path, monkeypatch):
    (tmp_path / "fsdd").mkdir()
    for take in (0, 5, 8):  # one for each split
        (tmp_path / "fsdd" / f"0_ann_{take}.wav").write_bytes(recording(tone(take, 3000)))
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    model = WaveNet(Tokens(256, LENGTH), 4, 4, (1, 2))
    save(model, tmp_path / "run")
    out = tmp_path / "x.wav"
    words = ["-n", "2", "--seed", "4", "--data", "spoken", "--device", "cpu", "--out", str(out)]
    assert main(["sample", str(tmp_path / "run"), *words]) == 0
    x = genus.sample(model, 2, seed=4)
    assert out.read_bytes() == wave_bytes(as_wave(x, model.space))
