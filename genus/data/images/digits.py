"""digits: 1,797 real handwritten digits of 8x8 pixels that ship inside scikit-learn.

Alpaydin, Kaynak, "Optical recognition of handwritten digits", 1998: the test part of the UCI set. Ink
has 17 levels. The split is fixed for ever and holds each class in the same share: 300 rows for the
test, 200 for validation, 1,297 for training. It does not depend on the version of any library.
Writers are not kept apart: the set does not record them.
"""

from dataclasses import replace

import torch

from ...core import Pixels
from ..dividing import stratified
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows

TEST, VALIDATION = 300, 200


def digits() -> Data:
    """The digits, Pixels((1, 8, 8), levels=17)."""
    from sklearn.datasets import load_digits  # takes half a second

    levels, target = load_digits(return_X_y=True)
    x = torch.as_tensor(levels, dtype=torch.uint8).reshape(-1, 1, 8, 8)
    labels = torch.as_tensor(target, dtype=torch.int64)
    order = torch.tensor(stratified(labels.tolist(), [f"digits {i}" for i in range(len(x))]))
    bounds = (len(order) - TEST - VALIDATION, VALIDATION, TEST)
    space = Pixels((1, 8, 8), 17)
    train, validation, test = (
        Rows(x[rows], space, labels=labels[rows], classes=10, name=f"digits {name}")
        for name, rows in zip(SPLITS, order.split(bounds), strict=True)
    )
    return Data("digits", train, validation, test, class_names=tuple("0123456789"))


def digits_pairs() -> Data:
    """The digits, each with its means over blocks of 2 x 2 pixels."""
    return replace(digits().coarse(2), name="digits_pairs")


def digits_stages() -> Data:
    """The digits above their means over 2 x 2 pixels, each with its means over 4 x 4 pixels."""
    return replace(digits().staged(), name="digits_stages")


SETS = {
    "digits": Source(digits),
    "digits_pairs": Source(digits_pairs),
    "digits_stages": Source(digits_stages),
}
