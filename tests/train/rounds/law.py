"""The law of compiled rounds: they are the rounds that are played as usual."""

import copy
import warnings

import torch

from genus.compiling.calls import as_traced
from genus.core.seeds import seed
from genus.data.sources import Note
from genus.train.game import adam
from genus.train.rounds.compiled import CompiledRounds
from genus.train.rounds.plain import Rounds, own_optimizers

ROUNDS = 7


def rounds_of(model, make, **how):
    players = model.train().players()
    own = own_optimizers(players)
    return Rounds(model, {name: make(name, players[name].parameters()) for name in own}, **how)


def played(play, batches):
    """The losses of each round, under the seed of its number."""
    losses = []
    for number, batch in enumerate(batches):
        seed(number, torch.device("cpu"))
        losses.append({name: float(value) for name, value in play(number, batch).items()})
    return losses


def compiled_rounds_are_rounds(
    model, batches, make=None, compiler=as_traced, tolerance=1e-7, **how
):
    """Losses, weights, buffers and what optimisers know are the same; returns why a model is not compiled.

    To 1e-7: where a gradient is zero but for its last digits, Adam makes steps of these.
    """
    make = make or adam(1e-2)
    plain, other = rounds_of(copy.deepcopy(model), make, **how), rounds_of(model, make, **how)
    compiled = CompiledRounds(other, None, compiler)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", Note)
        was, now = played(plain.play, batches), played(compiled.play, batches)
    assert [[*losses] for losses in was] == [[*losses] for losses in now]
    for number, (before, after) in enumerate(zip(was, now, strict=True)):
        for name, value in before.items():
            error = abs(after[name] - value)
            assert error <= tolerance * (1 + abs(value)), (
                f"round {number}: {name} is off by {error}"
            )
    alike(plain.model.state_dict(), other.model.state_dict(), tolerance)
    for name, optimizer in plain.optimizers.items():
        alike(
            optimizer.state_dict()["state"], other.optimizers[name].state_dict()["state"], tolerance
        )
    reasons = [str(w.message) for w in told if "without compilation" in str(w.message)]
    return reasons[0] if reasons else None


def alike(was, now, tolerance):
    assert was.keys() == now.keys()
    for name, value in was.items():
        if isinstance(value, dict):
            alike(value, now[name], tolerance)
        else:
            torch.testing.assert_close(now[name], value, rtol=tolerance, atol=tolerance)
