"""Flows of tables end with their best weights; flows of endless toys have no need to."""

import torch

from genus.data import load
from genus.recipes._fitted import patient
from genus.recipes.flow.realnvp import RUN, realnvp
from genus.train import Run


def test_who_has_patience():
    table = load("iris")
    assert patient(RUN, table).patience == 20
    assert patient(RUN, load("moons")) == RUN
    own = Run(rounds=5, patience=3, evaluate_every=7)
    assert patient(own, table) == own


def test_a_small_table_is_not_learnt_by_heart():
    """150 rows: the weights that come back are no worse on validation rows than those of its start."""
    source = load("iris").loosened()

    def nats(rounds):
        run = Run(rounds=rounds, batch=128, lr=1e-2, evaluate_every=40, patience=3)
        model = realnvp("iris", couplings=4, width=32, run=run)
        (x,) = source.validation.everything()
        with torch.no_grad():
            return -(model.log_prob(x).double() + source.validation.log_jacobian(x)).mean().item()

    assert nats(600) <= nats(40) + 1e-6
