"""Data of your own: tensors, arrays, PyTorch's data sets and loaders, as what `fit` and `evaluate` take."""

from .doors import Given as Given
from .doors import batches_of as batches_of
from .doors import test_rows as test_rows
from .loaders import Loaded as Loaded
