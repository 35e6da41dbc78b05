"""Where batches come from: digits, arrays, folders of images, and toys with known truth."""

from .loading import load as load
from .sets import Data as Data
from .splits import Rows as Rows
from .splits import Split as Split
