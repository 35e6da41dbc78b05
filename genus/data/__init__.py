"""Data sets: digits, arrays, folders of images, toys of known density and others."""

from .sets import Data as Data
from .sources import load as load
from .splits import Rows as Rows
from .splits import Split as Split
