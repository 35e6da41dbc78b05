"""Guidance: a sampler is pulled to where a context shows more clearly than in the data.

Of log p(x | y) the part with y is log p(y | x): with w of it added, samples are of the class
beyond doubt, and fewer of the class's kinds are left. p(y | x_t) is what a classifier of noisy x gives;
or, by Bayes, what a model that knows both p(x | y) and p(x) gives already.

    x0hat = x0hat(x_t | y) + w (x0hat(x_t | y) - x0hat(x_t))              without a classifier
    x0hat = x0hat(x_t) + w sigma^2 / alpha grad log p(y | x_t)            by a classifier

Both are one shift of the score, grad log p(x_t | y) + w grad log p(y | x_t), of a conditional model. At
w = 0 they are the model as it is, bit for bit; a model of p(x) alone becomes that of p(x | y) at w = 1.
What is sampled in the end is not p(x | y) p(y | x)^w: noise and the power do not commute.

Source: Ho, Salimans, "Classifier-free diffusion guidance", 2022, arXiv:2207.12598, equation 6 and
    algorithm 2, whose w this is; Dhariwal, Nichol, "Diffusion models beat GANs on image synthesis",
    2021, arXiv:2105.05233, algorithm 2; Kynkaanniemi and others, "Applying guidance in a limited
    interval improves sample and distribution quality in diffusion models", 2024, arXiv:2404.07724.
Departs: the interval is one of times, in the place of noise levels; on pixels both x0hats are brought
    into [-1, 1] before they are mixed, and the mixture is too. What others call the scale, with 1 for
    no guidance, is 1 + w.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...core import Classes, Losses, Player, Refused, Space, at_least
from ...functional.diffusion.paths import LEAST, Path
from ..denoiser import Denoises, Uniform, spread_evenly
from ..diffusion import Diffusion, Given
from ..sampler import Sampler
from ..ways_back import WaysBack

Interval = tuple[float, float]
ALWAYS: Interval = (0.0, 1.0)
ANY_TIME = Uniform()


# --- denoisers ------------------------------------------------------------------------------


class ClassifierFree:
    """The denoiser of p(x | context), with the effect of the context exaggerated.

    Args:
        model: a model that was trained with a share of rows whose context was dropped.
        context: one row for each x.
        scale: w, at least 0; 0 is the model itself.
        interval: the times between which it is guided, both in [0, 1]; elsewhere it costs half.
    """

    def __init__(
        self,
        model: Diffusion,
        context: Tensor,
        scale: float,
        interval: Interval = ALWAYS,
    ):
        _check("ClassifierFree", scale, interval)
        _check_conditional("ClassifierFree", model)
        self.model, self.context, self.scale, self.interval = model, context, scale, interval
        (features,) = model.features(context)
        self.given = Given(model.denoiser, features)
        self.both = Given(model.denoiser, torch.cat([features, torch.zeros_like(features)]))

    @property
    def path(self) -> Path:
        return self.model.path

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """x0hat, (n, *shape), for t (n,): with and without the context, in one pass of 2 n rows."""
        scale = _scale_at(t, self.scale, self.interval)
        if scale is None:
            return self.given.denoise(x, t)
        cond, uncond = self.both.denoise(torch.cat([x, x]), torch.cat([t, t])).chunk(2)
        start = cond + _rows(scale, x) * (cond - uncond)
        return self.model.space.clip(start)


class ByClassifier:
    """A denoiser pulled to the labels that a classifier of noisy x is to see.

    Args:
        model: model of p(x), or of p(x | labels) already.
        classifier: takes x_t, (n, *shape), and t, (n,); gives logits, (n, classes).
        labels: (n,) int64, one for each x.
        scale: w, at least 0; 0 is the model itself.
        interval: the times between which it is guided, both in [0, 1]. Where almost nothing is left
            of x_0, a classifier's error counts 1 / alpha times.
        space: space of x; x0hat is clipped to its range, such as [-1, 1] of pixels; None leaves it.
    """

    def __init__(
        self,
        model: Denoises,
        classifier: nn.Module,
        labels: Tensor,
        scale: float,
        interval: Interval = ALWAYS,
        space: Space | None = None,
    ):
        _check("ByClassifier", scale, interval)
        self.model, self.classifier, self.labels = model, classifier, labels
        self.scale, self.interval, self.space = scale, interval, space

    @property
    def path(self) -> Path:
        return self.model.path

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """x0hat, (n, *shape), for t (n,)."""
        start, scale = self.model.denoise(x, t), _scale_at(t, self.scale, self.interval)
        if scale is None:
            return start
        shift = self.path.sigma(t).square() / self.path.alpha(t).clamp(min=LEAST)
        start = start + _rows(scale * shift, x) * self.pull(x, t)
        return start if self.space is None else self.space.clip(start)

    def pull(self, x: Tensor, t: Tensor) -> Tensor:
        """grad log p(label | x_t), (n, *shape)."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            log_p = self.classifier(x, t).log_softmax(1).gather(1, self.labels[:, None])
            return torch.autograd.grad(log_p.sum(), x)[0]


