"""Files are written whole or not at all."""

import pytest

from genus.core.files import write


def test_errors_name_the_file_and_not_the_draft(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path / "file" / "x.png"  # below a file
    with pytest.raises(OSError) as error:  # noqa: PT011
        write(path, b"x")
    assert error.value.filename == str(path)


def test_a_long_name_is_a_name(tmp_path):
    path = tmp_path / f"{'a' * 240}.npy"
    write(path, b"x")
    assert path.read_bytes() == b"x"
    assert [*tmp_path.iterdir()] == [path]


def test_what_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write(path, b"old")

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]
