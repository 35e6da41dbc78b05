"""How an x is shown: pictures, drawings, plots, waves; and the style of plots."""

from .pictures import grid as grid
from .pictures import in_turn as in_turn
from .pictures import picture as picture
from .pictures import read_note as read_note
from .pictures import save_png as save_png
from .pictures import scatter as scatter
from .pictures import shown as shown
from .waves import heard as heard
from .waves import wave_bytes as wave_bytes
