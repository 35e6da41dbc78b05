"""Guidance on normal classes, whose guided score is known; scale zero is the model, bit for bit."""

import laws
import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from genus.core import Classes, Pixels, Reals
from genus.diffusion import (
    DDIM,
    ByClassifier,
    ClassifierFree,
    ClassifierGuided,
    Diffusion,
    Guided,
    TimeEncoder,
    TimeMLP,
)
from genus.diffusion.guidance.guidance import noisy_cross_entropy
from genus.functional.diffusion.parametrisations import Start
from genus.functional.diffusion.paths import VP, Cosine, Straight
from genus.nn import Labels

MEANS = torch.tensor([[1.0, 2.0], [-1.0, 0.5], [0.0, -2.0]], dtype=torch.float64)
COVARIANCE = torch.tensor([[0.5, 0.2], [0.2, 0.8]], dtype=torch.float64)
SHARES = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)


@pytest.fixture(autouse=True)
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def log_q(x, alpha, sigma):
    """log q(x_t, y), (n, classes), at one time."""
    covariance = alpha**2 * COVARIANCE + sigma**2 * torch.eye(2)
    classes = [MultivariateNormal(alpha * m, covariance).log_prob(x) for m in MEANS]
    return torch.stack(classes, 1) + SHARES.log()


class Best(nn.Module):
    """E[x_0 | x_t] of the mixture; of one class, given a context."""

    def __init__(self, path):
        super().__init__()
        self.path, self.unused = path, nn.Parameter(torch.zeros(1))

    def forward(self, x, t, context=None):
        alpha, sigma = self.path.alpha(t[:1]), self.path.sigma(t[:1])
        assert (t == t[0]).all()
        total = alpha**2 * COVARIANCE + sigma**2 * torch.eye(2)
        gain = alpha * COVARIANCE @ total.inverse()
        starts = MEANS + (x[:, None] - alpha * MEANS) @ gain.T  # (n, classes, 2)
        share = log_q(x, alpha, sigma).softmax(1)
        if context is not None:
            share = torch.where(context.any(1, keepdim=True), context, share)
        return (share[:, :, None] * starts).sum(1)


class Judge(nn.Module):
    """The classifier that is always right: log p(y | x_t) up to a constant."""

    def __init__(self, path):
        super().__init__()
        self.path, self.unused = path, nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        return log_q(x, self.path.alpha(t[:1]), self.path.sigma(t[:1]))


PATHS = [VP(), Cosine(), Straight()]


def conditional(path=PATHS[0], **named):
    options = {"context_space": Classes(3), "embed": Labels(3)}
    return Diffusion(Best(path), Reals((2,)), path, Start(), **options, **named)


def marginal(path=PATHS[0]):
    return Diffusion(Best(path), Reals((2,)), path, Start())


def score_is_the_guided_one(denoiser, labels, scale):
    """(alpha x0hat - x_t) / sigma^2 = grad log q(x_t | y) + w grad log q(y | x_t), by autograd."""
    for t in (0.05, 0.5, 0.9):
        time = torch.tensor(t)
        alpha, sigma = denoiser.path.alpha(time), denoiser.path.sigma(time)
        x = torch.randn(len(labels), 2, requires_grad=True)
        joint = log_q(x, alpha, sigma)
        mine = joint.gather(1, labels[:, None]).sum()
        (wanted,) = torch.autograd.grad((1 + scale) * mine - scale * joint.logsumexp(1).sum(), x)
        start = denoiser.denoise(x.detach(), time.expand(len(x)))
        claimed = (alpha * start - x.detach()) / sigma**2
        torch.testing.assert_close(claimed, wanted)


LABELS = torch.tensor([0, 1, 2, 1, 0])


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_classifier_free_score(path):
    denoiser = ClassifierFree(conditional(path), LABELS, 2.5)
    score_is_the_guided_one(denoiser, LABELS, 2.5)


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_score_by_classifier_of_a_conditional_model(path):
    denoiser = ByClassifier(conditional(path).given(LABELS), Judge(path), LABELS, 2.5)
    score_is_the_guided_one(denoiser, LABELS, 2.5)


