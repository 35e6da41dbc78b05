"""A learning-rate schedule and a stopping rule of your own.

    python examples/own_schedule.py

A schedule is a function from how much of a run is behind, 0 to 1, to a factor on the learning rate. A
run that is stopped early is a loop over `play`: here when validation has not improved for a while.
"""

import argparse
import copy
from itertools import count
from pathlib import Path

import torch

import genus
from genus.autoregressive import MADE
from genus.media import picture


def one_cycle(progress: float) -> float:
    """Up in the first third of the run, down in the rest."""
    return progress * 3 if progress < 1 / 3 else (1 - progress) * 1.5


def main(rounds: int, out: Path) -> None:
    digits = genus.data.load("digits").binarised()
    (validation,) = digits.validation.everything()
    torch.manual_seed(0)
    model = MADE(digits.space, hidden=(500,))
    run = genus.Run(rounds=rounds, batch=64, lr=5e-3)
    genus.fit(model, digits.train, run, schedule=one_cycle)  # `fit` takes the schedule

    torch.manual_seed(0)
    model = MADE(digits.space, hidden=(500,))  # once more, until it has stopped improving
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    batches = (digits.train.batch(number, size=64, seed=0) for number in count())
    best, state, since = float("inf"), model.state_dict(), 0
    for number, _ in enumerate(genus.play(model, batches, {"model": optimizer}), 1):
        if number % 25 == 0:
            with torch.no_grad():
                nats = -model.log_prob(validation).mean().item()
            best, state, since = min((best, state, since + 1), (nats, None, 0), key=lambda b: b[0])
            state = copy.deepcopy(model.state_dict()) if state is None else state
        if since == 8 or number == rounds:
            break
    model.load_state_dict(state)
    print(f"stopped in round {number}; the best validation was {best:.2f} nats")
    print(next(f for f in genus.evaluate(model, digits) if f.name == "nll"))
    print(f"samples: {picture(model, out / 'own_schedule.png')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=800)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
