"""Rows to measure: samples, a split in a fixed order, on the model's device, with seeded noise."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor

from ..core import GenerativeModel, Model, Refused, sample
from .likelihood.likelihood import Batch, parts


def sampled(model: Model, n: int, context: Batch = (), seed: int = 0) -> Tensor:
    """n samples, (n, *shape), as `genus.sample` draws them; with a context, one for each of its rows."""
    if model.context_space is not None:
        return sample(model, None, seed, *context)
    return sample(model, n, seed)


def drawn(model: Model, n: int, context: Batch = (), rows: int = 500) -> Tensor:
    """n samples, (n, *shape), `rows` at once, of the noise as it comes: for figures during training."""
    if not isinstance(model, GenerativeModel):
        raise Refused(f"drawn: {type(model).__name__} cannot sample; a generative model can")
    if model.context_space is not None:
        return torch.cat([model.sample(context=part) for (part,) in parts(context, rows)])
    return torch.cat([model.sample(min(rows, n - i)) for i in range(0, n, rows)])


@contextmanager
def judging(model: Model, seed: int) -> Iterator[None]:
    """A context with the model in evaluation mode, seeded random streams and no gradients."""
    was = model.training
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model.eval()
        try:
            yield
        finally:
            model.train(was)


def on(model: Model, batch: Batch) -> Batch:
    """The batch on the model's device, real numbers in its precision."""
    at = next(chain(model.parameters(), model.buffers()), None)
    if at is None:
        return batch
    return tuple(x.to(at if x.is_floating_point() else at.device) for x in batch)


def shuffled(batch: Batch, n: int) -> Batch:
    """n rows in a fixed random order, repeated where there are fewer."""
    order = torch.randperm(len(batch[0]), generator=torch.Generator().manual_seed(0))
    rows = order[torch.arange(n) % len(order)]
    return tuple(x[rows.to(x.device)] for x in batch)
