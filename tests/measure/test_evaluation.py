"""evaluate and scores, on models whose worth is known."""

import math

import pytest
import torch

import genus
from genus.core import GenerativeModel, Pixels, Reals
from genus.data import Data, Rows, load
from genus.data.sources import Note
from genus.energy import RBM
from genus.errors import Refused
from genus.measure import Effort, evaluate, extractor, judges, oracle, real_floor, scores, table
from genus.measure.extractors.pictures import SHIPPED
from genus.measure.samples import extracted
from genus.measure.samples.vectors import vector_figures

EFFORT = Effort(importance=5, betas=200, chains=20)


class Reads(GenerativeModel):
    """Draws rows of a table, with noise."""

    def __init__(self, space, rows, noise=0.0):
        super().__init__()
        self.space, self.spread = space, noise
        self.register_buffer("rows", rows)
        self.seen_training = None

    def sample(self, n):
        self.seen_training = self.training
        x = self.rows[torch.randint(len(self.rows), (n,))]
        return x + self.spread * torch.randn_like(x)


class ReadsLabelled(GenerativeModel):
    """Draws rows of the class that it is asked for; or of the next class."""

    def __init__(self, split, off=0):
        super().__init__()
        self.space, self.context_space = split.space, split.context_space
        self.x, self.label = split.everything()
        self.off = off

    def sample(self, n=None, context=None):
        wanted = (context + self.off) % 10
        rows = [(self.label == c).nonzero()[:, 0] for c in wanted]
        return self.x[torch.stack([r[torch.randint(len(r), ())] for r in rows])]


class Knows(GenerativeModel):
    """The truth of a toy, off by some nats."""

    def __init__(self, data, off=0.0):
        super().__init__()
        self.data, self.off, self.space = data, off, data.space

    def sample(self, n):
        return self.data.train.batch(0, n, 7)[0]

    def log_prob(self, x):
        return self.data.log_prob(x) - self.off


class Half(GenerativeModel):
    """Gives back half of its context."""

    def __init__(self, data):
        super().__init__()
        self.space, self.context_space = data.space, data.context_space

    def sample(self, n=None, context=None):
        return context / 2


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def few(digits):
    """Some digits of each split: where extractors read them, each row counts."""
    parts = (digits.train, digits.validation, digits.test)
    return Data("few digits", *(Rows(x.everything()[0][:200], x.space) for x in parts))


def by_name(figures):
    assert len({f.name for f in figures}) == len(figures)
    return {f.name: f for f in figures}


def test_a_model_that_copies_the_learning_rows(digits):
    rows = digits.train.everything()[0]
    found = by_name(evaluate(Reads(digits.space, rows), digits))
    assert found["memorisation"].value == 0
    assert found["memorisation"].floor == pytest.approx(1, abs=0.2)
    assert found["frechet"].value < 3 * found["frechet"].floor
    assert found["precision"].value == pytest.approx(found["precision"].floor, abs=0.05)
    assert found["classes"].value == found["classes"].floor == 10
    assert "nll" not in found
    assert found["samples_per_second"].value > 0
    assert found["parameters"].value == 0
    protocol = found["frechet"].protocol
    assert protocol["oracle"]["hash"] == oracle("digits").identity()[:16]
    assert protocol["oracle"]["accuracy"] >= 0.98
    assert protocol["samples"] == 1000
    assert protocol["rows"] == 300
    assert protocol["genus"] == genus.__version__


def test_noise_is_far_from_the_floor(digits):
    rows = digits.train.everything()[0]
    model = Reads(digits.space, rows, noise=1.0)
    found = by_name(evaluate(model, digits, samples=300))
    assert found["frechet"].value > 5 * found["frechet"].floor
    assert found["precision"].value < 0.5
    assert found["memorisation"].value > 2


def test_a_forgotten_class_is_missed(digits):
    x, label = digits.train.labelled().everything()
    found = by_name(evaluate(Reads(digits.space, x[label < 7]), digits, samples=500))
    assert found["classes"].value == 7
    assert found["class_kl"].value > 0.3
    assert found["recall"].value < found["recall"].floor
    assert found["frechet"].value > 10 * found["frechet"].floor


