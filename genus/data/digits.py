"""digits: 1,797 real handwritten digits of 8x8 pixels that ship inside scikit-learn.

Alpaydin, Kaynak, "Optical recognition of handwritten digits", 1998: the test part of the UCI set. Ink
has 17 levels. The split is fixed for ever and holds each class in the same share: 300 rows to test,
200 to validate, 1,297 to learn from. It does not depend on the version of any library. Writers are
not kept apart: the set does not say who wrote what.
"""

import hashlib
from collections import Counter

import torch

from ..core import Pixels
from .sets import SPLITS, Data
from .splits import Rows

TEST, VALIDATION = 300, 200


def digits() -> Data:
    """The digits, Pixels((1, 8, 8), levels=17)."""
    from sklearn.datasets import load_digits  # takes half a second

    levels, target = load_digits(return_X_y=True)
    x = torch.as_tensor(levels, dtype=torch.uint8).reshape(-1, 1, 8, 8)
    labels = torch.as_tensor(target, dtype=torch.int64)
    order = torch.tensor(stratified(labels.tolist(), "digits"))
    bounds = (len(order) - TEST - VALIDATION, VALIDATION, TEST)
    space = Pixels((1, 8, 8), 17)
    train, validation, test = (
        Rows(x[rows], space, labels=labels[rows], classes=10, name=f"digits {name}")
        for name, rows in zip(SPLITS, order.split(bounds), strict=True)
    )
    return Data("digits", train, validation, test, class_names=tuple("0123456789"))


def stratified(labels: list[int], salt: str) -> list[int]:
    """Row numbers in a fixed order, such that any stretch has about the same share of each label."""
    shuffled = sorted(
        range(len(labels)), key=lambda i: hashlib.sha256(f"{salt} {i}".encode()).digest()
    )
    counts, seen = Counter(labels), Counter()
    place = {}
    for i in shuffled:
        place[i] = (seen[labels[i]] + 0.5) / counts[labels[i]]
        seen[labels[i]] += 1
    return sorted(shuffled, key=lambda i: (place[i], labels[i]))