def test_score_by_classifier_of_a_model_without_labels():
    """Bayes: the score of p(x) and once that of p(y | x) is the score of p(x | y)."""
    denoiser = ByClassifier(marginal(), Judge(PATHS[0]), LABELS, 1.0)
    score_is_the_guided_one(denoiser, LABELS, 0.0)


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
def test_guided_samples_of_classes_that_are_shifts(scale):
    """Where p(x | y) is p(x) moved by m, the guided score is that of p(x) moved by (1 + w) m."""
    slope = torch.tensor([0.6, -0.4])

    class Shift(nn.Module):
        def forward(self, x, t, context):
            alpha, sigma = (f(t)[:, None] for f in (PATHS[1].alpha, PATHS[1].sigma))
            mean = context * slope
            return mean + alpha / (alpha**2 + sigma**2) * (x - alpha * mean)

    # N(m, I), on the cosine path: x_t is N(alpha m, I) and DDIM keeps its deviation
    model = Diffusion(
        Shift(),
        Reals((2,)),
        Cosine(),
        Start(),
        context_space=Reals((1,)),
        embed=nn.Linear(1, 1, bias=False),
    )
    with torch.no_grad():
        model.embed.weight.fill_(1.0)
    x = Guided(model, scale).sample(context=torch.ones(4000, 1), sampler=DDIM(400))
    for i in range(2):
        laws.within(x[:, i], (1 + scale) * slope[i].item())
        assert (x[:, i].std() - 1).abs() < 0.06  # five standard errors


# --- scale zero -------------------------------------------------------------------------------


def trained(kind=TimeMLP, **named):
    net = kind(2, 8, 1, context=3)
    for p in net.parameters():
        p.data.add_(0.3 * torch.randn_like(p))
    return Diffusion(
        net,
        Reals((2,)),
        sampler=DDIM(4, eta=0.5),
        context_space=Classes(3),
        embed=Labels(3),
        **named,
    )


def same_samples(one, other):
    drawn = []
    for model in (one, other):
        torch.manual_seed(3)
        drawn.append(model.sample(context=LABELS))
    assert torch.equal(*drawn)


def test_scale_zero_is_the_conditional_model():
    model = trained()
    same_samples(model, Guided(model, 0.0))


def test_no_time_in_the_interval_is_scale_zero():
    model = trained()
    same_samples(model, Guided(model, 5.0, (0.998, 0.999)))


def test_scale_zero_by_classifier_is_the_model():
    net = TimeMLP(2, 8, 1)
    for p in net.parameters():
        p.data.add_(0.3 * torch.randn_like(p))
    model = Diffusion(net, Reals((2,)), sampler=DDIM(4, eta=0.5))
    torch.manual_seed(3)
    guided = ClassifierGuided(model, Judge(model.path), 3, 0.0).sample(context=LABELS)
    torch.manual_seed(3)
    assert torch.equal(guided, model.sample(len(LABELS)))


# --- cost and interval ------------------------------------------------------------------------


class Counts(TimeMLP):
    rows = ()

    def forward(self, x, t, context=None):
        self.rows = (*self.rows, len(x))
        return super().forward(x, t, context)


def test_one_pass_of_twice_the_rows_where_it_is_guided():
    model = trained(Counts)
    Guided(model, 2.0, (0.35, 0.65)).sample(context=LABELS, sampler=DDIM(11))  # at 1.0, 0.9, ...
    assert model.net.rows == (5, 5, 5, 5, 10, 10, 10, 5, 5, 5, 5)


def test_rows_may_be_at_different_times():
    model = trained()
    x, t = torch.randn(5, 2), torch.tensor([0.1, 0.4, 0.9, 0.5, 0.2])
    guided = ClassifierFree(model, LABELS, 2.0, (0.3, 0.6)).denoise(x, t)
    cond, nothing = (given(LABELS).denoise(x, t) for given in (model.given, model.unconditional))
    inside = torch.tensor([False, True, False, True, False])[:, None]
    torch.testing.assert_close(guided, torch.where(inside, 3 * cond - 2 * nothing, cond))


# --- pixels, learning, errors -----------------------------------------------------------------


