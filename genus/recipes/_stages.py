"""Recipes of several stages: what each gets of the run's rounds, or of its minutes, which they share."""

import copy
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import torch

from ..core import Model
from ..data import Data
from ..train import MakesOptimizers, Run, play
from ..train.keeping.state import STATE
from ..train.note import found_number
from ..train.process import begin
from ..train.rounds.plain import own_optimizers

TRIED = 1.0  # seconds of rounds that measure how many fit into a run
SAFE = 0.8  # of these, for a run does not only play


def in_two(run: Run, name: str, parts: tuple[float, float], rate: float = 1.0) -> tuple[Run, Run]:
    """The run of a first model, and that of a second, which learns from it.

    A run that was stopped in its first part resumes there, and then begins its second. Once the
    second has begun, the first is over.

    Args:
        run: the whole; its folder is that of the second model.
        name: name of the first model's folder, in that of the second.
        parts: rounds of both, over those of the run; its minutes are shared in this proportion.
        rate: learning rate of the second model, over that of the run.
    """
    runs = []
    for part in parts:
        least = 1 if part and run.rounds else 0
        rounds = None if run.rounds is None else max(least, round(part * run.rounds))
        minutes = None if run.minutes is None else run.minutes * part / sum(parts)
        runs.append(replace(run, rounds=rounds, minutes=minutes))
    first, second = runs[0], replace(runs[1], lr=rate * run.lr)
    if run.out is None:
        return first, second
    begun = run.resume and (run.out / STATE).exists()
    if begun:
        first = replace(first, rounds=0, minutes=None)
    folder = run.out / name
    if begun and not (folder / STATE).exists():  # of what it has learnt the second has a copy
        return replace(first, out=None, resume=False), replace(second, resume=True)
    return replace(first, out=folder), replace(second, resume=begun)


def after(run: Run, begun: float) -> Run:
    """The run without the time that has passed since `begun`, which it spent before it could train.

    Args:
        begun: time by the run's clock, `run.time`.
    """
    if run.minutes is None:
        return run
    left = max(0.0, run.minutes - (run.time() - begun) / 60)
    return replace(run, minutes=left, note={"minutes": run.minutes, **run.note})


def settled(run: Run, name: str, find: Callable[[], int]) -> tuple[int, Run]:
    """A number that depends on the speed of the machine, and the run that keeps it for its resume.

    Args:
        run: run of which the number is a part.
        name: name of the number in config.json.
        find: function that finds it.
    """
    kept = found_number(run.out, name) if run.resume and run.out is not None else None
    number = kept if isinstance(kept, int) else find()
    return number, replace(run, note={**run.note, name: number})


def rounds_within(
    minutes: float, model: Model, source: Data, run: Run, optimizers: MakesOptimizers
) -> int:
    """How many rounds of a game fit into so many minutes, from some that a copy plays."""
    device = begin(run.device)
    with torch.random.fork_rng():
        twin = copy.deepcopy(model).to(device).train()
        players = twin.players()
        own = own_optimizers(players)
        steps = {name: optimizers(name, players[name].parameters()) for name in own}
        batches = (
            tuple(x.to(device) for x in source.train.batch(i, run.batch, run.seed)) for i in count()
        )
        rounds = play(twin, batches, steps)
        next(rounds)  # prepares
        begun = run.time()
        for played, losses in enumerate(rounds, 1):
            float(next(iter(losses.values())))  # waits for the device
            if (passed := run.time() - begun) >= TRIED:
                return max(1, round(SAFE * played * 60 * minutes / passed))
    raise AssertionError("a game ends only with its batches")