def test_labels_that_are_asked_for_are_checked(digits):
    data = digits.labelled()
    good = by_name(evaluate(ReadsLabelled(data.train), data, samples=300))
    assert good["right_class"].value > 0.98
    assert good["right_class"].floor == pytest.approx(0.993, abs=0.005)
    wrong = by_name(evaluate(ReadsLabelled(data.train, off=1), data, samples=300))
    assert wrong["right_class"].value < 0.02
    assert wrong["frechet"].value < 3 * wrong["frechet"].floor


def test_bits_are_judged_beside_bits(digits):
    data = digits.binarised()
    model = RBM(data.space, hidden=8, burn_in=20)
    model.prepare(data.train.everything()[0])
    found = by_name(evaluate(model, data, samples=100, effort=EFFORT))
    # without links it is nearly the base-rate model, so even a short path ends at the truth
    assert found["nll"].sign == "~"
    with torch.no_grad():
        model.W.zero_()
    (x,) = data.test.everything()
    truth = -torch.distributions.Bernoulli(logits=model.a).log_prob(x.flatten(1)).sum(1).mean()
    exact = by_name(evaluate(model, data, samples=100, effort=EFFORT))["nll"]
    assert exact.value == pytest.approx(truth.item(), abs=0.05)
    assert found["bits_per_dim"].value == pytest.approx(found["nll"].value / 64 / math.log(2))
    assert found["frechet"].protocol["oracle"]["accuracy"] < 0.95
    with pytest.raises(ValueError, match="space"):
        table({"bits": list(found.values()), "grey": real_floor(load("digits"), samples=100)})


def test_the_truth_of_a_toy_is_at_no_distance_from_itself():
    data = load("ring")
    found = by_name(evaluate(Knows(data, off=0.3), data))
    assert found["kl_to_truth"].value == pytest.approx(0.3, abs=1e-5)
    assert found["kl_to_truth"].sign == "="
    assert found["nll"].floor == pytest.approx(found["nll"].value - 0.3, abs=1e-5)
    assert abs(found["nll"].floor - data.entropy) < 5 * found["nll"].error
    assert found["modes"].value == found["modes_firmly"].value == 8
    assert found["high_quality"].value == pytest.approx(1 - math.exp(-4.5), abs=0.02)
    assert found["mode_kl"].value < 0.02
    assert "bits_per_dim" not in found
    assert "frechet" not in found


def test_pairs_have_an_error(digits):
    data = load("digits_pairs")
    found = by_name(evaluate(Half(data), data, samples=300))
    x, context = data.test.everything()
    truth = (x - context / 2).abs().mean().item()
    assert found["l1"].value == pytest.approx(truth, abs=1e-5)
    assert found["frechet"].protocol["context"] == repr(data.context_space)


def test_evaluation_follows_its_seed_and_leaves_no_trace(digits):
    model = Reads(digits.space, digits.train.everything()[0]).train()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = evaluate(model, digits, samples=50)
    assert torch.equal(before, torch.get_rng_state())
    assert model.training
    assert model.seen_training is False
    torch.rand(5)
    again, other = (evaluate(model, digits, samples=50, seed=seed) for seed in (0, 1))
    timed = {"samples_per_second"}
    assert [f for f in first if f.name not in timed] == [f for f in again if f.name not in timed]
    assert by_name(first)["frechet"].value != by_name(other)["frechet"].value
    table({"one": [f for f in first if f.name not in timed], "other": other})


def test_a_model_of_other_data_is_refused(digits):
    model = Reads(digits.space, digits.train.everything()[0])
    with pytest.raises(ValueError, match=r"evaluate: Reads is made for Pixels.* the data are Bits"):
        evaluate(model, digits.binarised())
    with pytest.raises(ValueError, match=r"takes None as context, the data give Classes"):
        evaluate(model, digits.labelled())
    with pytest.raises(ValueError, match="Oracle cannot sample"):
        evaluate(oracle("digits"), digits)


def test_the_floor_alone(digits):
    floor = real_floor(digits)
    report = evaluate(Reads(digits.space, digits.train.everything()[0]), digits)
    theirs = by_name(report)
    assert all(f.value == theirs[f.name].floor for f in floor)
    assert "real rows" in table({"copies": report, "real rows": floor})
    assert real_floor(load("moons")) == []


