"""Samples as pictures, drawings, plots and sounds; and the style of plots."""

from .files import read_note as read_note
from .files import save_film as save_film
from .files import save_picture as save_picture
from .files import save_png as save_png
from .pictures import grid as grid
from .pictures import scatter as scatter
from .pictures import shown as shown
from .samples import contexts as contexts
from .samples import picture as picture
from .show import Showing as Showing
from .show import in_turn as in_turn
from .show import show as show
from .waves import as_wave as as_wave
from .waves import wave_bytes as wave_bytes
