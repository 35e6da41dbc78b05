"""A critic that is an autoencoder: rows that it can reconstruct are familiar."""

from torch import Tensor, nn

from ...errors import Refused


class Reconstruction(nn.Module):
    """The reconstruction error of each row: (n, *shape) -> (n,), low for what is familiar.

    The code must be narrower than the data, or every row is reconstructed well and the error is always low.

    Args:
        encoder: rows (n, *shape) to codes, (n, code).
        decoder: codes to as many numbers as a row has.
        power: exponent of the absolute error in each number, whose mean is taken: 1 or 2.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, power: int = 2):
        super().__init__()
        if power not in (1, 2):
            raise Refused(f"Reconstruction: power is {power}; 1 or 2 is wanted")
        self.encoder, self.decoder, self.power = encoder, decoder, power

    def forward(self, x: Tensor) -> Tensor:
        error = (self.decoder(self.encoder(x)).reshape(x.shape) - x).flatten(1)
        return (error.abs() if self.power == 1 else error.square()).mean(1)

    def features(self, x: Tensor) -> Tensor:
        """The codes, (n, code)."""
        return self.encoder(x)
