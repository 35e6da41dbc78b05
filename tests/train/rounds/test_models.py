"""Every model of `models`: its compiled rounds, before the compiler, are its rounds, or the model is refused."""

import pytest
import torch
from laws import rows_for
from models import MODELS, build

from .law import compiled_rounds_are_rounds

READS, DRAWS = "reads a tensor as a number", "draws by chances that it computes"
REFUSED = {  # what decides which operations a round has is only known from its rows or draws
    **dict.fromkeys(["nade", "nade-shuffled"], READS),  # which bits are set
    **dict.fromkeys(["rnnnade", "rnnrbm", "graphrnn", "graphrnn-s"], READS),  # the longest row
    **dict.fromkeys(["seq2seq", "seq2seq-attention", "seq2seq-endless"], READS),
    **dict.fromkeys(["encoder-decoder", "stroke-prediction", "handwriting"], READS),
    **dict.fromkeys(["dgmg", "unordered"], READS),  # which node an edge leads to
    **dict.fromkeys(["gogan", "adagan"], READS),  # the stage
    **dict.fromkeys(["ddpm-learned"], READS),  # whether a row is at the last step
    **dict.fromkeys(["diffusion-coupled"], READS),  # which row goes with which noise
    **dict.fromkeys(
        ["flow-residual", "flow-continuous-alone", "flow-inverse"], READS
    ),  # steps until all is settled
    **dict.fromkeys(["bsgan", "bsgan-tokens", "skipgram"], DRAWS),
}
SLOW = ("flow-continuous", "conditional-flow-continuous")  # refused for many thousand operations
LEARNERS = [
    name
    for name, make in MODELS.items()
    if "fit" not in build(make).promises() and name not in SLOW
]


@pytest.mark.parametrize("name", LEARNERS)
def test_compiled_rounds_are_rounds(name):
    model = build(MODELS[name])
    torch.set_default_dtype(torch.float64)
    data = rows_for(model)
    batches = [data.batch(number, 8, 0) for number in range(3)]
    reason = compiled_rounds_are_rounds(model, batches)
    if name in REFUSED:
        assert reason is not None
        assert REFUSED[name] in reason
    else:
        assert reason is None