def test_scores_for_a_run(digits):
    ring = load("ring")
    nats = scores(ring.validation, rows=500)(Knows(ring))["nats"]
    assert nats == pytest.approx(ring.entropy, abs=0.2)
    rows = digits.train.everything()[0]
    look = scores(digits.validation)
    assert list(look(Reads(digits.space, rows))) == ["frechet"]
    assert look(Reads(digits.space, rows))["frechet"] < 1
    assert look(Reads(digits.space, rows, noise=1.0))["frechet"] > 1
    labelled = digits.labelled()
    assert list(scores(labelled.validation)(ReadsLabelled(labelled.train))) == ["frechet"]
    apart = scores(ring.validation)(Reads(ring.space, torch.zeros(3, 2)))
    near = scores(ring.validation)(Reads(ring.space, ring.train.everything()[0]))
    assert list(near) == ["energy_distance", "modes", "high_quality", "mode_kl", "width"]
    assert near["energy_distance"] < 0.02
    assert apart["energy_distance"] > 0.5
    assert "width" not in apart  # nothing of high quality is there to measure
    bits = digits.binarised()
    rbm = RBM(bits.space, hidden=4)
    assert scores(bits.validation)(rbm)["nats"] == pytest.approx(64 * math.log(2), rel=0.05)


def test_few_rows_have_no_covariance():
    """As the validation split of a small folder of pictures."""
    x = torch.randint(0, 256, (11, 3, 8, 8), dtype=torch.uint8)
    space = Pixels((3, 8, 8))
    model = Reads(space, Rows(x, space).everything()[0])
    for n, names in ((1, []), (10, []), (11, ["frechet"])):
        assert [*scores(Rows(x[:n], space), samples=12)(model)] == names


def test_data_need_not_have_a_name_of_ours(digits, few):
    model = Reads(few.space, few.train.everything()[0])
    by_extractor = by_name(evaluate(model, few, samples=50))
    assert by_extractor["frechet"].protocol["extractor"]["name"] == "learnt"
    assert by_extractor["frechet_random"].protocol["extractor"]["name"] == "random"
    data = Data("mine", digits.train, digits.validation, digits.test)
    judged = by_name(evaluate(model, data, samples=50, oracle=oracle("digits")))
    assert judged["frechet"].protocol["oracle"] == oracle("digits").account() | {
        "accuracy": judged["frechet"].protocol["oracle"]["accuracy"]
    }
    assert "frechet_random" not in judged


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_of_samples_that_are_not_finite_only_that_is_said(value):
    torch.manual_seed(0)
    space = Reals((3,))
    rows = torch.randn(160, 3)
    data = Data("mine", *(Rows(part, space) for part in rows.split([80, 40, 40])))
    spoilt = rows.clone()
    spoilt[:40, 1] = value
    found = by_name(evaluate(Reads(space, spoilt), data, samples=200))
    assert {*found} == {"finite", "parameters", "samples_per_second"}
    assert abs(found["finite"].value - 0.75) < 5 * found["finite"].error
    assert "finite" not in by_name(evaluate(Reads(space, rows), data, samples=200))


def test_what_is_kept_of_real_rows_is_of_these_data():
    """A second model of the same data is judged by what was seen for the first; other data are not."""
    torch.manual_seed(0)
    space = Reals((3,))
    rows, other = torch.randn(160, 3), 3 + 2 * torch.randn(160, 3)

    def judged(x, samples):
        data = Data("mine", *(Rows(part, space) for part in x.split([80, 40, 40])))
        found = by_name(evaluate(Reads(space, samples), data, samples=60))
        names = ("frechet", "frechet_random", "precision", "memorisation")
        return [(found[name].value, found[name].floor) for name in names]

    def anew():
        judges.KEPT.clear()
        extracted.KEPT.clear()

    anew()
    first = judged(rows, rows)
    assert judged(other, rows) != first
    assert judged(rows, rows) == first
    again = judged(rows, other)
    anew()
    assert judged(rows, other) == again


