"""MATLAB matrices, as scipy writes them."""

import io
from contextlib import suppress

import numpy as np
import pytest
from scipy.io import savemat

from genus.data.images.matlab import read_matrix

RANDOM = np.random.default_rng(0)


def written(compressed=False, **matrices):
    file = io.BytesIO()
    savemat(file, matrices, do_compression=compressed)
    return file.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "?"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (2, 5), (7, 3), (2, 3, 4)])
def test_matrices_come_back(shape, dtype, compressed):
    want = RANDOM.integers(0, 2 if dtype == "?" else 100, shape).astype(dtype)
    content = written(compressed, before=np.ones((2, 2)), X=want, after="some text", z={"a": 1})
    found = read_matrix(content, "X", "file")
    assert np.array_equal(found, want)
    assert found.dtype.isnative
    assert found.flags.c_contiguous


@pytest.mark.parametrize(
    ("matrices", "words"),
    [
        ({"Y": np.ones((2, 2))}, "file: there is no matrix X in it"),
        ({"X": np.ones((2, 2)) * 1j}, "real numbers is wanted"),
        ({"X": "text"}, "real numbers is wanted"),
        ({"X": {"a": 1}}, "is damaged"),
    ],
)
def test_what_is_no_matrix_of_numbers(matrices, words):
    with pytest.raises(ValueError, match=words):
        read_matrix(written(**matrices), "X", "file")


@pytest.mark.parametrize("compressed", [False, True])
def test_each_truncation_is_noticed(compressed):
    content = written(compressed, X=np.eye(9, dtype=np.uint8))
    for length in range(len(content)):
        with pytest.raises(ValueError, match="file: "):
            read_matrix(content[:length], "X", "file")


def test_damage_never_crashes():
    content = written(X=np.eye(9, dtype=np.uint8))
    for _ in range(500):
        broken = bytearray(content)
        for at in RANDOM.integers(100, len(content), 4):
            broken[at] = RANDOM.integers(256)
        with suppress(ValueError):
            read_matrix(bytes(broken), "X", "file")
