"""A law that no wrong model breaks is no law: each is shown a liar."""

import laws
import pytest
import torch
from test_laws import build

LIARS = []  # (liar, its arguments, the law that must reject it)


@pytest.mark.parametrize(
    ("liar", "arguments", "law"), LIARS, ids=lambda v: getattr(v, "__name__", None)
)
def test_law_bites(liar, arguments, law):
    model = build(lambda: liar(**arguments))
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    assert laws.applies(getattr(laws, law), model)
    with pytest.raises((AssertionError, ValueError)):
        getattr(laws, law)(model, *laws.sample(model, 6))


def test_every_law_has_a_liar():
    assert {law.__name__ for law in laws.LAWS} == {law for _, _, law in LIARS}
