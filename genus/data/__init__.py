"""Where batches come from: digits, arrays, folders of images, and toys with known truth."""

from .loading import load as load
from .pictures import grid as grid
from .pictures import in_turn as in_turn
from .pictures import picture as picture
from .pictures import read_note as read_note
from .pictures import save_png as save_png
from .pictures import scatter as scatter
from .pictures import shown as shown
from .sets import Data as Data
from .splits import Rows as Rows
from .splits import Split as Split
