"""Whose fault an error is."""

import json
import re

import pytest
import torch

import genus
from genus.cli.errors import FAILURE, MISTAKE, answer, nearest
from genus.core import Bits, GenerativeModel, Pixels
from genus.data import Rows
from genus.errors import Refused, RefusedType
from genus.train import fit
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


def test_what_python_raises_in_genus_is_ours():
    code, sentence = answer(caught(lambda: Run(rounds="four")))  # a TypeError in a line of genus
    assert code == FAILURE
    assert sentence.startswith("a failure of genus, not of yours: TypeError: ")


def test_what_torch_raises_in_c_is_its_callers():
    code, sentence = answer(caught(lambda: torch.zeros(2).reshape(3)))
    assert code == MISTAKE
    assert "test_errors.py, line " in sentence


def test_what_a_library_raises_is_ours():
    code, sentence = answer(caught(lambda: json.loads("{")))
    assert (code, sentence[:33]) == (FAILURE, "a failure of genus, not of yours:")


@pytest.mark.parametrize("work", [lambda: int("three"), lambda: {}["key"]])
def test_what_the_users_code_raises_is_theirs(work):
    code, sentence = answer(caught(work))
    assert code == MISTAKE
    assert re.match(r".*test_errors\.py, line \d+: (ValueError|KeyError): ", sentence)


def test_a_model_of_the_user_that_raises_is_not_a_failure_of_genus():
    class Mine(GenerativeModel):
        space = Bits((2,))

        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(()))

        def sample(self, n):
            return torch.zeros(n, 2)

        def loss(self, x):
            raise ValueError("my loss wants more")

    data = Rows(torch.zeros(4, 2), Bits((2,)))
    code, sentence = answer(caught(lambda: fit(Mine(), data, Run(rounds=1, batch=2))))
    assert code == MISTAKE
    assert sentence.endswith("ValueError: my loss wants more")
    assert "failure of genus" not in sentence


def test_a_refusal_is_a_value_error_and_where_documented_a_type_error():
    assert issubclass(Refused, ValueError)
    assert issubclass(RefusedType, TypeError)
    assert issubclass(RefusedType, Refused)
    assert issubclass(ArtifactError, Refused)
    assert genus.Refused is Refused


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
