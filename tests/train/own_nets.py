"""Networks of a user's own, for the tests of saving."""

from torch import nn

CALLS = []


class Forgetful(nn.Module):
    """Keeps no argument."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.net(x)


class Stack(nn.Sequential):
    """Takes its parts as they come."""


def build(width=3):
    """A network that nothing but this function can build."""
    CALLS.append(width)
    return nn.Sequential(Forgetful(2, width), nn.Tanh(), Forgetful(width, 1))


def number():
    return 3


def wraps(model):
    """A model as it came."""
    return model