def test_samples_may_lie_anywhere():
    """However far, or all at one place: figures are numbers, and bad ones."""
    torch.manual_seed(0)
    space = Reals((3,))
    rows = torch.randn(160, 3)
    data = Data("mine", *(Rows(part, space) for part in rows.split([80, 40, 40])))
    for away in (1e30 * rows, rows[:1]):
        found = by_name(evaluate(Reads(space, away), data, samples=100))
        assert found["frechet"].value > 2 * found["frechet"].floor
        assert found["told_apart"].value > 0.8
        assert found["frechet_random"].value > 2 * found["frechet_random"].floor


@pytest.mark.parametrize("counts", [(10, 40, 40), (80, 10, 10)])
def test_a_few_rows_judge_nothing(counts):
    torch.manual_seed(0)
    space = Reals((3,))
    data = Data("mine", *(Rows(torch.randn(n, 3), space) for n in counts))
    found = by_name(evaluate(Reads(space, torch.randn(30, 3)), data, samples=30))
    assert "frechet" not in found
    assert "energy_distance" in found


def test_an_extractor_that_would_be_ignored_is_refused(few):
    own = extractor(SHIPPED / "pictures")
    model = Reads(few.space, few.train.everything()[0])
    with pytest.raises(Refused, match="an oracle and an extractor are given; one of them judges"):
        evaluate(model, few, oracle=oracle("digits"), extractor=own)
    judged = by_name(evaluate(model, few, samples=50, extractor=own))
    assert judged["frechet"].protocol["extractor"] == own.account()
    moons = load("moons")
    with pytest.raises(Refused, match=r"the data are Reals.* it judges pictures of 1 or 3"):
        evaluate(Reads(moons.space, moons.train.everything()[0]), moons, extractor=own)


def test_vectors_without_a_truth_have_an_energy_distance():
    """Near its floor for rows of the data, far for others; in units of the features' deviations."""
    data = load("linear_mixture")
    rows = data.validation.everything()[0]
    same = by_name(evaluate(Reads(data.space, rows), data, samples=200))["energy_distance"]
    assert abs(same.value) < 5 * same.error
    assert abs(same.floor) < 5 * same.error
    assert same.better == "lower"
    noisy = by_name(evaluate(Reads(data.space, rows, 1.0), data, samples=200))["energy_distance"]
    assert noisy.value > 5 * noisy.error
    assert noisy.floor == same.floor
    assert same.protocol["samples"] == same.protocol["floor_rows"] == 200


def test_an_energy_distance_has_no_unit():
    made, train, test = torch.randn(3, 50, 4) + torch.arange(3.0)[:, None, None] / 4
    one, other = (
        vector_figures(made * unit, train * unit, test * unit, {})[0]
        for unit in (torch.ones(4), torch.tensor([1.0, 1e3, 1e-3, 7.0]))
    )
    assert one.value == pytest.approx(other.value, rel=1e-5)
    assert one.floor == pytest.approx(other.floor, rel=1e-5)
    assert one.error == pytest.approx(other.error, rel=1e-5)


def test_toys_have_the_truth_in_the_place_of_an_energy_distance():
    data = load("moons")
    assert "energy_distance" not in by_name(evaluate(Knows(data), data, samples=50))


class Plane(torch.utils.data.Dataset):
    """Test rows of two numbers, one at a time."""

    def __len__(self):
        return len(PLANE)

    def __getitem__(self, number):
        return PLANE[number], number % 2


PLANE = torch.randn(300, 2, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "given",
    [
        PLANE,
        PLANE.numpy(),
        Plane(),
        torch.utils.data.DataLoader(Plane(), 50, shuffle=True),
        Rows(PLANE, Reals((2,))),
    ],
)
def test_test_rows_alone_have_figures_without_training_rows(given):
    model = genus.density.Gaussian(Reals((2,)))
    whole = Rows(PLANE, Reals((2,)))
    with pytest.warns(Note, match="memorisation and copies and floors are left out, which need"):
        found = by_name(evaluate(model, given, samples=100))
    known = by_name(evaluate(model, Data("own", whole, whole, whole), samples=100))
    assert found["nll"].value == pytest.approx(known["nll"].value, abs=1e-6)
    assert known.keys() - found.keys() == {"memorisation", "copies"}
    assert all(figure.floor is None for figure in found.values())
    assert not any({"train", "floor_rows"} & {*figure.protocol} for figure in found.values())
