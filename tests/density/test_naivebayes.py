"""NaiveBayes: against scikit-learn's on the same rows, and what classes without rows are given."""

import numpy as np
import pytest
import torch
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB

from genus.core import Bits, Classes, Pixels, Reals, Refused, Tokens
from genus.density import NaiveBayes

LABELS = torch.arange(60) % 3


def fitted(space, x, smoothing=1.0, classes=3, **how) -> NaiveBayes:
    model = NaiveBayes(space, Classes(classes), smoothing, **how).double()
    list(model.fit(x, LABELS[: len(x)]))
    return model


@pytest.mark.parametrize("smoothing", [0.5, 1.0])
def test_on_bits_it_is_scikit_learns(smoothing):
    torch.manual_seed(0)
    x = (torch.rand(60, 5, dtype=torch.float64) < 0.2 + 0.2 * LABELS[:, None]).double()
    model = fitted(Bits((5,)), x, smoothing)
    peer = BernoulliNB(alpha=smoothing).fit(x.numpy(), LABELS.numpy())
    np.testing.assert_allclose(
        model.products.logits.detach().sigmoid().log().numpy(), peer.feature_log_prob_, rtol=1e-9
    )
    model.logits.data = torch.tensor(peer.class_log_prior_)  # whose classes are not smoothed
    found = model.log_classes(x).detach().numpy()
    np.testing.assert_allclose(found, peer.predict_log_proba(x.numpy()), rtol=1e-9)


def test_on_values_it_is_scikit_learns():
    torch.manual_seed(1)
    x = torch.randint(4, (60, 5))
    model = fitted(Tokens(4, 5), x)
    peer = CategoricalNB(alpha=1.0, min_categories=4).fit(x.numpy(), LABELS.numpy())
    model.logits.data = torch.tensor(peer.class_log_prior_)
    found = model.log_classes(x).detach().numpy()
    np.testing.assert_allclose(found, peer.predict_log_proba(x.numpy()), rtol=1e-9)
    pixels = fitted(Pixels((5,), 4), Pixels((5,), 4).values(x, torch.float64))
    torch.testing.assert_close(pixels.products.logits, model.products.logits)


def test_on_the_reals_it_is_scikit_learns():
    torch.manual_seed(2)
    x = torch.randn(60, 5, dtype=torch.float64) * 3 + LABELS[:, None]
    model = fitted(Reals((5,)), x, floor=1e-12)
    peer = GaussianNB(var_smoothing=0.0).fit(x.numpy(), LABELS.numpy())
    model.logits.data = torch.tensor(peer.class_prior_).log()
    found = model.log_classes(x).detach().numpy()
    np.testing.assert_allclose(found, peer.predict_log_proba(x.numpy()), rtol=1e-8, atol=1e-9)
    drawn = model.sample(None, torch.full((20_000,), 2))
    torch.testing.assert_close(drawn.mean(0), x[LABELS == 2].mean(0), rtol=0, atol=0.2)


@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_a_class_without_rows(smoothing):
    """It is not impossible to draw of it: each value is equally likely, or it is a standard normal."""
    x = torch.rand(60, 4).round().double()
    model = fitted(Bits((4,)), x, smoothing, classes=4)
    drawn = model.sample(None, torch.full((1000,), 3))
    assert abs(float(drawn.mean()) - 0.5) < 5 * 0.5 / 4000**0.5
    assert model.log_classes(x).isfinite().all()
    assert (model.log_classes(x).argmax(1) < 3).all()
    reals = fitted(Reals((4,)), x + torch.randn(60, 4), smoothing, classes=4)
    drawn = reals.sample(None, torch.full((1000,), 3))
    assert abs(float(drawn.std()) - 1) < 0.1


def test_constant_columns_values_that_are_new_and_one_row():
    x = torch.zeros(60, 3, dtype=torch.int64)
    for smoothing in (0.0, 1.0):
        model = fitted(Tokens(3, 3), x, smoothing)
        assert model.log_prob(torch.full((1, 3), 2), torch.tensor([0])).isfinite().all()
    assert fitted(Tokens(3, 3), x[:1]).log_classes(x).isfinite().all()
    flat = fitted(Reals((3,)), torch.zeros(60, 3))
    assert flat.log_prob(torch.zeros(1, 3).double(), torch.tensor([0])).isfinite().all()


def test_what_it_cannot_take_is_said():
    with pytest.raises(Refused, match="its sequences end"):
        NaiveBayes(Tokens(3, 4, end=0), Classes(2))
    with pytest.raises(Refused, match="context"):
        NaiveBayes(Bits((4,)), Bits((2,)))
    with pytest.raises(Refused, match="smoothing"):
        NaiveBayes(Bits((4,)), Classes(2), smoothing=-1.0)
