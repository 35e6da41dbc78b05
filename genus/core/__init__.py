"""The one idea of this library: spaces, models, players, and what the names of methods promise."""

from .model import PROMISES as PROMISES
from .model import Bits as Bits
from .model import Classes as Classes
from .model import ConditionalModel as ConditionalModel
from .model import GenerativeModel as GenerativeModel
from .model import HasElbo as HasElbo
from .model import HasFit as HasFit
from .model import HasLadder as HasLadder
from .model import HasLogProb as HasLogProb
from .model import HasLogWeight as HasLogWeight
from .model import Ladder as Ladder
from .model import Model as Model
from .model import Pixels as Pixels
from .model import Player as Player
from .model import Reals as Reals
from .model import Space as Space
from .model import Terms as Terms
from .model import Tokens as Tokens
from .model import hyperparameters as hyperparameters
from .structured import Attributes as Attributes
from .structured import Graphs as Graphs
from .structured import Strokes as Strokes
