"""Looks at a latent during training: what its units tell, and whether guesses lie where the prior draws.

    active     units of z that tell more than 0.01 nats of x, and units, how many there are
    nats       what all of them tell, the sum over units
    apart      share of draws that a classifier assigns rightly to the guesses or to the prior, of as many of
               each: 0.5 where guesses fill the prior, 1 where samples begin where no row was ever decoded

All come from validation rows, with noise of their own, so that the random streams of the run stay as they are.

Source: that dead units are counted: Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders", 2016,
    arXiv:1509.00519, section 5.3. Prior holes: Hoffman, Johnson, "ELBO surgery", 2016; Rezende, Viola, "Taming VAEs",
    2018, arXiv:1810.00597.
Departs: a unit is active by the nats that it tells, and not by the variance of its mean, which depends on its scale.
"""

import torch
from torch import Tensor

from ...core import HasUnits, Model, promise
from ..rows import on
from ..samples.two_sample import told_apart

ACTIVE = 0.01  # nats above which a unit tells something


@torch.no_grad()
def latent_figures(model: Model, x: Tensor) -> dict[str, float]:
    """The figures of a model's latent at rows, (n, *shape); empty if it has no such latent."""
    if (known := promise(model, HasUnits)) is None or len(x) < 20:
        return {}
    (x,) = on(model, (x,))
    training = model.training
    with torch.random.fork_rng(enabled=True):
        torch.manual_seed(0)
        model.eval()
        nats = known.unit_nats(x).double()
        guesses, prior = known.draw_posterior(x), known.draw_prior(len(x))
        model.train(training)
    return {
        "active": float((nats > ACTIVE).sum()),
        "units": float(len(nats)),
        "nats": nats.sum().item(),
        "apart": told_apart(guesses.cpu(), prior.cpu())[0],
    }
