"""Whose fault an error is."""

import pytest

from genus.cli.errors import FAILURE, MISTAKE, answer, nearest, raised_here
from genus.core import Pixels
from genus.train.artifact import ArtifactError, load
from genus.train.run import Run


def caught(work):
    with pytest.raises(BaseException) as found:  # noqa: PT011
        work()
    return found.value


def test_what_genus_raises_is_the_users():
    code, sentence = answer(caught(lambda: Pixels((1,), levels=1)))
    assert code == MISTAKE
    assert sentence == "Pixels: levels is 1; at least 2 are wanted"
    assert answer(caught(Run)).code == MISTAKE


def test_it_stays_the_users_behind_a_handler(tmp_path):
    (tmp_path / "config.json").write_text("{")
    error = caught(lambda: load(tmp_path))  # raised in an except clause, from None
    assert isinstance(error, ArtifactError)
    assert answer(error).code == MISTAKE


@pytest.mark.parametrize(
    "work",
    [
        lambda: int("three"),  # a ValueError, but not one that genus raises
        lambda: {}["key"],
        lambda: Run(rounds="four"),  # a TypeError that Python raises in a line of genus
    ],
)
def test_what_python_raises_is_ours(work):
    code, sentence = answer(caught(work))
    assert code == FAILURE
    assert sentence.startswith("a failure of genus, not of yours: ")
    assert not raised_here(caught(work))


def test_a_failure_says_which_line_of_genus():
    assert "(genus/train/run.py, line " in answer(caught(lambda: Run(rounds="four"))).sentence


def test_the_system_says_no(tmp_path):
    code, sentence = answer(caught(lambda: (tmp_path / "none").read_text()))
    assert code == MISTAKE
    assert sentence == f"{tmp_path}/none: No such file or directory"


def test_memory_is_named():
    code, sentence = answer(MemoryError("of 3 GiB"))
    assert code == FAILURE
    assert sentence == "out of memory; a smaller batch may fit: of 3 GiB"


def test_sentences_have_one_line():
    assert "\n" not in answer(RuntimeError("several\nlines\n of it")).sentence


def test_nearest():
    assert nearest("couplngs", ["couplings", "width"]) == "; did you mean couplings?"
    assert nearest("zzz", ["couplings", "width"]) == ""
