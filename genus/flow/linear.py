"""Linear maps of the features: to put them in another order, to mix them, and to give them a scale."""

import torch
from torch import Tensor, nn

from ..errors import Refused
from .bijection import Bijection


class Permutation(Bijection):
    """Features in another order, drawn once.

    Args:
        features: features of x.
        seed: seed of the order.
    """

    order: Tensor
    back: Tensor

    def __init__(self, features: int, seed: int = 0):
        super().__init__()
        self.features, self.seed = features, seed
        order = torch.randperm(features, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort())

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, features), and zeros."""
        return x[:, self.order], x.new_zeros(len(x))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features)."""
        return z[:, self.back]


class Standard(Bijection):
    """A scale and a shift of each number: z = (x - shift) e^-log_scale.

    `prepare` makes the data's mean 0 and deviation 1 here. It is called, once, by whoever trains; a
    model that was saved has been prepared, and is not prepared again by itself.

    Args:
        shape: shape of one x.
        learned: scale and shift continue to learn (the actnorm of Glow); else they are kept.
    """

    def __init__(self, shape: tuple[int, ...], learned: bool = False):
        super().__init__()
        self.shape, self.learned = tuple(shape), learned
        for name in ("shift", "log_scale"):
            start = torch.zeros(self.shape)
            if learned:
                self.register_parameter(name, nn.Parameter(start))
            else:
                self.register_buffer(name, start)

    @torch.no_grad()
    def prepare(self, x: Tensor, context: Tensor | None = None) -> None:
        """Takes mean and deviation from x, (n, *shape)."""
        std, mean = torch.std_mean(x, 0)
        if constant := int((std == 0).sum()):
            raise Refused(
                f"Standard: {constant} of {std.numel()} features have one value in all rows; they "
                f"have no density: leave them out, or dequantise them"
            )
        self.get_tensor("shift").copy_(mean)
        self.get_tensor("log_scale").copy_(std.log())

    def get_tensor(self, name: str) -> Tensor:
        """A parameter or a buffer."""
        return getattr(self, name)

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, *shape), and log |det dz/dx|, (n,)."""
        log_scale = self.get_tensor("log_scale")
        z = (x - self.get_tensor("shift")) * (-log_scale).exp()
        return z, -log_scale.sum().expand(len(x))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, *shape)."""
        return z * self.get_tensor("log_scale").exp() + self.get_tensor("shift")


class LU(Bijection):
    """z = L U x + b, with a unit lower and an upper triangle: its determinant is U's diagonal.

    Source: Kingma, Dhariwal, "Glow: generative flow with invertible 1x1 convolutions", 2018,
        arXiv:1807.03039, section 3.2.

    Args:
        features: features of x.
    """

    def __init__(self, features: int):
        super().__init__()
        self.features = features
        self.below = nn.Parameter(torch.zeros(features, features))
        self.above = nn.Parameter(torch.zeros(features, features))
        self.log_diagonal = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def triangles(self) -> tuple[Tensor, Tensor]:
        """L and U, (features, features)."""
        one = torch.eye(self.features, dtype=self.below.dtype, device=self.below.device)
        return self.below.tril(-1) + one, self.above.triu(1) + self.log_diagonal.exp().diag()

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, features), and log |det dz/dx|, (n,)."""
        lower, upper = self.triangles()
        return x @ (lower @ upper).T + self.bias, self.log_diagonal.sum().expand(len(x))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, features)."""
        lower, upper = self.triangles()
        y = torch.linalg.solve_triangular(lower, (z - self.bias).T, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, y, upper=True).T
