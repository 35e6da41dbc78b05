"""Torch's own compiler: what it makes of rounds and functions does what they do."""

from functools import partial

import pytest
import torch
from games import Blob

from genus import Run, fit
from genus.compiling.calls import compiled, inductor
from genus.core import Reals
from genus.data.sources import Note
from genus.flow import RealNVP
from genus.train.keeping.state import kept
from genus.vae import VAE

from .law import compiled_rounds_are_rounds
from .test_compiled import batches, gan


@pytest.fixture(scope="module", autouse=True)
def compiler():
    """The process that runs one of these tests runs them all: it loads the compiler once."""
    import torch._inductor.compile_fx  # noqa: F401


MADE = {
    "flow": lambda: RealNVP(Reals((2,)), 2, 8),
    "vae": lambda: VAE(Reals((2,)), latent=1),
    "gan": lambda: gan(every=1, critic_rounds=1, view=None, history=0.0),  # one program
}


def test_torchs_compiler_leaves_the_step_to_another_optimiser():
    model = Blob().double()
    make = partial(sgd, lr=1e-2)
    assert compiled_rounds_are_rounds(model, batches(model), make, compiler=inductor) is None


def sgd(name, weights, lr):
    return torch.optim.SGD(weights, lr)


@pytest.mark.parametrize("name", MADE)
def test_torchs_compiler_keeps_the_law(name):
    model = MADE[name]().double()
    assert compiled_rounds_are_rounds(model, batches(model), compiler=inductor) is None


def test_a_resumed_compiled_run_ends_in_the_same_bits(tmp_path):
    rows = torch.randn(64, 2)

    def run(out, count, resume=False, **how):
        how = {"compile": True, "ema": 0.9, **how}
        torch.default_generator.manual_seed(0)
        fit(
            VAE(Reals((2,)), latent=1),
            rows,
            Run(count, batch=8, out=out, resume=resume, device="cpu", **how),
        )

    run(tmp_path / "straight", 6)
    run(tmp_path / "halved", 3)
    run(tmp_path / "halved", 6, resume=True, accept_change=True)
    for file in ("model.safetensors", "ema.safetensors"):
        assert (tmp_path / "straight" / file).read_bytes() == (
            tmp_path / "halved" / file
        ).read_bytes()
    with pytest.warns(Note, match="compile was True, and is False"):
        run(tmp_path / "halved", 8, resume=True, accept_change=True, compile=False)
    found = kept(tmp_path / "halved" / "state.pt", torch.device("cpu"))
    assert found.state["number"] == 8


def test_torchs_compiler_returns_the_same():
    model = RealNVP(Reals((2,)), 2, 8).double()
    call, x = compiled(model.log_prob), torch.randn(16, 2, dtype=torch.float64)
    torch.testing.assert_close(call(x), model.log_prob(x).detach(), rtol=1e-9, atol=1e-9)