def _scale_at(t: Tensor, scale: float, interval: Interval) -> Tensor | None:
    """w at each t, (n,); None if it is 0 at all of them."""
    inside = (t >= interval[0]) & (t <= interval[1])
    return scale * inside.to(t.dtype) if scale > 0 and inside.any() else None


def _rows(numbers: Tensor, x: Tensor) -> Tensor:
    """One number a row, with as many axes as x."""
    return numbers.view(-1, *[1] * (x.dim() - 1))


def _check_conditional(who: str, model: Diffusion) -> None:
    if model.context_space is None:
        raise Refused(
            f"{who}: the model is unconditional; a Diffusion with a context_space is wanted"
        )


def _check(who: str, scale: float, interval: Interval) -> None:
    at_least(0, who, scale=scale)
    if not 0 <= interval[0] < interval[1] <= 1:
        raise Refused(f"{who}: interval is {interval}; two rising times in [0, 1] are wanted")


# --- models ---------------------------------------------------------------------------------


class GuidedWaysBack(WaysBack):
    """A model that samples as another one does, from a guided denoiser."""

    model: Diffusion

    @property
    def path(self) -> Path:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.model.path

    @property
    def sampler(self) -> Sampler:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.model.sampler


class Guided(GuidedWaysBack):
    """A conditional diffusion that samples by guidance without a classifier. It learns as it would.

    Any trained model may be put into one, at any scale: nothing is learned for it.

    Args:
        model: the conditional diffusion, with its own sampler.
        scale: w, at least 0; 0 samples as the model does.
        interval: the times between which it is guided, both in [0, 1].
    """

    def __init__(self, model: Diffusion, scale: float = 1.0, interval: Interval = ALWAYS):
        super().__init__()
        _check("Guided", scale, interval)
        _check_conditional("Guided", model)
        self.model, self.scale, self.interval = model, scale, interval
        self.space, self.context_space = model.space, model.context_space

    def given(self, context: Tensor) -> ClassifierFree:
        """The guided denoiser, for these rows."""
        return ClassifierFree(self.model, context, self.scale, self.interval)

    def loss(self, x: Tensor, context: Tensor) -> Losses:
        """The model's own."""
        return self.model.loss(x, context)


class ClassifierGuided(GuidedWaysBack):
    """A diffusion without labels, and a classifier of noisy x that pulls it to them.

    The two are players that do not meet: each learns on its own what is to be known of x_t.

    Args:
        model: model of p(x), with its own sampler.
        classifier: takes x_t, (n, *shape), and t, (n,); gives logits, (n, classes).
        classes: number of labels.
        scale: w, at least 0; at 1 it is p(x | label), if both have learned all.
        interval: the times between which it is guided, both in [0, 1].
    """

    def __init__(
        self,
        model: Diffusion,
        classifier: nn.Module,
        classes: int,
        scale: float = 1.0,
        interval: Interval = ALWAYS,
    ):
        super().__init__()
        _check("ClassifierGuided", scale, interval)
        self.model, self.classifier, self.classes = model, classifier, classes
        self.scale, self.interval = scale, interval
        self.space, self.context_space = model.space, Classes(classes)

    def given(self, labels: Tensor) -> ByClassifier:
        """The guided denoiser, for these rows."""
        model, judge = self.model, self.classifier
        return ByClassifier(model, judge, labels, self.scale, self.interval, self.space)

    def players(self) -> dict[str, Player]:
        return {
            "model": Player([self.model], lambda x, _: self.model.loss(x)),
            "classifier": Player([self.classifier], self.loss),
        }

    def loss(self, x: Tensor, labels: Tensor) -> Losses:
        """The classifier's cross-entropy at all times alike, nats."""
        return {"cross_entropy": noisy_cross_entropy(self.classifier, self.model, x, labels)}


def noisy_cross_entropy(
    classifier: nn.Module, model: Diffusion, x: Tensor, labels: Tensor
) -> Tensor:
    """What a classifier of x_t is to make small, nats, (): x is noised as the model's path does it."""
    t = ANY_TIME(spread_evenly(x), model.path)
    noisy = model.denoiser.noisy(x, t, torch.randn_like(x))
    return cross_entropy(classifier(noisy.x, t), labels)
