"""Sequences: how a value is chosen, orders, sounds."""

from .choices import Decoding as Decoding
from .choices import pick as pick
from .graph_orders import breadth_first as breadth_first
from .graph_orders import log_breadth_first as log_breadth_first
from .graph_orders import parents as parents
from .graph_orders import reach as reach
from .graph_orders import reordered as reordered
from .nade import nade_logits as nade_logits
from .sequences import present as present
from .sequences import shifted as shifted
from .sound import companded as companded
from .sound import expanded as expanded
from .sound import log_mel as log_mel
from .sound import mel_bands as mel_bands
from .sound import mu_law as mu_law
from .sound import mu_law_undone as mu_law_undone