def test_pixels_stay_in_their_range():
    space = Pixels((1, 2, 2), 5)
    net, judge = TimeMLP(4, 8, 1, context=3), TimeEncoder(1, 3, 4, (1,))
    for p in (*net.parameters(), *judge.parameters()):
        p.data.add_(torch.randn_like(p))
    model = Diffusion(net, space, sampler=DDIM(3), context_space=Classes(3), embed=Labels(3))
    x, t = torch.randn(5, 1, 2, 2), torch.full((5,), 0.7)
    for denoiser in (
        ClassifierFree(model, LABELS, 9.0),
        ByClassifier(model.given(LABELS), judge, LABELS, 9.0, space=space),
    ):
        assert denoiser.denoise(x, t).abs().max() == 1
    made = Guided(model, 9.0).sample(context=LABELS)
    assert torch.equal(made, space.quantise(made))


def test_a_classifier_learns_what_the_noise_leaves_of_the_label():
    """The cross-entropy of the classifier that is always right is lower than its neighbours'."""
    model = marginal()

    class Off(Judge):
        def forward(self, x, t):
            return 1.3 * super().forward(x, t)

    class Rowwise(nn.Module):
        """Judges each row at its own time."""

        def __init__(self, judge):
            super().__init__()
            self.judge = judge

        def forward(self, x, t):
            return torch.cat([self.judge(*row) for row in zip(x[:, None], t[:, None], strict=True)])

    labels = SHARES.multinomial(500, replacement=True)
    noise = torch.randn(500, 2) @ torch.linalg.cholesky(COVARIANCE).T
    losses = []
    for judge in (Judge(model.path), Off(model.path)):
        torch.manual_seed(5)
        losses.append(
            noisy_cross_entropy(Rowwise(judge), model, MEANS[labels] + noise, labels).item()
        )
    assert losses[0] < losses[1]
    assert 0.1 < losses[0] < 1.03  # nats: above none at all, below the entropy of the shares


@pytest.mark.parametrize(
    "make",
    [
        lambda model, **named: Guided(model, **named),
        lambda model, **named: ClassifierFree(model, LABELS, **{"scale": 1.0, **named}),
        lambda model, **named: ByClassifier(
            model.given(LABELS), Judge(VP()), LABELS, **{"scale": 1.0, **named}
        ),
        lambda model, **named: ClassifierGuided(marginal(), Judge(VP()), 3, **named),
    ],
)
def test_wrong_scales_and_intervals(make):
    with pytest.raises(ValueError, match=r"scale is -1.*at least 0"):
        make(trained(), scale=-1.0)
    with pytest.raises(ValueError, match=r"interval is \(0.5, 0.5\)"):
        make(trained(), interval=(0.5, 0.5))


# --- liars ------------------------------------------------------------------------------------


class TheirScale(ClassifierFree):
    def denoise(self, x, t):
        cond, nothing = self.both.denoise(torch.cat([x, x]), torch.cat([t, t])).chunk(2)
        return nothing + self.scale * (cond - nothing)


class ToldTheOtherWayRound(ClassifierFree):
    def denoise(self, x, t):
        nothing, cond = self.both.denoise(torch.cat([x, x]), torch.cat([t, t])).chunk(2)
        return cond + self.scale * (cond - nothing)


class GuidesByTheirScale(Guided):
    def given(self, context):
        return TheirScale(self.model, context, self.scale)


def test_the_law_of_scale_zero_bites():
    model = trained()
    with pytest.raises(AssertionError):
        same_samples(model, GuidesByTheirScale(model, 0.0))


class ForgetsTheNoise(ByClassifier):
    def denoise(self, x, t):
        return self.model.denoise(x, t) + self.scale * self.pull(x, t)


class PullsToTheFirst(ByClassifier):
    def pull(self, x, t):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(self.classifier(x, t).log_softmax(1)[:, 0].sum(), x)[0]


@pytest.mark.parametrize("liar", [TheirScale, ToldTheOtherWayRound])
def test_the_law_bites_without_a_classifier(liar):
    with pytest.raises(AssertionError):
        score_is_the_guided_one(liar(conditional(), LABELS, 2.5), LABELS, 2.5)


@pytest.mark.parametrize("liar", [ForgetsTheNoise, PullsToTheFirst])
def test_the_law_bites_by_classifier(liar):
    denoiser = liar(conditional().given(LABELS), Judge(PATHS[0]), LABELS, 2.5)
    with pytest.raises(AssertionError):
        score_is_the_guided_one(denoiser, LABELS, 2.5)
