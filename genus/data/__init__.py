"""Where batches come from: digits, arrays, folders of images, and toys with known truth."""

from .sets import Data as Data
from .sources import load as load
from .splits import Rows as Rows
from .splits import Split as Split
