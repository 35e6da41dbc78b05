"""The reader by templates: the world is drawn again."""

import pytest
import torch

from genus.core import Bits, Pixels
from genus.data.worlds.portraits import PORTRAITS, draw, parameters
from genus.errors import Refused
from genus.measure.readers.template import TemplateReader
from genus.measure.readers.truth import right, truth_of

SPACE = Pixels((3, 16, 16))


@pytest.fixture(scope="module")
def templates():
    return TemplateReader(templates=400, starts=1, attempts=1, steps=(0.2, 0.05))


@pytest.fixture(scope="module")
def reading(templates):
    return templates.read(draw(parameters(6, seed=9), 16) / 127.5 - 1, SPACE)


def test_what_is_read_explains_the_picture(reading):
    """The difference that is left is that of the drawing, and small."""
    assert (-reading.confidence).median() < 6  # of 255 levels
    rights = right(reading.labels, truth_of(PORTRAITS, parameters(6, seed=9)))
    for name in ("ground", "backdrop", "light", "cloth"):
        assert rights[name].double().mean() >= 5 / 6, name


def test_noise_is_refused_once_limits_are_set(templates, reading):
    templates.settle(reading)
    torch.manual_seed(0)
    noise = templates.read(torch.rand(1, 3, 16, 16) * 2 - 1, SPACE)
    assert noise.refused.all()
    assert (-noise.confidence).min() > 20
    templates.limit = float("inf")


def test_others_are_refused(templates):
    with pytest.raises(Refused, match="pictures in three colours"):
        templates.read(torch.zeros(1, 3, 16, 16), Bits((3, 16, 16)))
    with pytest.raises(Refused, match="no world"):
        TemplateReader("moons")
