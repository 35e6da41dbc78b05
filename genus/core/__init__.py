"""The one idea of this library: spaces, models, players, and what the names of methods promise."""

from .model import GenerativeModel as GenerativeModel
from .model import Model as Model
from .model import Player as Player
from .model import check_embedding as check_embedding
from .model import given as given
from .model import hyperparameters as hyperparameters
from .promises import PROMISES as PROMISES
from .promises import AnnealingPath as AnnealingPath
from .promises import HasAnnealingPath as HasAnnealingPath
from .promises import HasElbo as HasElbo
from .promises import HasFit as HasFit
from .promises import HasLogProb as HasLogProb
from .promises import HasLogWeight as HasLogWeight
from .promises import Losses as Losses
from .promises import promise as promise
from .spaces import Attributes as Attributes
from .spaces import Bits as Bits
from .spaces import Classes as Classes
from .spaces import Graphs as Graphs
from .spaces import Pixels as Pixels
from .spaces import Reals as Reals
from .spaces import Space as Space
from .spaces import Strokes as Strokes
from .spaces import Tokens as Tokens
from .spaces import require_images as require_images
from .spaces import require_pixels as require_pixels
