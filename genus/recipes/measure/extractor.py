"""The extractor that judges pictures which no oracle knows: a net that learns from pictures alone."""

from collections.abc import Mapping, Sequence

import torch

from ...core import Model, Pixels, Refused, Space
from ...data import Data, load
from ...data.splits import Batch
from ...measure import Extractor
from ...train import Run, adamw
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=1500, batch=64, lr=2e-3, ema=0.99, evaluate_every=250)
JUDGED = 512  # validation pictures of each data set


def extractor(
    data: str = "portraits?size=64",
    beside: str = "scenes?size=64,avatars?size=64",
    temperature: float = 0.1,
    decay: float = 1e-4,
    run: Run = RUN,
) -> Model:
    """Extractor on portraits, scenes and avatars; target: a contrast below 0.65 nats.

    Args:
        data: name or path of a data set of pictures, from which every other batch comes.
        beside: names or paths of further ones of the same size, with commas; empty for none.
        temperature: temperature of the contrastive loss, above 0.
        decay: weight decay of AdamW.
        run: length, folder and device of the run.
    """
    source, space = loaded("extractor", data, run, Pixels, axes="channels, height, width")
    others = [load(name) for name in beside.split(",") if name]
    for other in others:
        if other.space != space:
            raise Refused(
                f"extractor: {other.name} is {other.space}, {source.name} is {space}; pictures of one "
                f"size are wanted"
            )
    model = Extractor(space, temperature)
    falling = warmed(cosine, 0.05)
    return fitted(
        model,
        source,
        run,
        adamw(run.lr, decay),
        schedule=falling,
        evaluate=Contrast([source, *others]),
        rows=Together([source, *others]),
        picture=None,
    )


class Together:
    """Batches of several data sets in turn.

    Args:
        sources: data sets of one space.
    """

    def __init__(self, sources: Sequence[Data]):
        self.splits = [source.train for source in sources]
        self.space: Space = self.splits[0].space
        self.context_space: Space | None = None
        self.fingerprint = " ".join(split.fingerprint for split in self.splits)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        """The batch of this number: (x,)."""
        turn, which = divmod(number, len(self.splits))
        return self.splits[which].batch(turn, size, seed)[:1]

    def everything(self) -> Batch:
        """All rows, in order: (x,)."""
        return (torch.cat([split.everything()[0] for split in self.splits]),)


class Contrast:
    """The loss on validation pictures of several data sets, the mean of all.

    Args:
        sources: data sets of one space.
    """

    def __init__(self, sources: Sequence[Data]):
        self.batches = [
            source.validation.batch(0, min(JUDGED, len(source.validation)), 0)[0]
            for source in sources
        ]

    @torch.no_grad()
    def __call__(self, model: Model) -> Mapping[str, float]:
        like = next(model.parameters())
        found = []
        with torch.random.fork_rng():
            torch.manual_seed(0)
            for x in self.batches:
                parts = [x_part for x_part in x.split(64) if len(x_part) == 64]
                found += [model.loss(part.to(like))["contrast"].item() for part in parts]
        return {"contrast": sum(found) / len(found)}
